//! How much work a plan is. Everything is a formula by epoch, so that a walk of any length is
//! reckoned at once.

use std::collections::BTreeSet;

use super::cost::{Extent, gradient};
use super::point::described;
use super::{Place, Plan};
use crate::experiment::{Epochs, LineSchedule, PointMeasure};

/// The work of a plan, in forward passes over one sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct Forecast<'a> {
    plan: &'a Plan,
    extent: Extent,
}

impl<'a> Forecast<'a> {
    /// The forecast for a problem of this size.
    pub(super) fn new(plan: &'a Plan, extent: Extent) -> Self {
        Self { plan, extent }
    }

    /// All of it.
    pub(super) fn total(&self) -> u64 {
        let end = self.before(self.plan.total_steps());
        end.saturating_add(self.points(self.plan.train.epochs, self.plan.train.epochs + 1))
    }

    /// All steps before `step`, with what is measured along them and at points before it.
    pub(super) fn before(&self, step: u64) -> u64 {
        let place = self.plan.place(step);
        let seen = (place.epoch - 1).saturating_mul(self.plan.samples as u64);
        let seen = seen.saturating_add(self.plan.batch_range(place).start as u64);
        let points = step.div_ceil(self.plan.steps_per_epoch());
        seen.saturating_mul(gradient(1))
            .saturating_add(self.lines_of_epochs_before(place.epoch))
            .saturating_add(self.lines_within(place.epoch, place.iteration))
            .saturating_add(self.points(0, points))
    }

    /// A step with the line along it.
    pub(super) fn step(&self, place: Place) -> u64 {
        let line = self.plan.line_schedule(place);
        let line = line.map_or(0, |schedule| self.extent.line(schedule, place.iteration > 0));
        gradient(self.plan.batch_range(place).len()).saturating_add(line)
    }

    /// A measurement at one point.
    pub(super) fn point(&self, measure: &PointMeasure) -> u64 {
        described(measure, self.extent).1
    }

    /// What is measured at the points behind the epochs `first..end`.
    fn points(&self, first: u64, end: u64) -> u64 {
        let works =
            self.plan.points.iter().map(|measure| {
                self.point(measure).saturating_mul(measure.epochs().count(first, end))
            });
        let scores = self.extent.scores().saturating_mul(end - first);
        works.fold(scores, u64::saturating_add)
    }

    /// The work of all lines.
    pub(super) fn lines(&self) -> u64 {
        self.lines_of_epochs_before(self.plan.train.epochs + 1)
    }

    /// Updates along which the loss is measured.
    pub(super) fn measured_updates(&self) -> u64 {
        self.weigh_epochs_before(self.plan.train.epochs + 1, &|_, _| 1)
    }

    /// Those of them that are measured to second order.
    pub(super) fn second_order_updates(&self) -> u64 {
        let weight = |schedule: &LineSchedule, _| schedule.second_order.into();
        self.weigh_epochs_before(self.plan.train.epochs + 1, &weight)
    }

    fn lines_of_epochs_before(&self, epoch: u64) -> u64 {
        self.weigh_epochs_before(epoch, &|schedule, shared| self.extent.line(schedule, shared))
    }

    fn lines_within(&self, epoch: u64, steps: u64) -> u64 {
        let weight: Weight = &|schedule, shared| self.extent.line(schedule, shared);
        self.weigh_within(epoch, steps, weight)
    }

    /// The lines of all epochs before this one. Epochs that no schedule lists are alike.
    fn weigh_epochs_before(&self, epoch: u64, weight: Weight) -> u64 {
        let listed: BTreeSet<u64> = self
            .plan
            .lines
            .iter()
            .flat_map(|schedule| {
                let Epochs::These(epochs) = &schedule.epochs else { return None };
                Some(epochs.range(1..epoch).copied())
            })
            .flatten()
            .collect();
        let steps = self.plan.steps_per_epoch();
        let others = epoch - 1 - listed.len() as u64;
        // Epochs are listed from 1 on: epoch 0 is one that nobody lists.
        let others = self.weigh_within(0, steps, weight).saturating_mul(others);
        listed
            .iter()
            .map(|&epoch| self.weigh_within(epoch, steps, weight))
            .fold(others, u64::saturating_add)
    }

    /// The lines along the first `steps` updates of an epoch. Every schedule measures the first so
    /// many; a line that two ask for is measured under the first.
    fn weigh_within(&self, epoch: u64, steps: u64, weight: Weight) -> u64 {
        let (mut sum, mut covered) = (0u64, 0);
        for schedule in self.plan.lines.iter().filter(|schedule| schedule.epochs.contains(epoch)) {
            let end = schedule.iterations.count(steps).max(covered);
            if covered == 0 && end > 0 {
                sum = sum.saturating_add(weight(schedule, false));
                covered = 1;
            }
            sum = sum.saturating_add(weight(schedule, true).saturating_mul(end - covered));
            covered = end;
        }
        sum
    }
}

/// The share of a plan's work that lies before `step`, from 0 to 1, with so many parameters. The test
/// split is left out.
pub fn share_done(plan: &Plan, dimension: usize, step: u64) -> f64 {
    let extent = Extent { samples: plan.samples, test_samples: 0, dimension };
    let forecast = Forecast::new(plan, extent);
    forecast.before(step) as f64 / forecast.total().max(1) as f64
}

/// What a line under a schedule counts; true if it starts where a line before it ended.
type Weight<'w> = &'w dyn Fn(&LineSchedule, bool) -> u64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::parse;

    fn plan(settings: &[&str]) -> Result<Plan, Box<dyn std::error::Error>> {
        let text = "[data]\nname = 'digits'\n[model]\narch = 'mlp'\n";
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        Ok(Plan::new(&parse(text, "a.toml", "a", &settings)?, 250))
    }

    const EXTENT: Extent = Extent { samples: 250, test_samples: 70, dimension: 1000 };

    const MEASURES: [&str; 4] = [
        "measure=[{kind='line'}]",
        "measure=[{kind='line',epochs=[2,4],iterations=2,reach=3.0},{kind='line',epochs=[1,4,5],\
         second_order=true},{kind='line',iterations=1,points=3}]",
        "measure=[{kind='line',iterations=0},{kind='alignment',epochs=[0,3,5]},{kind='spectrum'}]",
        "measure=[{kind='covariance',batch_sizes=[7,250]},{kind='alignment',batch_sizes=[250]}]",
    ];

    #[test]
    fn the_formula_is_the_sum_over_steps_and_points() -> Result<(), Box<dyn std::error::Error>> {
        for measures in MEASURES {
            for optimizer in ["train.optimizer=sgd", "train.optimizer=gd"] {
                let plan = plan(&[measures, optimizer, "train.epochs=5"])?;
                let forecast = Forecast::new(&plan, EXTENT);
                let at = |epoch| {
                    let due = plan.points.iter().filter(move |m| m.epochs().contains(epoch));
                    let due = due.map(|measure| forecast.point(measure)).sum::<u64>();
                    due + 250 + 70
                };
                let mut sum = 0;
                for step in 0..plan.total_steps() {
                    assert_eq!(forecast.before(step), sum, "{measures} {optimizer} {step}");
                    let place = plan.place(step);
                    let point = if place.iteration == 0 { at(place.epoch - 1) } else { 0 };
                    sum += forecast.step(place) + point;
                }
                assert_eq!(forecast.total(), sum + at(5), "{measures} {optimizer}");
                let schedules =
                    (0..plan.total_steps()).filter_map(|t| plan.line_schedule(plan.place(t)));
                let second: u64 = schedules.clone().map(|line| u64::from(line.second_order)).sum();
                let counts = (forecast.measured_updates(), forecast.second_order_updates());
                assert_eq!(counts, (schedules.count() as u64, second), "{measures} {optimizer}");
            }
        }
        Ok(())
    }

    #[test]
    fn a_walk_without_end_is_reckoned_at_once() -> Result<(), Box<dyn std::error::Error>> {
        let epochs = i64::MAX / 250;
        let listed: Vec<u64> = (0..100_000).map(|i| 1 + 90 * i).collect();
        let measures = format!(
            "measure=[{{kind='line',epochs={listed:?}}},{{kind='line',epochs={listed:?}}},{{kind='alignment'}}]"
        );
        let begin = std::time::Instant::now();
        let plan = plan(&[&measures, &format!("train.epochs={epochs}")])?;
        let forecast = Forecast::new(&plan, EXTENT);
        assert!(plan.measures_after(plan.total_steps() - 1));
        assert_eq!(forecast.total(), u64::MAX);
        assert!(forecast.before(plan.total_steps() / 1_000_000) < u64::MAX);
        assert!(begin.elapsed().as_secs() < 2, "a loop over epochs would take years");
        Ok(())
    }
}

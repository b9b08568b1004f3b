//! Which samples each step sees, and which steps are measured.

use crate::experiment::{
    AlignmentSchedule, Evaluation, Experiment, LineSchedule, Measure, Optimizer, Train,
};
use crate::objective::BatchNormPolicy;
use crate::random::Stream;

/// Costs in forward passes, for the time left. A gradient is one, and a backward pass that costs two.
pub(super) const GRADIENT: u64 = 3;
/// A direction to first order, beside what it shares with others.
pub(super) const SLOPE: u64 = 2;
/// A direction to second order, beside what it shares with others.
pub(super) const DIRECTION: u64 = 3;
/// What directions share: a pass forward and one backward to the activations.
const PRIMAL: u64 = 2;
/// A product H v.
pub(super) const PRODUCT: u64 = 6;
/// Products that the ends of a spectrum usually take.
const TYPICAL_PRODUCTS: usize = 40;

/// The whole walk as decided before its first step.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// How theta moves.
    pub train: Train,
    /// How the loss is measured.
    pub evaluation: Evaluation,
    /// The policy to write into records; none for a network without batch norm.
    pub batch_norm: Option<BatchNormPolicy>,
    /// When lines are measured; the first schedule that contains a step decides.
    pub lines: Vec<LineSchedule>,
    /// What is measured at single points of the path, and when.
    pub points: Vec<Measure>,
    /// N.
    pub samples: usize,
}

/// Where a step lies in the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// t, counted from 0.
    pub step: u64,
    /// Epoch, counted from 1.
    pub epoch: u64,
    /// Iteration within the epoch, counted from 0.
    pub iteration: u64,
}

impl Plan {
    /// The plan of an experiment on `samples` samples.
    pub fn new(experiment: &Experiment, samples: usize) -> Self {
        let measures = experiment.measure.iter();
        let line = |measure: &Measure| match measure {
            Measure::Line(schedule) => Some(schedule.clone()),
            _ => None,
        };
        Self {
            train: experiment.train.clone(),
            evaluation: experiment.evaluation.clone(),
            batch_norm: experiment.has_batch_norm().then_some(experiment.evaluation.batch_norm),
            lines: measures.clone().filter_map(line).collect(),
            points: measures.filter(|measure| line(measure).is_none()).cloned().collect(),
            samples,
        }
    }

    /// The plan of an objective that no experiment describes: without batch norm, measured in the
    /// precision of training. [`Train`] and its defaults say how theta moves.
    pub fn of_objective(train: Train, lines: Vec<LineSchedule>, samples: usize) -> Self {
        let evaluation = Evaluation { precision: train.precision, ..Evaluation::default() };
        Self { train, evaluation, batch_norm: None, lines, points: Vec::new(), samples }
    }

    /// Steps of one epoch; a short last batch is a step of its own.
    pub fn steps_per_epoch(&self) -> u64 {
        match self.train.optimizer {
            Optimizer::Gd => 1,
            Optimizer::Sgd => self.samples.div_ceil(self.train.batch_size) as u64,
        }
    }

    /// Steps of the walk.
    pub fn total_steps(&self) -> u64 {
        self.train.epochs * self.steps_per_epoch()
    }

    /// Where a step lies.
    pub fn place(&self, step: u64) -> Place {
        let per_epoch = self.steps_per_epoch();
        Place { step, epoch: step / per_epoch + 1, iteration: step % per_epoch }
    }

    /// The schedule under which a step is measured.
    pub fn line_schedule(&self, place: Place) -> Option<&LineSchedule> {
        self.lines.iter().find(|schedule| schedule.contains(place.epoch, place.iteration))
    }

    /// True if anything is measured at points of the path, or along any step from `step` on.
    pub fn measures_after(&self, step: u64) -> bool {
        !self.points.is_empty()
            || (step..self.total_steps()).any(|step| self.line_schedule(self.place(step)).is_some())
    }

    /// The order in which an epoch visits the samples.
    pub fn epoch_order(&self, epoch: u64) -> Vec<u32> {
        Stream::epoch_order(self.train.seed, epoch).permutation(self.samples)
    }

    /// A step's samples, as positions in its epoch's order.
    pub fn batch_range(&self, place: Place) -> std::ops::Range<usize> {
        let start = place.iteration as usize * self.train.batch_size;
        match self.train.optimizer {
            Optimizer::Gd => 0..self.samples,
            Optimizer::Sgd => start..(start + self.train.batch_size).min(self.samples),
        }
    }

    /// Forward passes over one sample that all steps before `step` cost, with what is measured along
    /// them and at points before it.
    pub fn work_before(&self, step: u64) -> u64 {
        let steps: u64 = (0..step).map(|step| self.work(self.place(step))).sum();
        let points = step.div_ceil(self.steps_per_epoch());
        steps + (0..points).map(|epoch| self.point_work(epoch)).sum::<u64>()
    }

    /// All of it.
    pub fn total_work(&self) -> u64 {
        self.work_before(self.total_steps()) + self.point_work(self.train.epochs)
    }

    /// Forward passes over one sample that a step costs, with the line along it.
    pub fn work(&self, place: Place) -> u64 {
        let schedule = self.line_schedule(place);
        let points = schedule.map_or(0, |schedule| {
            schedule.points as u64 + if schedule.second_order { PRIMAL + DIRECTION } else { 0 }
        });
        GRADIENT * self.batch_range(place).len() as u64 + points * self.samples as u64
    }

    /// Forward passes that the measurements at the end of an epoch cost.
    fn point_work(&self, epoch: u64) -> u64 {
        let due = self.points.iter().filter(|measure| measure.is_due_after(epoch));
        due.map(|measure| self.measure_work(measure)).sum()
    }

    /// Forward passes that a measurement at one point costs.
    pub(super) fn measure_work(&self, measure: &Measure) -> u64 {
        let samples = self.samples as u64;
        let batches = |sizes: &[usize], batches: usize, cost: u64| -> u64 {
            sizes.iter().map(|&size| batches as u64 * size as u64 * cost).sum()
        };
        match measure {
            Measure::Line(_) => 0,
            Measure::Alignment(schedule) => {
                let AlignmentSchedule { batch_sizes, batches: count, .. } = schedule;
                let directions = (batch_sizes.len() * count) as u64;
                directions * DIRECTION * samples
                    + batches(batch_sizes, *count, GRADIENT + DIRECTION)
            }
            Measure::Covariance(schedule) => {
                let probes = schedule.probes as u64;
                probes * SLOPE * samples
                    + batches(&schedule.batch_sizes, schedule.batches, GRADIENT)
            }
            Measure::Spectrum(schedule) => {
                let products = TYPICAL_PRODUCTS.min(schedule.max_products)
                    + schedule.probes * schedule.probe_products;
                products as u64 * PRODUCT * samples
                    + batches(&schedule.batch_sizes, schedule.batches, GRADIENT)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::parse;

    #[test]
    fn a_short_last_batch_is_a_step_of_its_own() -> Result<(), Box<dyn std::error::Error>> {
        let text = "[data]\nname = 'digits'\n[model]\narch = 'mlp'\n[train]\nepochs = 2\n\
                    [[measure]]\nkind = 'line'\nepochs = [2]\niterations = 1\n";
        let plan = Plan::new(&parse(text, "a.toml", "a", &[])?, 250);
        assert_eq!((plan.steps_per_epoch(), plan.total_steps()), (3, 6));
        let place = plan.place(5);
        assert_eq!((place.epoch, place.iteration, plan.batch_range(place)), (2, 2, 200..250));
        let measured = |step| plan.line_schedule(plan.place(step)).is_some();
        assert!(measured(3) && !measured(0) && !measured(4));
        assert!(plan.measures_after(3) && !plan.measures_after(4));
        let mut order = plan.epoch_order(1);
        assert_ne!(order, plan.epoch_order(2));
        order.sort_unstable();
        assert!(order.into_iter().eq(0..250));
        Ok(())
    }
}

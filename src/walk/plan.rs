//! Which steps there are, at which learning rate, and which of them are measured.

use crate::experiment::{Evaluation, Experiment, LineSchedule, Measure, PointMeasure, Train};
use crate::objective::BatchNormPolicy;

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
    pub points: Vec<PointMeasure>,
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
        let (mut lines, mut points) = (Vec::new(), Vec::new());
        for measure in experiment.measure.iter().cloned() {
            match measure {
                Measure::Line(schedule) => lines.push(schedule),
                Measure::Point(measure) => points.push(measure),
            }
        }
        Self {
            train: experiment.train.clone(),
            evaluation: experiment.evaluation.clone(),
            batch_norm: experiment.has_batch_norm().then_some(experiment.evaluation.batch_norm),
            lines,
            points,
            samples,
        }
    }

    /// The plan of an objective that no experiment describes: without batch norm, measured in the
    /// precision of training. [`Train`] and its defaults say how theta moves.
    pub fn of_objective(train: Train, lines: Vec<LineSchedule>, samples: usize) -> Self {
        let evaluation = Evaluation { precision: train.precision, ..Evaluation::default() };
        Self { train, evaluation, batch_norm: None, lines, points: Vec::new(), samples }
    }

    /// Steps of the walk.
    pub fn total_steps(&self) -> u64 {
        self.train.epochs * self.steps_per_epoch()
    }

    /// eta of a step; behind the last one, that of the last.
    pub fn learning_rate(&self, step: u64) -> f64 {
        self.train.schedule.rate(self.train.learning_rate, step, self.total_steps())
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
        let (place, epochs) = (self.place(step), self.train.epochs);
        // A schedule that has an iteration has all those before it.
        let has_line = |schedule: &LineSchedule| {
            (place.epoch <= epochs && schedule.contains(place.epoch, place.iteration))
                || (schedule.iterations.contains(0)
                    && schedule.epochs.count(place.epoch + 1, epochs + 1) > 0)
        };
        !self.points.is_empty() || self.lines.iter().any(has_line)
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
        Ok(())
    }
}

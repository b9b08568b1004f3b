//! The loop: gradient, step, record, measure, checkpoint.

use std::time::{Duration, Instant};

use super::cost::Extent;
use super::forecast::Forecast;
use super::point::PointLogs;
use super::recorder::Recorder;
use super::{Place, Plan, State, WalkError};
use crate::experiment::Sampling;
use crate::linalg::Vector;
use crate::measure::{Trajectory, Trust, check_determinism, cosine_of, evaluation_error};
use crate::objective::{Gradient, Loss, Objective, ObjectiveError, Point};
use crate::precision::Precision;
use crate::run::{Checkpoint, RunError, RunFolder, Status, StepRecord, write_u32};

/// Time between checkpoints within an epoch: what a killed run has to compute again at most.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every step is recorded.
    Done,
    /// The loss or the gradient was not finite at this step.
    Diverged {
        /// The step.
        step: u64,
    },
    /// Somebody asked to stop.
    Interrupted {
        /// Steps taken.
        step: u64,
    },
}

/// What an observer hears after every step.
#[derive(Debug)]
pub struct Event<'a> {
    /// The step.
    pub record: &'a StepRecord,
    /// Steps of the walk.
    pub total_steps: u64,
    /// Work that the step and the line along it took, in forward passes over one sample.
    pub work: u64,
}

/// Somebody who watches a walk: a progress bar, a test.
pub trait Observer {
    /// Called first, for every checkpoint that is passed over because it is damaged.
    fn passed_over(&mut self, _damaged: &RunError) {}

    /// Called once before the first step: all the work, and how much of it is done already.
    fn begin(&mut self, work: u64, done: u64);

    /// Called after every step and what is measured behind it.
    fn step(&mut self, event: Event);

    /// Called while something long is measured at a point of the path, with the work done since the
    /// last call; no event counts it.
    fn measuring(&mut self, _what: &str, _work: u64) {}
}

/// Walks from the newest whole checkpoint in `folder`, or from `start`, to the end of the plan.
///
/// Memory does not grow with the number of steps. Whatever ends the walk, its records are on disk
/// and a later call goes on from there.
pub fn walk(
    objective: &impl Objective,
    plan: &Plan,
    start: Point,
    folder: &RunFolder,
    observer: &mut dyn Observer,
) -> Result<Outcome, WalkError> {
    let (newest, damaged) = Checkpoint::load_newest(&folder.checkpoints())?;
    damaged.iter().for_each(|damaged| observer.passed_over(damaged));
    let origin = State::start(start, plan.train.precision);
    let state = match newest {
        Some(checkpoint) => State::from_checkpoint(checkpoint, objective)?,
        None => origin.clone(),
    };
    let recorder = Recorder::open(folder, state.step)?;
    let mut trajectory = Trajectory::new(origin.point.theta);
    trajectory.displacement = state.update().unwrap_or_default();
    trajectory.path_length = state.path_length;
    trajectory.end = recorder.end;
    trajectory.trust = Trust::new(folder.manifest()?.line_errors);
    let mut walker = Walker {
        objective,
        plan,
        trajectory,
        state,
        recorder,
        logs: PointLogs::default(),
        order: (0, Vec::new()),
        saved: Instant::now(),
    };
    walker.recorder.status(Status::Running)?;
    let result = walker.run(observer);
    let status = match &result {
        Ok(Outcome::Done) => Status::Done,
        Ok(Outcome::Diverged { .. }) => Status::Diverged,
        Ok(Outcome::Interrupted { .. }) | Err(_) => Status::Interrupted,
    };
    // An error that ended the walk, such as a full disk, explains more than a second one here.
    let mut written = walker.recorder.status(status).and(folder.remove_temporaries());
    if matches!(status, Status::Done | Status::Diverged) {
        written = written.and(folder.remove_unfinished());
    }
    let outcome = result?;
    written?;
    Ok(outcome)
}

pub(super) struct Walker<'a, O: Objective> {
    pub(super) objective: &'a O,
    pub(super) plan: &'a Plan,
    /// The path so far.
    pub(super) trajectory: Trajectory,
    pub(super) state: State,
    pub(super) recorder: Recorder<'a>,
    pub(super) logs: PointLogs,
    /// The newest epoch and its order.
    order: (u64, Vec<u32>),
    saved: Instant,
}

impl<O: Objective> Walker<'_, O> {
    fn run(&mut self, observer: &mut dyn Observer) -> Result<Outcome, WalkError> {
        if self.state.step == 0 {
            self.save()?;
        }
        let total_steps = self.plan.total_steps();
        let forecast = self.forecast();
        observer.begin(forecast.total(), forecast.before(self.state.step));
        match self.steps(total_steps, observer) {
            // Within a measurement: the line is measured again after a resume.
            Err(WalkError::Objective(ObjectiveError::Interrupted)) => {
                Ok(Outcome::Interrupted { step: self.state.step })
            }
            result => result,
        }
    }

    fn steps(&mut self, total: u64, observer: &mut dyn Observer) -> Result<Outcome, WalkError> {
        if self.plan.measures_after(self.state.step) {
            self.check_evaluation()?;
        }
        self.measure_here(observer)?;
        while self.state.step < total {
            if self.objective.check().is_err() {
                self.save()?;
                return Ok(Outcome::Interrupted { step: self.state.step });
            }
            let place = self.plan.place(self.state.step);
            let record = self.step(place)?;
            if !record.is_diverged() {
                let ends_epoch = self.plan.place(self.state.step).iteration == 0;
                if ends_epoch || self.saved.elapsed() > CHECKPOINT_INTERVAL {
                    self.save()?;
                }
                self.measure_here(observer)?;
            }
            let work = self.forecast().step(place);
            observer.step(Event { record: &record, total_steps: total, work });
            if record.is_diverged() {
                return self.diverge(place);
            }
        }
        Ok(Outcome::Done)
    }

    fn forecast(&self) -> Forecast<'_> {
        Forecast::new(self.plan, Extent::new(self.objective, self.plan))
    }

    fn diverge(&mut self, place: Place) -> Result<Outcome, WalkError> {
        let message = "training diverged: the loss, the gradient or the next parameters are not \
                       finite; a smaller learning rate may help";
        self.recorder.sync(place.step)?;
        self.recorder.explain(place.step, message.to_owned())?;
        Ok(Outcome::Diverged { step: place.step })
    }

    /// Refuses to measure what cannot be trusted, and notes how exact 32 bits are.
    fn check_evaluation(&mut self) -> Result<(), WalkError> {
        let (at, precision) = (&self.state.point, self.plan.evaluation.precision);
        if let Some((unit, [first, second])) = check_determinism(self.objective, at, precision)? {
            return Err(WalkError::NotDeterministic { unit, first, second });
        }
        let mut manifest = self.recorder.folder.manifest()?;
        if precision == Precision::F32 && manifest.evaluation_error.is_none() {
            manifest.evaluation_error = evaluation_error(self.objective, at)?.and_then(finite);
            self.recorder.folder.write_manifest(&manifest)?;
        }
        Ok(())
    }

    /// Takes one step, records it, and measures its line if it is due.
    fn step(&mut self, place: Place) -> Result<StepRecord, WalkError> {
        let Gradient { loss, gradient, buffers } = self.gradient(place)?;
        let gradient = gradient.rounded(self.plan.train.precision);
        let previous = &self.state.previous_gradient;
        let (grad_norm, cosine) = if previous.is_empty() {
            (gradient.norm(), None)
        } else {
            let products = Vector::products(previous, &gradient);
            (products[2].sqrt(), cosine_of(products))
        };
        let learning_rate = self.plan.learning_rate(place.step);
        let served = self.state.advance(gradient, buffers, &self.plan.train, learning_rate);
        self.objective.reuse(served);
        let State { point, previous, .. } = &self.state;
        let movement = self.trajectory.advance(&previous.theta, &point.theta);
        self.state.path_length = movement.path_length;
        let record = StepRecord {
            step: place.step,
            epoch: place.epoch,
            iteration: place.iteration,
            learning_rate: Some(learning_rate),
            batch_size: Some(self.plan.batch_range(place).len() as u64),
            batch_loss: finite(loss),
            grad_norm: finite(grad_norm),
            cosine,
            update_cosine: movement.update_cosine,
            update_norm: finite(movement.update_norm),
            distance: finite(movement.distance),
            path_length: finite(movement.path_length),
            param_norm: finite(movement.param_norm),
        };
        self.recorder.step(&record)?;
        if let Some(schedule) = self.plan.line_schedule(place)
            && !record.is_diverged()
        {
            match self.recorder.line_ahead(place.step) {
                Some(earlier) => self.trajectory.end = earlier.end(),
                None => self.line(place, schedule)?,
            }
        }
        Ok(record)
    }

    fn gradient(&mut self, place: Place) -> Result<Gradient, WalkError> {
        let precision = self.plan.train.precision;
        if self.plan.train.sampling == Sampling::Full {
            return Ok(self.objective.gradient(&self.state.point, Loss::Measured, precision)?);
        }
        if self.order.0 != place.epoch {
            self.order = (place.epoch, self.plan.epoch_order(place.epoch));
            if self.plan.train.save_iterates {
                write_u32(&self.recorder.folder.epoch_order(place.epoch), &self.order.1)?;
            }
        }
        let indices = &self.order.1[self.plan.batch_range(place)];
        let batch = Loss::in_epoch(indices, place.epoch);
        Ok(self.objective.gradient(&self.state.point, batch, precision)?)
    }

    fn save(&mut self) -> Result<(), RunError> {
        self.recorder.sync(self.state.step)?;
        let checkpoint = self.state.to_checkpoint(self.objective, self.plan.train.precision);
        checkpoint.save(&self.recorder.folder.checkpoints())?;
        self.saved = Instant::now();
        Ok(())
    }
}

/// The value as records hold it.
pub(super) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

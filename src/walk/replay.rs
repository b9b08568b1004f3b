//! A walk taken again, without measuring: from its start to any of its updates.

use super::{Plan, State, WalkError};
use crate::experiment::Sampling;
use crate::objective::{Loss, Objective, Point};
use crate::run::StepRecord;

/// A walk under way.
#[derive(Debug)]
pub struct Replay<'a, O> {
    objective: &'a O,
    plan: &'a Plan,
    state: State,
    /// The newest epoch and its order.
    order: (u64, Vec<u32>),
}

impl<'a, O: Objective> Replay<'a, O> {
    /// At theta_0.
    pub fn new(objective: &'a O, plan: &'a Plan, start: Point) -> Self {
        let state = State::start(start, plan.train.precision);
        Self { objective, plan, state, order: (0, Vec::new()) }
    }

    /// Goes on until `step` steps are taken.
    ///
    /// Cost: a gradient for each step.
    ///
    /// # Errors
    /// If a step differs from its record, the steps in their order.
    pub fn advance_to(&mut self, step: u64, records: &[StepRecord]) -> Result<(), WalkError> {
        while self.state.step < step {
            self.step(records)?;
        }
        Ok(())
    }

    /// Takes one step, and returns where it began and where it led.
    ///
    /// # Errors
    /// If the step differs from its record.
    pub fn step(&mut self, records: &[StepRecord]) -> Result<[&Point; 2], WalkError> {
        let step = self.state.step;
        self.objective.check()?;
        let found = self.gradient(step)?;
        let rate = self.plan.learning_rate(step);
        let served = self.state.advance(found.gradient, found.buffers, &self.plan.train, rate);
        self.objective.reuse(served);
        let recorded = records.get(step as usize).and_then(|record| record.param_norm);
        if recorded != Some(self.state.point.theta.norm()) {
            return Err(WalkError::NotReplayed { step });
        }
        Ok([&self.state.previous, &self.state.point])
    }

    fn gradient(&mut self, step: u64) -> Result<crate::objective::Gradient, WalkError> {
        let (place, precision) = (self.plan.place(step), self.plan.train.precision);
        if self.plan.train.sampling == Sampling::Full {
            return Ok(self.objective.gradient(&self.state.point, Loss::Measured, precision)?);
        }
        if self.order.0 != place.epoch {
            self.order = (place.epoch, self.plan.epoch_order(place.epoch));
        }
        let batch = Loss::in_epoch(&self.order.1[self.plan.batch_range(place)], place.epoch);
        Ok(self.objective.gradient(&self.state.point, batch, precision)?)
    }
}

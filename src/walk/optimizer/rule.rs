//! What every rule is given, and which one moves theta.

use super::{Carried, adam, adamw, sgd};
use crate::experiment::Optimizer;
use crate::precision::Precision;

/// One step, as a rule sees it.
#[derive(Debug, Clone, Copy)]
pub(in crate::walk) struct Step<'a> {
    /// Which one, counted from 1.
    pub number: u64,
    /// g, of the batch alone.
    pub gradient: &'a [f64],
    /// eta of this step.
    pub learning_rate: f64,
    /// lambda.
    pub weight_decay: f64,
    /// What a rule carries along is rounded to this; its sums are f64.
    pub precision: Precision,
}

/// theta <- theta_{t+1}, by the rule of the experiment.
pub(in crate::walk) fn move_theta(
    theta: &mut [f64],
    optimizer: &Optimizer,
    step: Step,
    carried: &mut Carried,
) {
    match optimizer {
        Optimizer::Sgd(settings) => sgd::step(settings, theta, step, carried),
        Optimizer::Adam(settings) => adam::step(settings, theta, step, carried),
        Optimizer::AdamW(settings) => adamw::step(settings, theta, step, carried),
    }
}

//! What every rule is given, and which one moves theta.

use super::adam::Adam;
use super::parts::Parts;
use super::{Carried, sgd};
use crate::experiment::{Optimizer, Train};
use crate::linalg::Element;
use crate::precision::Precision;

/// One step, as a rule sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Which one, counted from 1.
    pub number: u64,
    /// eta of this step.
    pub learning_rate: f64,
    /// lambda.
    pub weight_decay: f64,
    /// What a rule carries along is rounded to this, the format of theta and of the gradient; its sums are f64.
    pub precision: Precision,
}

/// A rule that moves each entry of theta by that entry alone, and carries N numbers of it along.
pub(super) trait Rule<const N: usize>: Copy + Sync {
    /// An entry of theta_{t+1} from theta_t, g_t and what was carried along, and what is from now on.
    /// Must be `#[inline(always)]`.
    fn step(self, theta: f64, gradient: f64, carried: [f64; N]) -> (f64, [f64; N]);
}

/// The step of this number from theta_t, `from`, to theta_{t+1}, by the rule of the experiment, in
/// the precision of training.
///
/// Cost: one pass over theta, on all threads.
pub(in crate::walk) fn move_theta<T: Element>(
    theta: &mut [T],
    [gradient, from]: [&[T]; 2],
    train: &Train,
    (number, learning_rate): (u64, f64),
    carried: &mut Carried,
) {
    let Train { weight_decay, precision, .. } = *train;
    let step = Step { number, learning_rate, weight_decay, precision };
    let all = Parts { theta, gradient, from, carried: [] };
    let moments = ["first_moment", "second_moment"];
    match train.optimizer {
        Optimizer::Sgd(settings) if settings.momentum == 0.0 => {
            all.follow(sgd::Plain(step));
        }
        Optimizer::Sgd(settings) => carried.with(["velocity"], from.len(), |carried| {
            all.with(carried).follow(sgd::Momentum(settings, step));
        }),
        Optimizer::Adam(settings) => carried.with(moments, from.len(), |carried| {
            all.with(carried).follow(Adam::new(settings, step));
        }),
        Optimizer::AdamW(settings) => carried.with(moments, from.len(), |carried| {
            all.with(carried).follow(Adam::decoupled(settings, step));
        }),
    }
}

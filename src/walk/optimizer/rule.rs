//! What every rule is given, and which one moves theta.

use super::parts::Parts;
use super::{Carried, adam, adamw, sgd};
use crate::experiment::{Optimizer, Train};
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
    /// What a rule carries along is rounded to this, as theta and the gradient are; its sums are f64.
    pub precision: Precision,
}

/// The step of this number from theta_t, `from`, to theta_{t+1}, by the rule of the experiment. Rounds
/// the gradient to the precision of training.
///
/// Cost: one pass over theta, on all threads.
pub(in crate::walk) fn move_theta(
    [theta, gradient]: [&mut [f64]; 2],
    from: &[f64],
    train: &Train,
    (number, learning_rate): (u64, f64),
    carried: &mut Carried,
) {
    let Train { weight_decay, precision, .. } = *train;
    let step = Step { number, learning_rate, weight_decay, precision };
    let moments = ["first_moment", "second_moment"];
    let all = Parts { theta, gradient, from, carried: [&mut [], &mut []] };
    match &train.optimizer {
        Optimizer::Sgd(settings) if settings.momentum == 0.0 => {
            by_parts(all, precision, |parts| sgd::step(parts, step));
        }
        Optimizer::Sgd(settings) => carried.with(["velocity"], from.len(), |[velocity]| {
            let all = Parts { carried: [velocity, &mut []], ..all };
            by_parts(all, precision, |parts| sgd::with_momentum(settings, parts, step));
        }),
        Optimizer::Adam(settings) => carried.with(moments, from.len(), |[mean, square]| {
            let all = Parts { carried: [mean, square], ..all };
            by_parts(all, precision, |parts| adam::step(settings, parts, step));
        }),
        Optimizer::AdamW(settings) => carried.with(moments, from.len(), |[mean, square]| {
            let all = Parts { carried: [mean, square], ..all };
            by_parts(all, precision, |parts| adamw::step(settings, parts, step));
        }),
    }
}

fn by_parts(all: Parts<'_>, precision: Precision, rule: impl Fn(&mut Parts<'_>) + Sync) {
    all.each(&|mut parts| {
        parts.theta.copy_from_slice(parts.from);
        precision.round(parts.gradient);
        rule(&mut parts);
        precision.round(parts.theta);
    });
}

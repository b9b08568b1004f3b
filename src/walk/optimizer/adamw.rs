//! AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101): `torch.optim.AdamW`.
//!
//! theta <- (1 - eta lambda) theta, then a step of Adam without weight decay.

use super::adam;
use super::parts::Parts;
use super::rule::Step;
use crate::experiment::Adam;

pub(super) fn step(settings: &Adam, parts: &mut Parts<'_>, step: Step) {
    let kept = 1.0 - step.learning_rate * step.weight_decay;
    parts.theta.iter_mut().for_each(|theta| *theta *= kept);
    adam::step(settings, parts, Step { weight_decay: 0.0, ..step });
}

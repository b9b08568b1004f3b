//! AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101): `torch.optim.AdamW`.
//!
//! theta <- (1 - eta lambda) theta, then a step of Adam without weight decay.

use super::{Carried, Step, adam};
use crate::experiment::Adam;

pub(super) fn step(settings: &Adam, theta: &mut [f64], step: Step, carried: &mut Carried) {
    let kept = 1.0 - step.learning_rate * step.weight_decay;
    theta.iter_mut().for_each(|theta| *theta *= kept);
    adam::step(settings, theta, Step { weight_decay: 0.0, ..step }, carried);
}

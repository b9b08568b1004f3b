//! Gradient descent, with the momentum of Polyak (1964) or of Nesterov (1983): `torch.optim.SGD`
//! without dampening.
//!
//! v <- mu v + g + lambda theta, theta <- theta - eta v; with `nesterov`, theta <- theta - eta (g +
//! lambda theta + mu v). Without momentum, nothing is carried along.

use super::{Carried, Step};
use crate::experiment::Sgd;

pub(super) fn step(settings: &Sgd, theta: &mut [f64], step: Step, carried: &mut Carried) {
    if settings.momentum == 0.0 {
        for (theta, gradient) in theta.iter_mut().zip(step.gradient) {
            *theta -= step.learning_rate * (gradient + step.weight_decay * *theta);
        }
    } else {
        let length = theta.len();
        carried.with(["velocity"], length, |[v]| with_momentum(settings, theta, step, v));
    }
}

fn with_momentum(settings: &Sgd, theta: &mut [f64], step: Step, velocity: &mut [f64]) {
    let Sgd { momentum, nesterov } = *settings;
    let Step { gradient, learning_rate, weight_decay, precision, .. } = step;
    for ((v, theta), gradient) in velocity.iter_mut().zip(&*theta).zip(gradient) {
        *v = momentum * *v + gradient + weight_decay * theta;
    }
    precision.round(velocity);
    for ((theta, v), gradient) in theta.iter_mut().zip(&*velocity).zip(gradient) {
        let ahead = || gradient + weight_decay * *theta + momentum * v;
        *theta -= learning_rate * if nesterov { ahead() } else { *v };
    }
}

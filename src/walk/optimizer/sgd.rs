//! Gradient descent, with the momentum of Polyak (1964) or of Nesterov (1983): `torch.optim.SGD`
//! without dampening.
//!
//! v <- mu v + g + lambda theta, theta <- theta - eta v; with `nesterov`, theta <- theta - eta (g +
//! lambda theta + mu v). Without momentum, nothing is carried along.

use super::parts::Parts;
use super::rule::Step;
use crate::experiment::Sgd;

pub(super) fn step(parts: &mut Parts<'_>, step: Step) {
    for (theta, gradient) in parts.theta.iter_mut().zip(&*parts.gradient) {
        *theta -= step.learning_rate * (gradient + step.weight_decay * *theta);
    }
}

pub(super) fn with_momentum(settings: &Sgd, parts: &mut Parts<'_>, step: Step) {
    let Sgd { momentum, nesterov } = *settings;
    let Step { learning_rate, weight_decay, precision, .. } = step;
    let Parts { theta, gradient, carried: [velocity, _], .. } = parts;
    for ((v, theta), gradient) in velocity.iter_mut().zip(&**theta).zip(&**gradient) {
        *v = momentum * *v + gradient + weight_decay * theta;
    }
    precision.round(velocity);
    for ((theta, v), gradient) in theta.iter_mut().zip(&**velocity).zip(&**gradient) {
        let ahead = || gradient + weight_decay * *theta + momentum * v;
        *theta -= learning_rate * if nesterov { ahead() } else { *v };
    }
}

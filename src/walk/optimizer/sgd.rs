//! Gradient descent, with the momentum of Polyak (1964) or of Nesterov (1983): `torch.optim.SGD`
//! without dampening.
//!
//! v <- mu v + g + lambda theta, theta <- theta - eta v; with `nesterov`, theta <- theta - eta (g +
//! lambda theta + mu v). Without momentum, nothing is carried along.

use super::rule::{Rule, Step};
use crate::experiment::Sgd;

/// Without momentum.
#[derive(Clone, Copy)]
pub(super) struct Plain(pub Step);

impl Rule<0> for Plain {
    #[inline(always)]
    fn step(self, theta: f64, gradient: f64, _: [f64; 0]) -> (f64, [f64; 0]) {
        let Step { learning_rate, weight_decay, .. } = self.0;
        (theta - learning_rate * (gradient + weight_decay * theta), [])
    }
}

/// With momentum.
#[derive(Clone, Copy)]
pub(super) struct Momentum(pub Sgd, pub Step);

impl Rule<1> for Momentum {
    #[inline(always)]
    fn step(self, theta: f64, gradient: f64, [v]: [f64; 1]) -> (f64, [f64; 1]) {
        let Self(Sgd { momentum, nesterov }, Step { learning_rate, weight_decay, precision, .. }) =
            self;
        let v = precision.rounded(momentum * v + gradient + weight_decay * theta);
        let ahead = gradient + weight_decay * theta + momentum * v;
        (theta - learning_rate * if nesterov { ahead } else { v }, [v])
    }
}

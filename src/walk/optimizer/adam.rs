//! Adam (Kingma & Ba 2015, arXiv 1412.6980): `torch.optim.Adam`; and AdamW (Loshchilov & Hutter 2019,
//! arXiv 1711.05101): `torch.optim.AdamW`.
//!
//! With h = g + lambda theta, at the step of number n:
//! m <- beta1 m + (1 - beta1) h, s <- beta2 s + (1 - beta2) h²,
//! theta <- theta - eta m / (1 - beta1^n) / (sqrt(s / (1 - beta2^n)) + epsilon).
//!
//! AdamW: theta <- (1 - eta lambda) theta, then a step of Adam without weight decay.

use super::rule::{Rule, Step};
use crate::experiment;

/// The rule at one step.
#[derive(Clone, Copy)]
pub(super) struct Adam {
    settings: experiment::Adam,
    step: Step,
    /// What theta is multiplied by first.
    kept: f64,
    /// eta / (1 - beta1^n).
    rate: f64,
    /// sqrt(1 - beta2^n).
    root: f64,
}

impl Adam {
    pub fn new(settings: experiment::Adam, step: Step) -> Self {
        // How much of each average is by now made of gradients, and not of the 0 that it began with.
        let weight = |beta: f64| 1.0 - beta.powf(step.number as f64);
        let rate = step.learning_rate / weight(settings.beta1);
        Self { settings, step, kept: 1.0, rate, root: weight(settings.beta2).sqrt() }
    }

    /// The rule of AdamW.
    pub fn decoupled(settings: experiment::Adam, step: Step) -> Self {
        let kept = 1.0 - step.learning_rate * step.weight_decay;
        Self { kept, ..Self::new(settings, Step { weight_decay: 0.0, ..step }) }
    }
}

impl Rule<2> for Adam {
    #[inline(always)]
    fn step(self, theta: f64, gradient: f64, [mean, square]: [f64; 2]) -> (f64, [f64; 2]) {
        let Self { settings, step: Step { weight_decay, precision, .. }, kept, rate, root } = self;
        let experiment::Adam { beta1, beta2, epsilon } = settings;
        let theta = kept * theta;
        let gradient = gradient + weight_decay * theta;
        let mean = mean + (1.0 - beta1) * (gradient - mean);
        let square = beta2 * square + (1.0 - beta2) * gradient * gradient;
        let (mean, square) = (precision.rounded(mean), precision.rounded(square));
        (theta - rate * mean / (square.sqrt() / root + epsilon), [mean, square])
    }
}

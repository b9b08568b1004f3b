//! Adam (Kingma & Ba 2015, arXiv 1412.6980): `torch.optim.Adam`.
//!
//! With h = g + lambda theta, at the step of number n:
//! m <- beta1 m + (1 - beta1) h, s <- beta2 s + (1 - beta2) h²,
//! theta <- theta - eta m / (1 - beta1^n) / (sqrt(s / (1 - beta2^n)) + epsilon).

use super::parts::Parts;
use super::rule::Step;
use crate::experiment::Adam;

pub(super) fn step(settings: &Adam, parts: &mut Parts<'_>, step: Step) {
    let Adam { beta1, beta2, epsilon } = *settings;
    let Parts { theta, gradient, carried: [mean, square], .. } = parts;
    let moments = mean.iter_mut().zip(square.iter_mut());
    for ((mean, square), (theta, gradient)) in moments.zip(theta.iter().zip(&**gradient)) {
        let gradient = gradient + step.weight_decay * theta;
        *mean += (1.0 - beta1) * (gradient - *mean);
        *square = beta2 * *square + (1.0 - beta2) * gradient * gradient;
    }
    step.precision.round(mean);
    step.precision.round(square);
    // How much of each average is by now made of gradients, and not of the 0 that it began with.
    let weight = |beta: f64| 1.0 - beta.powf(step.number as f64);
    let (rate, root) = (step.learning_rate / weight(beta1), weight(beta2).sqrt());
    for (theta, (mean, square)) in theta.iter_mut().zip(mean.iter().zip(&**square)) {
        *theta -= rate * mean / (square.sqrt() / root + epsilon);
    }
}

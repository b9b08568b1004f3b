//! Equation 3: the covariance of mini-batch gradients against that of the gradients of single
//! samples.
//!
//! For B of N samples drawn without replacement, cov(g_B) = (1/B - 1/N) C, where C is the covariance
//! of the samples' gradients with N - 1 in its denominator. Exact without batch norm; with the
//! statistics of the batch a sample's loss depends on its batch, and the two sides differ.

use super::Mean;
use crate::linalg::{axpy, difference_norm};
use crate::objective::{Loss, Objective, ObjectiveError, Point};
use crate::precision::Precision;

/// tr cov(g_B) from batches drawn independently, each without replacement, with the error of the
/// estimate: n/(n-1) (mean_b ‖g_b - g‖² - ‖mean_b g_b - g‖²), which is the sample variance whatever
/// `g` is; the gradient of the measured loss keeps it exact.
///
/// Cost: one gradient of every batch. Memory: two gradients.
pub fn gradient_covariance(
    objective: &impl Objective,
    at: &Point,
    g: &[f64],
    batches: impl Iterator<Item = Vec<u32>>,
    precision: Precision,
) -> Result<Mean, ObjectiveError> {
    let mut squares = Vec::new();
    let mut sum = vec![0.0; g.len()];
    for batch in batches {
        let found = objective.gradient(at, Loss::of(&batch), precision)?.gradient;
        squares.push(difference_norm(&found, g).powi(2));
        axpy(1.0, &found, &mut sum);
    }
    let count = squares.len() as f64;
    sum.iter_mut().for_each(|entry| *entry /= count);
    let Mean { mean, deviation, error } = Mean::of(&squares);
    let mean = (mean - difference_norm(&sum, g).powi(2)) * count / (count - 1.0);
    Ok(Mean { mean, deviation, error })
}

/// tr C from random directions z with independent entries ±1 (Hutchinson 1990): z'Cz has the mean
/// tr C. `groups` yields them a few at a time.
///
/// Cost: about 2 forward passes over the training set for every direction.
pub fn sample_covariance(
    objective: &impl Objective,
    at: &Point,
    groups: impl Iterator<Item = Vec<Vec<f64>>>,
    precision: Precision,
) -> Result<Mean, ObjectiveError> {
    let samples = objective.samples() as f64;
    let mut traces = Vec::new();
    for group in groups {
        let directions: Vec<&[f64]> = group.iter().map(Vec::as_slice).collect();
        let found = objective.slopes(at, Loss::Measured, &directions, precision)?;
        // u'Cu has N in its denominator.
        traces.extend(found.iter().map(|slopes| slopes.variance * samples / (samples - 1.0)));
    }
    Ok(Mean::of(&traces))
}

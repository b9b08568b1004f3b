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
/// Gradient by gradient; what it has of them are two vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct GradientSpread {
    /// ‖g_b - g‖² of every batch.
    pub squares: Vec<f64>,
    /// The sum of all g_b.
    pub sum: Vec<f64>,
}

impl GradientSpread {
    /// Of no batch yet.
    pub fn new(dimension: usize) -> Self {
        Self { squares: Vec::new(), sum: vec![0.0; dimension] }
    }

    /// Counts one more batch.
    pub fn add(&mut self, gradient: &[f64], g: &[f64]) {
        self.squares.push(difference_norm(gradient, g).powi(2));
        axpy(1.0, gradient, &mut self.sum);
    }

    /// tr cov(g_B).
    pub fn trace(self, g: &[f64]) -> Mean {
        let Self { squares, mut sum } = self;
        let count = squares.len() as f64;
        sum.iter_mut().for_each(|entry| *entry /= count);
        let Mean { mean, deviation, error } = Mean::of(&squares);
        let mean = (mean - difference_norm(&sum, g).powi(2)) * count / (count - 1.0);
        Mean { mean, deviation, error }
    }
}

/// z'Cz for some random directions z with independent entries ±1, whose mean is tr C (Hutchinson 1990).
///
/// Cost: about 2 forward passes over the training set for every direction.
pub fn sample_traces(
    objective: &impl Objective,
    at: &Point,
    directions: &[&[f64]],
    precision: Precision,
) -> Result<Vec<f64>, ObjectiveError> {
    let samples = objective.samples() as f64;
    let found = objective.slopes(at, Loss::Measured, directions, precision)?;
    // u'Cu has N in its denominator.
    Ok(found.iter().map(|slopes| slopes.variance * samples / (samples - 1.0)).collect())
}

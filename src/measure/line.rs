//! The losses along one update, in the precision that their verdict needs.

use super::barrier;
use crate::choice::choice;
use crate::objective::{Line, Objective, ObjectiveError, Point};
use crate::precision::Precision;

choice! {
    /// How the losses of a line are obtained.
    Mode {
        /// Every point on every sample.
        Exact = "exact",
    }
}

/// The relative error up to which a loss of each precision is trusted.
///
/// A 32-bit line whose barrier height is within twice this share of the loss is measured again in
/// 64 bits.
pub fn trusted_error(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => 2e-6,
        Precision::F64 => 1e-13,
    }
}

/// L(theta_t + alpha_k (theta_{t+1} - theta_t)) for alpha_k = k/K, k = 0..=K.
#[derive(Debug, Clone, PartialEq)]
pub struct LineLosses {
    /// alpha_k.
    pub alphas: Vec<f64>,
    /// The loss there.
    pub losses: Vec<f64>,
    /// The precision of every loss.
    pub precision: Precision,
    /// There is a verdict on a barrier, and it is beyond the errors of that precision.
    pub resolved: bool,
    /// Points that were evaluated, each on the full training set.
    pub evaluations: usize,
}

/// Measures one line at K = `points` intervals.
///
/// `start` is the loss at `line.from` where it is known already: the end of the previous line is
/// this line's start. A 32-bit line too close to call, or with a loss that is not finite, is measured
/// again in 64 bits, ends included.
///
/// Cost: K evaluations of the full loss, K + 1 without `start`.
pub fn line_losses(
    objective: &impl Objective,
    line: Line,
    points: usize,
    precision: Precision,
    start: Option<f64>,
) -> Result<LineLosses, ObjectiveError> {
    let alphas: Vec<f64> = (0..=points).map(|k| k as f64 / points as f64).collect();
    let measured = &alphas[usize::from(start.is_some())..];
    let mut losses: Vec<f64> = start.into_iter().collect();
    losses.extend(objective.losses(line, measured, precision)?);
    let first = LineLosses::new(&alphas, losses, precision, measured.len());
    let is_final = first.resolved || points < 2 || precision == Precision::F64;
    if is_final || !objective.supports(Precision::F64) {
        return Ok(first);
    }
    let losses = objective.losses(line, &alphas, Precision::F64)?;
    Ok(LineLosses::new(&alphas, losses, Precision::F64, first.evaluations + alphas.len()))
}

impl LineLosses {
    fn new(alphas: &[f64], losses: Vec<f64>, precision: Precision, evaluations: usize) -> Self {
        let largest = losses.iter().copied().fold(0.0, f64::max);
        let doubt = 2.0 * trusted_error(precision) * largest;
        let resolved = barrier(alphas, &losses).is_some_and(|found| found.height.abs() > doubt);
        Self { alphas: alphas.to_vec(), losses, precision, resolved, evaluations }
    }
}

/// Evaluates the loss at `at` twice; the bits must agree.
///
/// Returns the loss, or both values if they differ: then no barrier could be trusted.
pub fn check_determinism(
    objective: &impl Objective,
    at: &Point,
    precision: Precision,
) -> Result<Result<f64, (f64, f64)>, ObjectiveError> {
    let line = Line { from: at, to: at, number: 0 };
    let once = || Ok::<_, ObjectiveError>(objective.losses(line, &[0.0], precision)?[0]);
    let (first, second): (f64, f64) = (once()?, once()?);
    Ok(if first.to_bits() == second.to_bits() { Ok(first) } else { Err((first, second)) })
}

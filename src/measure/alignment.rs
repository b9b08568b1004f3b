//! Equation 4: the curvature along mini-batch gradients.

use crate::experiment::Precision;
use crate::linalg::unit;
use crate::objective::{Batch, Directional, Objective, ObjectiveError, Point};

/// What the gradient g_B of one batch says about the loss around theta, with u = g_B / ‖g_B‖.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alignment {
    /// ‖g_B‖.
    pub grad_norm: f64,
    /// The measured loss along u: its curvature u'Hu is the alignment, and its other terms are those
    /// of equation 2. None if the gradient is zero or not finite.
    pub full: Option<Directional>,
    /// u'H_B u with the Hessian of the batch's own loss as training sees it: batch sharpness
    /// (Andreyev & Beneventano, arXiv 2412.20553).
    pub of_batch: Option<f64>,
}

/// The alignment of each batch's gradient.
///
/// Cost: one gradient of every batch, about 5 forward passes over the batch, and for all batches
/// together about 4 forward passes over the training set each. Memory: a gradient for every batch.
pub fn alignments(
    objective: &impl Objective,
    at: &Point,
    batches: &[Batch],
    precision: Precision,
) -> Result<Vec<Alignment>, ObjectiveError> {
    let gradient = |batch: &Batch| Ok(unit(objective.gradient(at, *batch)?.gradient));
    let gradients: Result<Vec<_>, ObjectiveError> = batches.iter().map(gradient).collect();
    let gradients = gradients?;
    let directions: Vec<&[f64]> = gradients.iter().filter_map(|(_, u)| u.as_deref()).collect();
    let mut full = objective.directional(at, Batch::Full, &directions, precision)?.into_iter();
    let alignment = |((grad_norm, u), batch): (&(f64, Option<Vec<f64>>), &Batch)| {
        let Some(u) = u else {
            return Ok(Alignment { grad_norm: *grad_norm, full: None, of_batch: None });
        };
        let full = full.next();
        let of_batch = match batch {
            Batch::Full => full,
            _ => objective.directional(at, *batch, &[u], precision)?.into_iter().next(),
        };
        let of_batch = of_batch.map(|along| along.curvature);
        Ok(Alignment { grad_norm: *grad_norm, full, of_batch })
    };
    gradients.iter().zip(batches).map(alignment).collect()
}

//! Equation 4: the curvature along mini-batch gradients.

use crate::linalg::unit;
use crate::objective::{Directional, Loss, Objective, ObjectiveError, Point};
use crate::precision::Precision;

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
/// Cost: one gradient of every batch with the curvature along it, about 1.7 gradients, and for all
/// batches together one gradient of the training set and about 3 forward passes over it each.
/// Memory: a gradient for every batch.
pub fn alignments(
    objective: &impl Objective,
    at: &Point,
    batches: &[Loss],
    precision: Precision,
) -> Result<Vec<Alignment>, ObjectiveError> {
    let own = |batch: &Loss| {
        let (gradient, along) = match batch {
            // Its own loss is the measured one.
            Loss::Measured => (objective.gradient(at, *batch, precision)?, None),
            _ => objective.along_gradient(at, *batch, precision)?,
        };
        Ok((unit(gradient.gradient.into_entries()), along))
    };
    let own: Result<Vec<_>, ObjectiveError> = batches.iter().map(own).collect();
    let own = own?;
    let directions: Vec<&[f64]> = own.iter().filter_map(|((_, u), _)| u.as_deref()).collect();
    let mut full = objective.directional(at, Loss::Measured, &directions, precision)?.into_iter();
    let alignment = |((grad_norm, u), along): &((f64, Option<Vec<f64>>), Option<Directional>)| {
        let full = u.as_ref().and_then(|_| full.next());
        let of_batch = along.or(full).map(|along| along.curvature);
        Alignment { grad_norm: *grad_norm, full, of_batch }
    };
    Ok(own.iter().map(alignment).collect())
}

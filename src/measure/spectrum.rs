//! The ends of the Hessian's spectrum, its trace and its density.

use crate::experiment::Precision;
use crate::linalg::{Eigenpairs, Limits, NotFinite, Quadrature, Wanted, eigenpairs, quadrature};
use crate::objective::{Objective, ObjectiveError, Point};

/// Why there is no spectrum.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpectrumError {
    /// The loss.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
    /// A product H v that is not finite.
    #[error("the Hessian: {0}")]
    NotFinite(#[from] NotFinite),
}

/// The `top` largest eigenvalues of the Hessian of the measured loss and the smallest, with
/// eigenvectors and residuals, from a random `start`.
///
/// Cost: about ten to a hundred products H v, at most `limits.max_products`.
pub fn spectrum_ends(
    objective: &impl Objective,
    at: &Point,
    top: usize,
    start: Vec<f64>,
    limits: Limits,
    precision: Precision,
) -> Result<Eigenpairs, SpectrumError> {
    let apply = |v: &[f64]| Ok(objective.hessian_product(at, v, precision)?);
    eigenpairs(apply, start, Wanted { largest: top, smallest: 1 }, limits)
}

/// What one probe (a vector of independent entries ±1) says of the density of all eigenvalues.
///
/// Cost: `products` products H v.
pub fn spectral_density(
    objective: &impl Objective,
    at: &Point,
    probe: Vec<f64>,
    products: usize,
    precision: Precision,
) -> Result<Quadrature, SpectrumError> {
    let apply = |v: &[f64]| Ok(objective.hessian_product(at, v, precision)?);
    quadrature(apply, probe, products)
}

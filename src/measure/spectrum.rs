//! The ends of the Hessian's spectrum, its trace and its density.

use crate::linalg::{Eigenpairs, Limits, NotFinite, Quadrature, Wanted, eigenpairs, quadrature};
use crate::objective::ObjectiveError;

/// Why there is no spectrum.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpectrumError {
    /// The loss.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
    /// A product H v that is not finite.
    #[error(transparent)]
    NotFinite(#[from] NotFinite),
}

/// The `top` largest eigenvalues of the Hessian of the measured loss and the smallest, with
/// eigenvectors and residuals, from a random `start`. `product` gives H v
/// ([`Objective::hessian_product`](crate::objective::Objective::hessian_product)).
///
/// Cost: about ten to a hundred products, at most `limits.max_products`.
pub fn spectrum_ends(
    mut product: impl FnMut(&[f64]) -> Result<Vec<f64>, ObjectiveError>,
    top: usize,
    start: Vec<f64>,
    limits: Limits,
) -> Result<Eigenpairs, SpectrumError> {
    let wanted = Wanted { largest: top, smallest: 1 };
    eigenpairs(|v: &[f64]| Ok(product(v)?), start, wanted, limits)
}

/// What one probe (a vector of independent entries ±1) says of the density of all eigenvalues.
///
/// Cost: `products` products H v.
pub fn spectral_density(
    mut product: impl FnMut(&[f64]) -> Result<Vec<f64>, ObjectiveError>,
    probe: Vec<f64>,
    products: usize,
) -> Result<Quadrature, SpectrumError> {
    quadrature(|v: &[f64]| Ok(product(v)?), probe, products)
}

//! The ends of the Hessian's spectrum, its trace and its density.

use crate::linalg::{
    Eigenpairs, Limits, NotFinite, Quadrature, Wanted, quadrature, resumed_eigenpairs,
};
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
    let product = |v: &[f64]| Ok(product(v)?);
    resumed_spectrum_ends(product, top, start, limits, Vec::new(), |_| Ok(()))
}

/// As [`spectrum_ends`], from a `state` of an earlier attempt; `keep_state` is given those to come.
pub fn resumed_spectrum_ends<E: From<NotFinite>>(
    product: impl FnMut(&[f64]) -> Result<Vec<f64>, E>,
    top: usize,
    start: Vec<f64>,
    limits: Limits,
    state: Vec<Vec<f64>>,
    keep_state: impl FnMut(&[&[f64]]) -> Result<(), E>,
) -> Result<Eigenpairs, E> {
    let wanted = Wanted { largest: top, smallest: 1 };
    resumed_eigenpairs(product, start, state, keep_state, wanted, limits)
}

/// What one probe (a vector of independent entries ±1) says of the density of all eigenvalues.
///
/// Cost: `products` products H v.
pub fn spectral_density<E: From<NotFinite>>(
    product: impl FnMut(&[f64]) -> Result<Vec<f64>, E>,
    probe: Vec<f64>,
    products: usize,
) -> Result<Quadrature, E> {
    quadrature(product, probe, products)
}

//! Vectors and symmetric operators on the host. Sees slices and closures, imports no tensor framework.

#[cfg(test)]
mod known_spectrum;
mod krylov;
mod lanczos;
mod numbers;
mod quadrature;
mod symmetric;
mod vector;

pub use krylov::NotFinite;
pub use lanczos::{Eigenpair, Eigenpairs, Limits, Wanted, eigenpairs, resumed_eigenpairs};
pub use numbers::{Element, Numbers, Vector};
pub use quadrature::{Quadrature, Trace, density, quadrature, trace};
pub use symmetric::{Eigen, symmetric, tridiagonal};
pub use vector::{
    axpy, by_blocks, difference, difference_norm, dot, norm, normaliser, products, scale, unit,
};

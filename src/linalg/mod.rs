//! Vectors on the host. Sees slices and operators, imports no tensor framework.

mod vector;

pub use vector::{difference_norm, dot, norm};

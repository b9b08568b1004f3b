//! The orders of samples that a run saves, for NumPy to read.

use std::path::Path;

use super::{RunError, write_atomic};
use crate::npy;

/// Writes `values` as a one-dimensional little-endian u32 array of NumPy.
///
/// # Errors
/// If the file cannot be written.
pub fn write_u32(path: &Path, values: &[u32]) -> Result<(), RunError> {
    write_atomic(path, &npy::encode_u32(values))
}

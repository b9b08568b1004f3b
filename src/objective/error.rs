//! Why a loss or a derivative of it could not be had.

use crate::network::TapeError;

/// Why a loss could not be had.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectiveError {
    /// Somebody pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// A derivative that this loss does not offer.
    #[error("this loss has no {0}: implement Objective::{0} to measure curvature")]
    Unsupported(&'static str),
    /// A layer whose derivatives cannot be trusted.
    #[error(transparent)]
    Layer(#[from] TapeError),
    /// The framework failed to hand over a result.
    #[error("the device failed: {0}")]
    Device(String),
    /// What went wrong on another rank, with its name and host.
    #[error("{0}")]
    OnRank(String),
}

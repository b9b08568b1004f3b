//! `covariance.jsonl`.

use serde::{Deserialize, Serialize};

use super::PointRecord;
use crate::objective::BatchNormPolicy;
use crate::precision::Precision;

/// One line of `covariance.jsonl`: gradients of batches of one size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CovarianceRecord {
    /// Updates before this point.
    pub step: u64,
    /// Epochs before this point.
    pub epoch: u64,
    /// B.
    pub batch_size: u64,
    /// Batches that the covariance is estimated from.
    pub batches: u64,
    /// tr cov(g_B).
    pub trace: Option<f64>,
    /// Its standard error.
    pub trace_error: Option<f64>,
    /// (1/B - 1/N) tr C: equation 3.
    pub predicted: Option<f64>,
    /// trace / predicted; null for the whole training set, where both are 0.
    pub ratio: Option<f64>,
    /// Its standard error, from those of `trace` and `sample_trace`.
    pub ratio_error: Option<f64>,
    /// tr C of the gradients of single samples.
    pub sample_trace: Option<f64>,
    /// Its standard error.
    pub sample_trace_error: Option<f64>,
    /// ‖g‖² of the full training set.
    pub squared_grad_norm: Option<f64>,
    /// tr C / ‖g‖², the gradient noise scale (McCandlish et al. 2018, arXiv 1812.06162): the batch
    /// size at which noise and mean are equally large.
    pub noise_scale: Option<f64>,
    /// The precision of the derivatives.
    pub precision: Precision,
    /// Where batch norm took its statistics in the full loss; null without batch norm.
    pub batch_norm: Option<BatchNormPolicy>,
}

impl PointRecord for CovarianceRecord {
    const LOG: &'static str = "covariance.jsonl";

    fn step(&self) -> u64 {
        self.step
    }
}

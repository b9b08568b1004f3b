//! `spectrum.jsonl`.

use serde::{Deserialize, Serialize};

use super::PointRecord;
use crate::objective::BatchNormPolicy;
use crate::precision::Precision;

/// One line of `spectrum.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpectrumRecord {
    /// Updates before this point.
    pub step: u64,
    /// Epochs before this point.
    pub epoch: u64,
    /// The largest eigenvalues of the Hessian of the measured loss, descending.
    pub eigenvalues: Vec<f64>,
    /// ‖Hv - lambda v‖ of each: some eigenvalue is no farther from lambda than this.
    pub residuals: Vec<f64>,
    /// The smallest eigenvalue.
    pub lambda_min: Option<f64>,
    /// Its residual.
    pub lambda_min_residual: Option<f64>,
    /// eta lambda_max, with the learning rate of the step from here (at the end: of the last one):
    /// between 1 and 2 a step of gradient descent over-shoots without diverging.
    pub learning_rate_times_lambda_max: Option<f64>,
    /// Products H v that this took.
    pub products: u64,
    /// All residuals are within the tolerance.
    pub converged: bool,
    /// The tolerance, relative to the largest |lambda|.
    pub tolerance: f64,
    /// How much of mini-batch gradients lies in the space of the largest eigenvectors.
    pub shares: Vec<ShareRecord>,
    /// The share of the last update, theta_t - theta_{t-1}; null at the initialisation.
    pub update_share: Option<f64>,
    /// Overlap of the space of the largest eigenvectors with that of the spectrum before, in [0, 1].
    pub overlap: Option<f64>,
    /// tr H by stochastic Lanczos quadrature; only with `probes`.
    pub trace: Option<f64>,
    /// Its standard error.
    pub trace_error: Option<f64>,
    /// One Gauss rule for the spectral density a probe.
    pub density: Vec<DensityRule>,
    /// What weight decay has added to every eigenvalue.
    pub weight_decay: f64,
    /// The precision of the derivatives.
    pub precision: Precision,
    /// Where batch norm took its statistics; null without batch norm.
    pub batch_norm: Option<BatchNormPolicy>,
}

impl PointRecord for SpectrumRecord {
    const LOG: &'static str = "spectrum.jsonl";

    fn step(&self) -> u64 {
        self.step
    }
}

/// Gradients of batches of one size against the space of the largest eigenvectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShareRecord {
    /// B.
    pub batch_size: u64,
    /// Batches.
    pub batches: u64,
    /// Mean share of ‖g_B‖².
    pub mean: Option<f64>,
    /// Its standard deviation over the batches.
    pub deviation: Option<f64>,
}

/// Nodes and weights that one probe sees; the weights add up to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DensityRule {
    /// Eigenvalues of the projected Hessian, descending.
    pub nodes: Vec<f64>,
    /// Their weights.
    pub weights: Vec<f64>,
}

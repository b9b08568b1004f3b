//! Records of what is measured at single points of the path; field names are the published column
//! names. `step` is the number of updates before theta, `epoch` that of epochs (0: initialisation).

use serde::{Deserialize, Serialize};

use crate::objective::BatchNormPolicy;
use crate::precision::Precision;

/// One line of `alignment.jsonl`: the gradient g_B of one mini-batch, u = g_B / ‖g_B‖. Null where the
/// gradient is zero or a value is not finite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlignmentRecord {
    /// Updates before this point.
    pub step: u64,
    /// Epochs before this point.
    pub epoch: u64,
    /// B.
    pub batch_size: u64,
    /// Which of the batches of this size, from 0.
    pub batch: u64,
    /// ‖g_B‖.
    pub grad_norm: Option<f64>,
    /// u'Hu with H of the full measured loss: equation 4.
    pub alignment: Option<f64>,
    /// u'H_B u with H_B of the batch's own loss.
    pub alignment_batch: Option<f64>,
    /// u'Cu, the first term of equation 2: u'Hu = u'Cu + (u'g)² + u'Ru.
    pub covariance: Option<f64>,
    /// (u'g)², its second term.
    pub squared_slope: Option<f64>,
    /// u'Ru, its third term.
    pub residual: Option<f64>,
    /// What weight decay has added to both alignments.
    pub weight_decay: f64,
    /// The precision of the derivatives.
    pub precision: Precision,
    /// Where batch norm took its statistics in the full loss; null without batch norm.
    pub batch_norm: Option<BatchNormPolicy>,
}

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
    /// eta lambda_max: between 1 and 2 a step of gradient descent over-shoots without diverging.
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

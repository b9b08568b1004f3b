//! `alignment.jsonl`.

use serde::{Deserialize, Serialize};

use super::PointRecord;
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

impl PointRecord for AlignmentRecord {
    const LOG: &'static str = "alignment.jsonl";

    fn step(&self) -> u64 {
        self.step
    }
}

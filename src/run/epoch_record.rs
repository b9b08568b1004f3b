//! `epochs.jsonl`.

use serde::{Deserialize, Serialize};

use super::PointRecord;
use crate::objective::BatchNormPolicy;
use crate::precision::Precision;

/// One line of `epochs.jsonl`: how well theta does before the first epoch and at the end of each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Updates before this point.
    pub step: u64,
    /// Epochs before this point.
    pub epoch: u64,
    /// The measured loss, the mean over the full training set.
    pub loss: Option<f64>,
    /// The share of the training set that is classified right; null for a loss that classifies
    /// nothing.
    pub accuracy: Option<f64>,
    /// The mean loss over the test split; null without one.
    pub test_loss: Option<f64>,
    /// The share of the test split that is classified right.
    pub test_accuracy: Option<f64>,
    /// The precision of the forward pass.
    pub precision: Precision,
    /// Where batch norm took its statistics, on both splits; null without batch norm.
    pub batch_norm: Option<BatchNormPolicy>,
}

impl PointRecord for EpochRecord {
    const LOG: &'static str = "epochs.jsonl";

    fn step(&self) -> u64 {
        self.step
    }
}

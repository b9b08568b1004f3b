//! The columns that say how sure a certified verdict is.

use serde::{Deserialize, Serialize};

use crate::measure::certified::{Assume, Certified, Method, Rule};

/// A lower and an upper bound; null for none.
pub type BoundsRecord = [Option<f64>; 2];

/// What stands in `line.jsonl` beside a certified verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CertificateRecord {
    /// The probability that the verdict is wrong, at most.
    pub error: f64,
    /// What that rests on.
    pub assume: Assume,
    /// How the units were judged.
    pub method: Method,
    /// Evaluation batches that each loss is the mean of.
    pub units: Vec<u64>,
    /// L(alpha_k) - L(0) lies between these for every k, with probability 1 - error.
    pub bounds: Vec<BoundsRecord>,
    /// As `barrier_height`, with probability 1 - error.
    pub barrier_height_bounds: BoundsRecord,
    /// As `floor_loss`, with probability 1 - error.
    pub floor_loss_bounds: BoundsRecord,
    /// As `floor_alpha`, with probability 1 - error.
    pub floor_alpha_bounds: BoundsRecord,
}

impl From<(Certified, Rule)> for CertificateRecord {
    fn from((certified, Rule { error, assume }): (Certified, Rule)) -> Self {
        let pair = |pair: [f64; 2]| pair.map(|bound| bound.is_finite().then_some(bound));
        let bounds = certified.bounds;
        Self {
            error,
            assume,
            method: assume.method(),
            units: certified.units,
            bounds: bounds.rises.into_iter().map(pair).collect(),
            barrier_height_bounds: pair(bounds.height),
            floor_loss_bounds: pair(bounds.floor),
            floor_alpha_bounds: pair(bounds.floor_alpha),
        }
    }
}

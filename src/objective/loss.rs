//! Which loss a derivative is of.

use serde::{Deserialize, Serialize};

/// A mean loss as a function of theta. Every method that takes one honours all that it says: which
/// samples, how they are presented, where batch norm takes its statistics from.
#[derive(Debug, Clone, Copy)]
pub enum Loss<'a> {
    /// The measured loss L: the whole training set as it is, in its evaluation batches, under the
    /// policy of batch norm that it is measured with. What lies beside theta, such as running
    /// statistics, is held fixed.
    Measured,
    /// The loss of a mini-batch as training sees it, under the batch's own statistics.
    Batch {
        /// Indices into the training set.
        samples: &'a [u32],
        /// What is done to the images.
        images: Images,
    },
}

/// How the images of a mini-batch are presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Images {
    /// As they are.
    Plain,
    /// As training presents them in an epoch (from 1), augmented where it augments.
    OfEpoch(u64),
}

impl<'a> Loss<'a> {
    /// Of some samples as they are.
    pub fn of(samples: &'a [u32]) -> Self {
        Self::Batch { samples, images: Images::Plain }
    }

    /// Of some samples as training presents them in an epoch.
    pub fn in_epoch(samples: &'a [u32], epoch: u64) -> Self {
        Self::Batch { samples, images: Images::OfEpoch(epoch) }
    }
}

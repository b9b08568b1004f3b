//! `kind = "alignment"`.

use serde::Serialize;

use super::Epochs;
use super::sizes::read_sizes;
use super::weight_decay::read_weight_decay;
use crate::experiment::Train;
use crate::experiment::reader::Section;

/// When the alignment of mini-batch gradients with the Hessian is measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlignmentSchedule {
    /// At the end of these epochs; 0 is the initialisation.
    pub epochs: Epochs,
    /// The sizes of the batches; the whole training set is one batch.
    pub batch_sizes: Vec<usize>,
    /// Batches of each size, each drawn anew without replacement.
    pub batches: usize,
    /// Count weight decay as a part of the loss: its lambda is added to every curvature.
    pub include_weight_decay: bool,
}

impl Default for AlignmentSchedule {
    /// After every epoch, fifty batches of the size that training has by default.
    fn default() -> Self {
        let batch_sizes = vec![Train::default().batch_size];
        Self { epochs: Epochs::All, batch_sizes, batches: 50, include_weight_decay: false }
    }
}

impl AlignmentSchedule {
    pub(super) fn read(section: &mut Section, train: &Train) -> Self {
        let mut schedule = Self::default();
        schedule.epochs.read(section, 0, train);
        read_sizes(section, &mut schedule.batch_sizes, train);
        section.read_positive("batches", &mut schedule.batches);
        read_weight_decay(section, &mut schedule.include_weight_decay, train);
        schedule
    }
}

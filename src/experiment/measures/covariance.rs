//! `kind = "covariance"`.

use serde::Serialize;

use super::Epochs;
use super::sizes::read_sizes;
use crate::experiment::Train;
use crate::experiment::reader::Section;

/// When the covariance of mini-batch gradients is measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CovarianceSchedule {
    /// At the end of these epochs; 0 is the initialisation.
    pub epochs: Epochs,
    /// The sizes of the batches.
    pub batch_sizes: Vec<usize>,
    /// Batches of each size, each drawn anew without replacement.
    pub batches: usize,
    /// Random directions that the trace of C is estimated from.
    pub probes: usize,
}

impl Default for CovarianceSchedule {
    /// After every epoch, fifty batches of the size that training has by default.
    fn default() -> Self {
        let batch_sizes = vec![Train::default().batch_size];
        Self { epochs: Epochs::All, batch_sizes, batches: 50, probes: 50 }
    }
}

impl CovarianceSchedule {
    pub(super) fn read(section: &mut Section, train: &Train) -> Self {
        let mut schedule = Self::default();
        schedule.epochs.read(section, 0, train);
        read_sizes(section, &mut schedule.batch_sizes, train);
        let spread = |&count: &usize| count >= 2;
        let remedy = "must be at least 2: one has no spread";
        section.read_valid("batches", &mut schedule.batches, spread, remedy);
        section.read_valid("probes", &mut schedule.probes, spread, remedy);
        schedule
    }
}

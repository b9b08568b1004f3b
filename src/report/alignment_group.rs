//! The records of mini-batches of one size at one point of the walk, which are looked at together.

use crate::run::AlignmentRecord;

use super::spread::Spread;

/// Mini-batches of one size at one point; never empty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct AlignmentGroup<'a> {
    pub step: u64,
    pub epoch: u64,
    pub batch_size: u64,
    records: &'a [AlignmentRecord],
}

impl<'a> AlignmentGroup<'a> {
    /// All groups of a run, in the order of its records.
    pub fn all(records: &'a [AlignmentRecord]) -> impl Iterator<Item = Self> {
        let is_together = |a: &AlignmentRecord, b: &AlignmentRecord| {
            (a.step, a.batch_size) == (b.step, b.batch_size)
        };
        let groups = records.chunk_by(is_together);
        groups.filter_map(|records| {
            let AlignmentRecord { step, epoch, batch_size, .. } = *records.first()?;
            Some(Self { step, epoch, batch_size, records })
        })
    }

    /// The spread of one quantity over the batches; `None` if it is known of none.
    pub fn spread(&self, value: impl Fn(&AlignmentRecord) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.records.iter().map(value))
    }

    /// Mini-batches in the group.
    pub fn batches(&self) -> u64 {
        self.records.len() as u64
    }
}

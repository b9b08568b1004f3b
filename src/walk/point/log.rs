//! The record file of one kind of measurement at points.

use crate::run::{Log, PointRecord, RunError, RunFolder};

/// A record file that is open, with the records that matter for the points to come.
#[derive(Debug)]
pub(in crate::walk) struct PointLog<R> {
    log: Log,
    /// Those of the newest point before the walk's, of the walk's, and what an earlier attempt has
    /// recorded ahead of it.
    records: Vec<R>,
}

impl<R: PointRecord> PointLog<R> {
    /// The log in `slot`, opened if it is not open.
    pub(super) fn open_once<'l>(
        slot: &'l mut Option<Self>,
        folder: &RunFolder,
    ) -> Result<&'l mut Self, RunError> {
        match slot {
            Some(log) => Ok(log),
            None => {
                let (log, records) = Log::open(&folder.point_log::<R>())?;
                Ok(slot.insert(Self { log, records }))
            }
        }
    }

    /// Forgets what no point from `step` on can ask for.
    pub(super) fn forget_before(&mut self, step: u64) {
        let newest = self.records.iter().map(R::step).filter(|&earlier| earlier < step).max();
        self.records.retain(|record| newest.is_none_or(|newest| record.step() >= newest));
    }

    /// What is recorded of a point.
    pub(super) fn at(&self, step: u64) -> impl Iterator<Item = &R> {
        self.records.iter().filter(move |record| record.step() == step)
    }

    /// The newest record of the point before.
    pub(super) fn before(&self, step: u64) -> Option<&R> {
        self.records.iter().rev().find(|record| record.step() < step)
    }

    /// Appends records of the walk's point; they are on disk when this returns.
    pub(super) fn append(&mut self, records: impl IntoIterator<Item = R>) -> Result<(), RunError> {
        for record in records {
            self.log.append(&record)?;
            self.records.push(record);
        }
        self.log.sync()
    }
}

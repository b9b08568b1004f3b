//! The record file of one kind of measurement at points.

use crate::run::{Log, PointRecord, RunError, RunFolder};

/// A record file that is open, with the records that matter for the points to come.
#[derive(Debug)]
pub(super) struct PointLog<R> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{AlignmentRecord, Manifest};

    fn record(step: u64, batch: u64) -> Result<AlignmentRecord, serde_json::Error> {
        serde_json::from_value(serde_json::json!({
            "step": step, "epoch": step, "batch_size": 1, "batch": batch, "weight_decay": 0.0,
            "precision": "f32"
        }))
    }

    #[test]
    fn a_log_is_opened_once_and_keeps_what_points_to_come_can_ask_for()
    -> Result<(), Box<dyn std::error::Error>> {
        let temporary = tempfile::tempdir()?;
        let path = temporary.path().join("run");
        let folder = RunFolder::create(&path, &Manifest::default(), "")?;
        for (step, batch) in [(0, 0), (3, 0), (3, 1), (6, 0), (9, 0)] {
            PointLog::open_once(&mut None, &folder)?.append([record(step, batch)?])?;
        }
        let mut slot = None;
        let log = PointLog::open_once(&mut slot, &folder)?;
        // As after a resume at step 6, where the checkpoint of step 9 was found damaged.
        log.forget_before(6);
        assert_eq!([0, 3, 6, 9].map(|step| log.at(step).count()), [0, 2, 1, 1]);
        assert_eq!(log.before(6), Some(&record(3, 1)?));
        log.append([record(6, 1)?])?;
        assert_eq!(log.at(6).count(), 2);
        // Whoever opened it again would stumble.
        std::fs::write(folder.point_log::<AlignmentRecord>(), "damage\n")?;
        assert_eq!(PointLog::open_once(&mut slot, &folder)?.at(6).count(), 2);
        Ok(())
    }
}

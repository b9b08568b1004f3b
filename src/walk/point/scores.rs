//! Loss and accuracy on the training set and on the test split, at the end of every epoch.

use super::log::PointLog;
use super::{Here, PointMeasurement, Progress};
use crate::objective::{Objective, Score};
use crate::run::EpochRecord;
use crate::walk::WalkError;
use crate::walk::cost::Extent;
use crate::walk::memory::Claim;
use crate::walk::walker::finite;

/// What every walk measures before its first epoch and after each: no schedule asks for it.
#[derive(Debug)]
pub(super) struct EpochScores;

impl PointMeasurement for EpochScores {
    const NAME: &'static str = "loss and accuracy";

    type Record = EpochRecord;

    type Unit = ();

    fn units(&self, _samples: usize) -> impl Iterator<Item = Self::Unit> {
        std::iter::once(())
    }

    fn unit(_record: &Self::Record) -> Self::Unit {}

    fn cost(&self, extent: Extent) -> u64 {
        extent.scores()
    }

    fn claims(&self, _extent: Extent) -> Vec<Claim> {
        Vec::new()
    }

    fn measure<O: Objective>(
        &self,
        here: &Here<O>,
        _due: &[Self::Unit],
        log: &mut PointLog<Self::Record>,
        progress: &mut Progress,
    ) -> Result<(), WalkError> {
        let found = here.objective.scores(&here.state.point, here.precision())?;
        progress.worked(self.cost(here.extent()));
        let loss = |score: Score| finite(score.loss);
        let record = EpochRecord {
            step: here.state.step,
            epoch: here.epoch,
            loss: loss(found.train),
            accuracy: found.train.accuracy,
            test_loss: found.test.and_then(loss),
            test_accuracy: found.test.and_then(|score| score.accuracy),
            precision: here.precision(),
            batch_norm: here.plan.batch_norm,
        };
        Ok(log.append([record])?)
    }
}

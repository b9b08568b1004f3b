//! When something is measured, and what of it is left to measure: the same for every quantity.

use std::collections::BTreeSet;

use super::log::PointLog;
use super::quantities::{described, measure, score};
use super::{Here, PointMeasurement, Progress};
use crate::objective::Objective;
use crate::walk::walker::Walker;
use crate::walk::{Observer, WalkError};

impl<O: Objective> Walker<'_, O> {
    /// Measures what is due where the walk stands, as far as no earlier attempt has.
    pub(in crate::walk) fn measure_here(
        &mut self,
        observer: &mut dyn Observer,
    ) -> Result<(), WalkError> {
        let (plan, place) = (self.plan, self.plan.place(self.state.step));
        if place.iteration != 0 {
            return Ok(());
        }
        let epoch = place.epoch - 1;
        let mut logs = std::mem::take(&mut self.logs);
        if score(&self.here(epoch), &mut logs, observer)? {
            self.recorder.lap_scores();
        }
        for due in plan.points.iter().filter(|measure| measure.epochs().contains(epoch)) {
            let here = self.here(epoch);
            let (name, work) = described(due, here.extent());
            let what = format!("{name} after epoch {epoch}");
            let mut progress = Progress::begin(observer, what, work);
            if measure(due, &here, &mut logs, &mut progress)? {
                self.recorder.lap_curvature();
                self.recorder.sync(self.state.step)?;
            }
            progress.end();
        }
        self.logs = logs;
        Ok(())
    }

    /// Where the walk stands, behind so many epochs.
    fn here(&self, epoch: u64) -> Here<'_, O> {
        let (objective, plan, state) = (self.objective, self.plan, &self.state);
        Here { objective, plan, state, epoch, recorder: &self.recorder }
    }
}

/// Measures the units that are not recorded yet. Returns false if all are.
pub(super) fn measure_due<M: PointMeasurement, O: Objective>(
    measurement: &M,
    here: &Here<O>,
    log: &mut Option<PointLog<M::Record>>,
    progress: &mut Progress,
) -> Result<bool, WalkError> {
    let log = PointLog::open_once(log, here.recorder.folder)?;
    log.forget_before(here.state.step);
    let recorded: BTreeSet<_> = log.at(here.state.step).map(M::unit).collect();
    let units = measurement.units(here.plan.samples);
    let due: Vec<_> = units.filter(|unit| !recorded.contains(unit)).collect();
    if due.is_empty() {
        return Ok(false);
    }
    measurement.measure(here, &due, log, progress)?;
    Ok(true)
}

//! Everything that is measured at points: the one place where the walk knows it by name.

use super::due::measure_due;
use super::log::PointLog;
use super::scores::EpochScores;
use super::{Here, PointMeasurement, Progress};
use crate::experiment::PointMeasure;
use crate::objective::Objective;
use crate::run::{AlignmentRecord, CovarianceRecord, EpochRecord, SpectrumRecord};
use crate::walk::cost::Extent;
use crate::walk::memory::Claim;
use crate::walk::{Observer, WalkError};

/// The record files, each opened when it is first needed.
#[derive(Debug, Default)]
pub(in crate::walk) struct PointLogs {
    alignment: Option<PointLog<AlignmentRecord>>,
    covariance: Option<PointLog<CovarianceRecord>>,
    spectrum: Option<PointLog<SpectrumRecord>>,
    epochs: Option<PointLog<EpochRecord>>,
}

/// What a measurement is called, and its work at one point.
pub(in crate::walk) fn described(measure: &PointMeasure, extent: Extent) -> (&'static str, u64) {
    fn of<M: PointMeasurement>(measurement: &M, extent: Extent) -> (&'static str, u64) {
        (M::NAME, measurement.cost(extent))
    }
    match measure {
        PointMeasure::Alignment(schedule) => of(schedule, extent),
        PointMeasure::Covariance(schedule) => of(schedule, extent),
        PointMeasure::Spectrum(schedule) => of(schedule, extent),
    }
}

/// The memory that a measurement asks for.
pub(in crate::walk) fn claims_of(measure: &PointMeasure, extent: Extent) -> Vec<Claim> {
    match measure {
        PointMeasure::Alignment(schedule) => schedule.claims(extent),
        PointMeasure::Covariance(schedule) => schedule.claims(extent),
        PointMeasure::Spectrum(schedule) => schedule.claims(extent),
    }
}

/// Scores the point unless that is recorded. Returns false if it was.
pub(super) fn score<O: Objective>(
    here: &Here<O>,
    logs: &mut PointLogs,
    observer: &mut dyn Observer,
) -> Result<bool, WalkError> {
    let what = format!("{} after epoch {}", EpochScores::NAME, here.epoch);
    let mut progress = Progress::begin(observer, what, EpochScores.cost(here.extent()));
    let is_new = measure_due(&EpochScores, here, &mut logs.epochs, &mut progress)?;
    progress.end();
    Ok(is_new)
}

/// Measures what is not recorded yet. Returns false if everything was.
pub(super) fn measure<O: Objective>(
    measure: &PointMeasure,
    here: &Here<O>,
    logs: &mut PointLogs,
    progress: &mut Progress,
) -> Result<bool, WalkError> {
    match measure {
        PointMeasure::Alignment(schedule) => {
            measure_due(schedule, here, &mut logs.alignment, progress)
        }
        PointMeasure::Covariance(schedule) => {
            measure_due(schedule, here, &mut logs.covariance, progress)
        }
        PointMeasure::Spectrum(schedule) => {
            measure_due(schedule, here, &mut logs.spectrum, progress)
        }
    }
}

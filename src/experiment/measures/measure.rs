//! One `[[measure]]`, of any kind. Kinds are registered here.

use serde::Serialize;
use toml::Value;

use super::{AlignmentSchedule, CovarianceSchedule, Epochs, LineSchedule, SpectrumSchedule};
use crate::choice::choice;
use crate::experiment::Train;
use crate::experiment::reader::{Notes, Section};

choice! {
    /// What to measure.
    MeasureKind {
        /// The loss along every update.
        Line = "line",
        /// Curvature along mini-batch gradients.
        Alignment = "alignment",
        /// The covariance of mini-batch gradients.
        Covariance = "covariance",
        /// The ends of the Hessian's spectrum.
        Spectrum = "spectrum",
    }
}

/// One `[[measure]]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Measure {
    /// The loss along every update.
    Line(LineSchedule),
    /// What is measured at single points of the path.
    #[serde(untagged)]
    Point(PointMeasure),
}

/// What is measured at single points of the path: at the initialisation and at the ends of epochs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum PointMeasure {
    /// Curvature along mini-batch gradients, equations 2 and 4.
    Alignment(AlignmentSchedule),
    /// The covariance of mini-batch gradients, equation 3.
    Covariance(CovarianceSchedule),
    /// The ends of the Hessian's spectrum, and its density.
    Spectrum(SpectrumSchedule),
}

impl Measure {
    /// The epochs in which it is measured, or at whose ends.
    pub fn epochs(&self) -> &Epochs {
        match self {
            Self::Line(schedule) => &schedule.epochs,
            Self::Point(measure) => measure.epochs(),
        }
    }

    /// The same, to be changed.
    pub(in crate::experiment) fn epochs_mut(&mut self) -> &mut Epochs {
        match self {
            Self::Line(schedule) => &mut schedule.epochs,
            Self::Point(PointMeasure::Alignment(schedule)) => &mut schedule.epochs,
            Self::Point(PointMeasure::Covariance(schedule)) => &mut schedule.epochs,
            Self::Point(PointMeasure::Spectrum(schedule)) => &mut schedule.epochs,
        }
    }
}

impl PointMeasure {
    /// It is measured at the end of these epochs; 0 is the initialisation.
    pub fn epochs(&self) -> &Epochs {
        match self {
            Self::Alignment(schedule) => &schedule.epochs,
            Self::Covariance(schedule) => &schedule.epochs,
            Self::Spectrum(schedule) => &schedule.epochs,
        }
    }

    /// The batch sizes whose gradients it needs, besides those of training.
    pub fn batch_sizes(&self) -> &[usize] {
        match self {
            Self::Alignment(schedule) => &schedule.batch_sizes,
            Self::Covariance(schedule) => &schedule.batch_sizes,
            Self::Spectrum(schedule) => &schedule.batch_sizes,
        }
    }
}

/// Reads one entry of `[[measure]]`.
pub(in crate::experiment) fn read_measure(
    index: usize,
    entry: Value,
    train: &Train,
    notes: &mut Notes,
) -> Measure {
    let table = entry.as_table().cloned().unwrap_or_default();
    let mut section = Section::new(format!("measure[{index}]"), table, notes);
    let measure = read_kind(&mut section, train);
    section.finish();
    measure
}

fn read_kind(section: &mut Section, train: &Train) -> Measure {
    Measure::Point(match section.known_choice("kind").unwrap_or(MeasureKind::Line) {
        MeasureKind::Line => return Measure::Line(LineSchedule::read(section, train)),
        MeasureKind::Alignment => PointMeasure::Alignment(AlignmentSchedule::read(section, train)),
        MeasureKind::Covariance => {
            PointMeasure::Covariance(CovarianceSchedule::read(section, train))
        }
        MeasureKind::Spectrum => PointMeasure::Spectrum(SpectrumSchedule::read(section, train)),
    })
}

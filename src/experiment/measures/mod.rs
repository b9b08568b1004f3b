//! `[[measure]]`: what is measured along the walk, and when. One file a schedule.

mod alignment;
mod covariance;
mod epochs;
mod line;
mod measure;
mod sizes;
mod spectrum;
mod weight_decay;

pub use alignment::AlignmentSchedule;
pub use covariance::CovarianceSchedule;
pub use epochs::{Epochs, Iterations};
pub use line::LineSchedule;
pub(super) use measure::read_measure;
pub use measure::{Measure, MeasureKind, PointMeasure};
pub use spectrum::SpectrumSchedule;

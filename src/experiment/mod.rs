//! Experiments: the TOML file, its defaults, and everything that can be wrong with it.

mod choices;
mod continuation;
mod descriptions;
mod json_schema;
mod layer_list;
mod measures;
mod optimizer;
mod rate_schedule;
mod read;
mod reader;
mod samples;
mod schema;
mod train;

pub use choices::{Arch, LayerKind, Sampling};
pub use json_schema::json_schema;
pub use measures::{
    AlignmentSchedule, CovarianceSchedule, Epochs, Iterations, LineSchedule, Measure, MeasureKind,
    PointMeasure, SpectrumSchedule,
};
pub use optimizer::{Adam, Optimizer, Sgd};
pub use rate_schedule::{RateCourse, RateSchedule};
pub use read::{ExperimentError, load, parse};
pub use reader::Problem;
pub use samples::check_samples;
pub use schema::{Data, Evaluation, Experiment};
pub use train::{DEFAULT_CHUNK, Train};

//! Experiments: the TOML file, its defaults, and everything that can be wrong with it.

mod choices;
mod layer_list;
mod measures;
mod read;
mod reader;
mod samples;
mod schema;

pub use choices::{Arch, LayerKind, Optimizer};
pub use measures::{
    AlignmentSchedule, CovarianceSchedule, Epochs, Iterations, LineSchedule, Measure, MeasureKind,
    PointMeasure, SpectrumSchedule,
};
pub use read::{ExperimentError, load, parse};
pub use reader::Problem;
pub use samples::check_samples;
pub use schema::{DEFAULT_CHUNK, Data, Evaluation, Experiment, Train};

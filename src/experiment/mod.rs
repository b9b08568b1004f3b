//! Experiments: the TOML file, its defaults, and everything that can be wrong with it.

mod choices;
mod layer_list;
mod read;
mod reader;
mod samples;
mod schema;

pub use choices::{
    Arch, Augment, BatchNormPolicy, Choice, Head, LayerKind, MeasureKind, Mode, Optimizer,
    Precision, Protocol,
};
pub use layer_list::LayerSpec;
pub use read::{ExperimentError, load, parse};
pub use reader::Problem;
pub use samples::check_samples;
pub use schema::{
    DEFAULT_CHUNK, Data, Epochs, Evaluation, Experiment, Iterations, LineSchedule, Measure, Model,
    Train,
};

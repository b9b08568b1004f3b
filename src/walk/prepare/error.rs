//! Why an experiment cannot start.

use std::path::PathBuf;

use crate::data::{DataError, ImageShape};
use crate::experiment::Problem;
use crate::network::ShapeError;
use crate::objective::DeviceError;
use crate::run::RunError;
use crate::walk::MemoryError;

/// Why an experiment cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// The data set.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The device.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The network does not fit the images, or cannot be.
    #[error("`model` ({key} = {value}) describes no network for this data")]
    Network {
        /// The setting that makes the network large.
        key: &'static str,
        /// Its value.
        value: String,
        /// What does not fit.
        source: ShapeError,
    },
    /// The experiment does not fit the machine.
    #[error("the experiment does not fit this machine")]
    Memory(#[from] MemoryError),
    /// `evaluation.test` without a test split.
    #[error(
        "evaluation.test = true: {data} has no test split{}; leave the setting out",
        root.as_deref().map(|root| format!(" in {}", root.display())).unwrap_or_default()
    )]
    NoTestSplit {
        /// The data set.
        data: String,
        /// Its folder.
        root: Option<PathBuf>,
    },
    /// A test split of other images or classes than the training set's.
    #[error(
        "the test split has images of {} in {} classes, but the training set has {} in {}; mend it, or choose evaluation.test = false",
        found.0, found.1, expected.0, expected.1
    )]
    OtherTestSplit {
        /// Shape of its images and number of its classes.
        found: (ImageShape, usize),
        /// Those of the training set.
        expected: (ImageShape, usize),
    },
    /// Settings that the data set's size forbids.
    #[error("the experiment does not fit its data:{}", .0.iter().map(|problem| format!("\n  {problem}")).collect::<String>())]
    Samples(Vec<Problem>),
    /// `--resume` where nothing was begun.
    #[error(
        "{folder}: there is no run to go on with (no manifest.json); begin it without --resume"
    )]
    NothingBegun {
        /// The folder.
        folder: String,
    },
    /// `--resume` with another experiment than the one that began the run.
    #[error(
        "{folder}: began with another experiment; continue with the same, or choose another --out (epochs may be added at the end, unless the learning rate follows a cosine). run.toml has, and the experiment has not:\n{difference}"
    )]
    OtherExperiment {
        /// The run folder.
        folder: String,
        /// Lines of `run.toml` that the experiment lacks.
        difference: String,
    },
    /// `--resume` with other data.
    #[error("{folder}: began with other data: {files} changed since; restore them")]
    OtherData {
        /// The run folder.
        folder: String,
        /// Names of the files.
        files: String,
    },
    /// The run folder.
    #[error(transparent)]
    Run(#[from] RunError),
}

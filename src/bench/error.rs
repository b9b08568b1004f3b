//! Why a bench ends early.

use thiserror::Error;

use crate::data::DatasetError;
use crate::experiment::ExperimentError;
use crate::network::ShapeError;
use crate::objective::{DeviceError, ObjectiveError};

/// A network that cannot be built or measured.
#[derive(Debug, Error)]
pub enum BenchError {
    /// Its settings are no experiment.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// The device is not there.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Its images are no data set.
    #[error(transparent)]
    Data(#[from] DatasetError),
    /// Its layers do not fit its images.
    #[error(transparent)]
    Network(#[from] ShapeError),
    /// It was not measured to the end.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
}

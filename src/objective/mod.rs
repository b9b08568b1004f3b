//! L(theta): its value along a line and its gradient. The only door to autodiff.
//!
//! [`Objective`] speaks of theta as a flat `&[f64]`, whatever the precision inside, so that what
//! stands above it (walks, measurements) knows neither tensors nor networks.

mod classification;
mod device;
mod directional;
mod gradient;
mod hessian;
mod line;
mod measured_loss;
mod policy;
mod problem;
mod statistics;
mod transfer;

pub use classification::{Classification, TrainingBatches};
pub use device::{DeviceError, device_by_name};
pub use measured_loss::MeasuredLoss;
pub use policy::{BatchNormPolicy, Protocol};
pub use problem::{
    Batch, Directional, Gradient, Interrupt, Line, Objective, ObjectiveError, Point, Slopes,
};

//! L(theta): its value along a line and its derivatives. The only door to autodiff.
//!
//! [`Objective`] speaks of theta as a flat vector that reads as `[f64]`, whatever the precision inside, so
//! that what stands above it (walks, measurements) knows neither tensors nor networks.

mod classification;
mod contract;
mod crew;
mod derivative;
mod device;
#[cfg(gpu)]
mod device_directional;
#[cfg(gpu)]
mod device_gradient;
#[cfg(gpu)]
mod device_hessian;
mod directional;
mod error;
mod evaluation;
mod expansion;
mod gradient;
mod grouped;
#[cfg(gpu)]
mod grouped_kernels;
mod hessian;
mod interrupt;
mod line;
mod loss;
mod measured_loss;
#[cfg(gpu)]
mod on_device;
mod paces;
mod planned;
mod planned_directional;
mod planned_gradient;
mod planned_hessian;
mod point;
mod policy;
mod presentation;
mod recomputed;
mod resident;
mod scores;
mod statistics;
mod transfer;
pub mod tree;
mod units;

pub use classification::{Classification, TrainingBatches};
pub use contract::Objective;
pub use crew::{Crew, Ranks};
pub use derivative::{Directional, Gradient, Slopes};
pub use device::{DeviceError, device_by_name, device_of};
pub use error::ObjectiveError;
pub use evaluation::{Computed, LineEvaluation};
pub use interrupt::Interrupt;
pub use loss::{Images, Loss};
pub use measured_loss::MeasuredLoss;
pub use point::{Line, Point};
pub use policy::{BatchNormPolicy, Protocol};
pub use scores::{Score, Scores};

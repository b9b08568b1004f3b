//! The values of a network by fused kernels, without derivatives: what the losses along a line take.
//!
//! A [`Plan`] is made once from a network whose layers all say what they do
//! ([`Layer::stage`](crate::network::Layer::stage)): batch norm and rectifier move into the convolution
//! that reads them, statistics and shortcuts into the one that writes. A [`Station`] has the weights of
//! one point packed for the kernels; a [`Workspace`] is the memory that one batch is computed in.

mod backward;
mod compile;
#[cfg(gpu)]
mod device;
mod line;
mod run;
mod shares;
mod station;
mod statistics;
mod step;
mod tangent;
mod theta;
mod workspace;

pub use backward::{
    Backward, Cotangents, GradientPlan, GradientStation, GradientWorkspace, GradientWorkspaces,
    Sought,
};
pub use compile::Plan;
#[cfg(gpu)]
pub(crate) use device::{
    DeviceBatch, DeviceDirection, DeviceGradient, DeviceGradients, DeviceLine, DevicePass,
    DeviceTangent, Group,
};
pub use run::Given;
pub use station::Station;
pub use statistics::NormStatistics;
pub use tangent::{
    Course, CurvaturePlan, CurvatureWorkspace, CurvatureWorkspaces, DirectionStation, GivenAlong,
    Order, ReturnStation, Tangent, Turn,
};
pub use theta::Theta;
pub use workspace::{Workspace, Workspaces};

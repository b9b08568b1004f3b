//! Gradients by fused kernels: a plan whose activations stay, and its steps back.
//!
//! A [`GradientPlan`] is made once from a network; a [`GradientStation`] has the weights of one point
//! packed for both ways, and moves to the next point in the same memory; a [`GradientWorkspace`] is the
//! memory that one batch is computed in, by one thread or shared by several, with the same bits.

mod compile;
mod norm;
mod read;
mod run;
mod station;
mod step;
mod workspace;

pub use compile::GradientPlan;
pub(super) use compile::Origin;
pub use norm::Cotangents;
pub(super) use norm::NormBack;
pub(super) use read::scale;
pub use run::{Backward, Sought};
pub(super) use run::{Passing, add_pixels, weight_gradient};
pub use station::GradientStation;
pub(super) use step::{Back, BiasGradient, To};
pub(super) use workspace::Sums;
pub use workspace::{GradientWorkspace, GradientWorkspaces};

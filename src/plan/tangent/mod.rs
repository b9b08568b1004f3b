//! Derivatives of second order by fused kernels: how a batch moves along directions.
//!
//! A [`CurvaturePlan`] is made once from a network. A batch goes forwards and, for what is of second
//! order, back to its activations ([`CurvaturePlan::run`]); both stay in a [`CurvatureWorkspace`]. Then
//! each direction goes forwards ([`CurvaturePlan::along`]): every activation x has a tangent x1 along it,
//! and a layer's term of second order is weighed with the adjoint of what the layer writes. No second
//! coefficient is passed on.
//!
//! A batch can also go back along a direction ([`CurvaturePlan::back_along`]): every adjoint moves too, and
//! what the gradient does is H v.

mod back;
mod compile;
mod direction;
mod norm;
mod norm_back;
mod pass;
mod run;
mod step;
mod workspace;

pub use back::Turn;
pub use compile::CurvaturePlan;
pub use direction::{DirectionStation, ReturnStation};
pub use run::{Course, GivenAlong, Order, Tangent};
#[cfg(gpu)]
pub(super) use step::Along;
pub use workspace::{CurvatureWorkspace, CurvatureWorkspaces};

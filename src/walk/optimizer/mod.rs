//! Optimisers, each PyTorch's in its definition. Their settings are the experiment's.

mod adam;
mod carried;
mod parts;
mod rule;
mod sgd;

pub use carried::Carried;
pub(super) use rule::move_theta;

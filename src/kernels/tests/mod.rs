//! Every algorithm on every instruction set against the definition in f64, by random shapes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batch_gradient;
mod case;
mod forward;
mod gradient;
mod pool;
mod rounding;
mod smooth;
mod tangent;
mod through;

//! Non-linearities, entry by entry.

use super::{Layer, Pass, Shape, ShapeError, Stage};
use crate::kernels::Smooth;
use crate::taylor::Series;

/// A function of one number, applied to every entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// max(x, 0). The derivative at 0 is 0.
    Relu,
    /// tanh(x).
    Tanh,
    /// x Phi(x), with the normal distribution Phi itself rather than its tanh approximation.
    Gelu,
    /// ln(1 + exp(x)).
    Softplus,
}

impl Layer for Activation {
    fn output_shape(&self, input: Shape) -> Result<Shape, ShapeError> {
        Ok(input)
    }

    fn stage(&self) -> Option<Stage<'_>> {
        Some(match self {
            Self::Relu => Stage::Relu,
            Self::Tanh => Stage::Smooth(Smooth::Tanh),
            Self::Gelu => Stage::Smooth(Smooth::Gelu),
            Self::Softplus => Stage::Smooth(Smooth::Softplus),
        })
    }

    fn forward(&self, input: Series<4>, pass: &mut Pass) -> Series<4> {
        match self {
            Self::Relu => input.relu(),
            Self::Tanh => pass.contract(input.tanh()),
            Self::Gelu => pass.contract(input.gelu()),
            Self::Softplus => pass.contract(input.softplus()),
        }
    }
}

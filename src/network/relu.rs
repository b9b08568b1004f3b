//! Rectified linear unit.

use super::{Layer, Pass, Shape, ShapeError};
use crate::taylor::Series;

/// max(x, 0), entry by entry. The derivative at 0 is 0.
#[derive(Debug)]
pub struct Relu;

impl Layer for Relu {
    fn output_shape(&self, input: Shape) -> Result<Shape, ShapeError> {
        Ok(input)
    }

    fn forward(&self, input: Series<4>, _: &mut Pass) -> Series<4> {
        input.relu()
    }
}

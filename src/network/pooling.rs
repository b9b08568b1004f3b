//! Pooling: maximum over windows, average over the whole image.

use super::{Layer, Pass, Shape, ShapeError, Stage};
use crate::taylor::Series;

/// Maximum over windows of `size` x `size` side by side.
#[derive(Debug)]
pub struct MaxPool {
    /// Height and width of a window.
    pub size: usize,
}

impl Layer for MaxPool {
    fn output_shape(&self, input: Shape) -> Result<Shape, ShapeError> {
        let Shape { height, width, channels } = input;
        let divides = |length: usize| length > 0 && length.is_multiple_of(self.size);
        if divides(height) && divides(width) {
            let (height, width) = (height / self.size, width / self.size);
            return Ok(Shape { height, width, channels });
        }
        let size = self.size;
        Err(ShapeError::new(format!("{size}x{size} pooling windows do not divide {input}")))
    }

    fn stage(&self) -> Option<Stage<'_>> {
        Some(Stage::MaxPool { size: self.size })
    }

    fn forward(&self, input: Series<4>, _: &mut Pass) -> Series<4> {
        input.max_pool2d(self.size)
    }
}

/// Mean over all pixels: [n, h, w, c] to [n, 1, 1, c].
#[derive(Debug)]
pub struct GlobalAveragePool;

impl Layer for GlobalAveragePool {
    fn output_shape(&self, input: Shape) -> Result<Shape, ShapeError> {
        Ok(Shape::flat(input.channels))
    }

    fn stage(&self) -> Option<Stage<'_>> {
        Some(Stage::GlobalAveragePool)
    }

    fn forward(&self, input: Series<4>, _: &mut Pass) -> Series<4> {
        let [n, h, w, c] = input.dims();
        input.reshape([n, h * w, c]).mean_dim(1).reshape([n, 1, 1, c])
    }
}

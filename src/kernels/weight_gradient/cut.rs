//! How the work on a batch is cut.

use std::ops::Range;

use super::PRODUCTS;
use crate::kernels::shape::ConvolutionShape;

/// Pieces of a batch times blocks of outputs, at least, where weights get products enough.
const PIECES: usize = 8;

/// How the work is cut.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    pub shape: ConvolutionShape,
    /// Numbers in a vector.
    pub width: usize,
}

impl Cut {
    /// How many pieces a batch is cut into: few where there are many blocks already, or where a weight
    /// would get few products. Of equal numbers of samples, but for one less.
    pub fn pieces(self, samples: usize) -> usize {
        let blocks = self.shape.outputs.div_ceil(2 * self.width);
        let products = samples * products(self.shape);
        PIECES.div_ceil(blocks).min(products / PRODUCTS).clamp(1, samples.max(1))
    }

    /// Blocks of two vectors of outputs.
    pub fn blocks(self) -> impl Iterator<Item = Range<usize>> {
        let (outputs, block) = (self.shape.outputs, 2 * self.width);
        (0..outputs).step_by(block).map(move |first| first..outputs.min(first + block))
    }

    /// Outputs of a block in whole vectors.
    pub fn padded(self, block: &Range<usize>) -> usize {
        block.len().next_multiple_of(self.width)
    }

    pub fn block_len(self, block: &Range<usize>) -> usize {
        self.shape.weight_len() / self.shape.outputs * self.padded(block)
    }

    pub fn piece_len(self) -> usize {
        self.shape.weight_len() / self.shape.outputs
            * self.shape.outputs.next_multiple_of(self.width)
    }
}

/// Products that a weight gets from a sample, at least one.
pub(super) fn products(shape: ConvolutionShape) -> usize {
    (shape.needed_multiplications() / shape.weight_len()).max(1)
}

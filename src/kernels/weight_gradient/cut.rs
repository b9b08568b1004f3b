//! How the work on a batch is cut.

use std::ops::Range;

use super::{BLOCK, PRODUCTS};
use crate::kernels::algorithm::Algorithm;
use crate::kernels::shape::ConvolutionShape;

/// Pieces of a batch times blocks of outputs, at least, where weights get products enough.
const PIECES: usize = 8;

/// Parts that a batch is cut into, about: enough for threads to share, and so few that images are not
/// copied often.
const PARTS: usize = 16;

/// Tiles of a piece, at least, by Winograd's algorithm: each piece's sums are transformed back.
const PIECE_TILES: usize = 128;

/// Numbers that a part of more than one block sums up, at most, by Winograd's algorithm: 10 MB.
const SUMS: usize = 5 << 19;

/// How the work is cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub shape: ConvolutionShape,
    /// Numbers in a vector.
    pub width: usize,
    pub algorithm: Algorithm,
}

impl Cut {
    /// How many pieces a batch is cut into: few where there are many blocks already (of the widest vectors, so that all
    /// CPUs add up the same pieces), or where a weight would get few products. Of equal numbers of samples, but for one
    /// less.
    pub fn pieces(self, samples: usize) -> usize {
        let blocks = self.shape.outputs.div_ceil(BLOCK);
        let most = match self.algorithm.tile() {
            Some(tile) => {
                let tiles = self.shape.height.div_ceil(tile) * self.shape.width.div_ceil(tile);
                samples * tiles / PIECE_TILES
            }
            None => samples * products(self.shape) / PRODUCTS,
        };
        PIECES.div_ceil(blocks).min(most).clamp(1, samples.max(1))
    }

    /// Blocks of a part, of so many blocks in all pieces. By Winograd's algorithm each part transforms what it
    /// reads, so there are about as few as threads.
    pub fn together(self, blocks: usize, threads: usize) -> usize {
        if self.algorithm == Algorithm::Direct {
            return blocks.div_ceil(PARTS);
        }
        let block = self.algorithm.taps(self.shape) * self.shape.inputs * 2 * self.width;
        let parts = blocks.div_ceil((SUMS / block).max(1));
        blocks.div_ceil(parts.next_multiple_of(threads.max(1)))
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

//! Weights in the order that the register tile reads them.

use super::aligned::Aligned;

/// Blocks of outputs, each [tap, channel, output], of two vectors or, the last one, as few as hold
/// the rest; zeros fill it up.
#[derive(Debug, Clone)]
pub(super) struct PackedWeights {
    numbers: Aligned,
    width: usize,
    rows: usize,
    outputs: usize,
}

/// One block of outputs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    /// [tap, channel, output].
    pub(super) weights: &'a [f32],
    /// The first output.
    pub(super) first: usize,
    /// Vectors of outputs.
    pub(super) vectors: usize,
}

impl PackedWeights {
    /// Room for `rows` rows of `outputs`, in vectors of `width`; a row for each tap and channel.
    pub(super) fn zeros(rows: usize, outputs: usize, width: usize) -> Self {
        let numbers = Aligned::zeros(rows * outputs.next_multiple_of(width));
        Self { numbers, width, rows, outputs }
    }

    /// Calls `write` with each block and its first output.
    #[inline(always)]
    pub(super) fn fill(&mut self, mut write: impl FnMut(usize, &mut [f32])) {
        let &mut Self { width, rows, outputs, .. } = self;
        for first in (0..outputs).step_by(2 * width) {
            let block = (outputs - first).min(2 * width).next_multiple_of(width);
            write(first, &mut self.numbers[rows * first..][..rows * block]);
        }
    }

    /// Packs weights [rows, outputs].
    pub(super) fn copy(&mut self, weights: &[f32]) {
        let &mut Self { rows, outputs, .. } = self;
        self.fill(|first, block| {
            let width = block.len() / rows;
            let count = width.min(outputs - first);
            for (to, from) in block.chunks_exact_mut(width).zip(weights.chunks_exact(outputs)) {
                to[..count].copy_from_slice(&from[first..][..count]);
            }
        });
    }

    /// The blocks, in the order of outputs.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Block<'_>> {
        let &Self { width, rows, outputs, .. } = self;
        (0..outputs).step_by(2 * width).map(move |first| {
            let vectors = (outputs - first).min(2 * width).div_ceil(width);
            let weights = &self.numbers[rows * first..][..rows * vectors * width];
            Block { weights, first, vectors }
        })
    }
}

//! A fully connected layer: samples lie side by side, and one pixel of each is read.

use std::ops::Range;

use super::{Call, PRODUCTS, add, outputs};
use crate::kernels::gather::Gathered;
use crate::kernels::outer::{Factors, Span, outer};
use crate::kernels::scratch::Scratch;
use crate::kernels::simd::Lanes;
use crate::kernels::source::Source;
use crate::kernels::split::parts;

impl Call<'_, '_> {
    /// Computes it.
    #[inline(always)]
    pub(super) fn linear<L: Lanes>(&mut self, lanes: L, samples: Range<usize>) {
        let shape = self.part.shape;
        let one = Gathered::interleaved([1, 1], shape.inputs);
        for first in samples.clone().step_by(PRODUCTS) {
            let count = PRODUCTS.min(samples.end - first);
            let images = Gathered { samples: count, ..one };
            let in_place = self.images.in_place(images, first);
            if in_place.is_none() {
                let buffer = self.scratch.images.of_len(images.len());
                images.fill(lanes, self.images, first, buffer);
            }
            self.gather_blocks(lanes, (first, count));
            let adds = self.part.adds || first > samples.start;
            for rows in parts(shape.inputs, L::ROWS) {
                self.linear_rows(lanes, (in_place, images), rows, adds);
            }
        }
    }

    /// Copies the gradients of some samples, block by block.
    #[inline(always)]
    fn gather_blocks<L: Lanes>(&mut self, lanes: L, (first, count): (usize, usize)) {
        let gradients = Source { pixels: self.gradients, normalise: None };
        let layout = |block: &Range<usize>| Gathered {
            samples: count,
            ..outputs::<L>(self.part.shape, block.clone())
        };
        let len = self.part.blocks.iter().map(|block| layout(block).len()).sum();
        let mut rest = self.scratch.transformed.of_len(len);
        for block in self.part.blocks {
            let layout = layout(block);
            let (to, others) = rest.split_at_mut(layout.len());
            if layout.pixel > layout.channels {
                to.fill(0.0);
            }
            layout.fill(lanes, gradients, first, to);
            rest = others;
        }
    }

    /// Some rows of all blocks.
    #[inline(always)]
    fn linear_rows<L: Lanes>(
        &mut self,
        lanes: L,
        (in_place, images): (Option<&[f32]>, Gathered),
        rows: Range<usize>,
        adds: bool,
    ) {
        let Scratch { images: copied, transformed, sums, .. } = &mut *self.scratch;
        let (mut output, mut start) = (0, 0);
        for block in self.part.blocks {
            let width = block.len().next_multiple_of(L::WIDTH);
            let factors = Factors {
                inputs: in_place.unwrap_or(copied),
                input_step: images.pixel,
                outputs: transformed,
                output_step: width,
                pixels: images.samples,
            };
            let span = [Span { input: 0, output }];
            let size = (rows.len(), width / L::WIDTH);
            let to = &mut self.part.numbers[start + rows.start * width..][..rows.len() * width];
            if adds {
                let sums = sums.of_len(to.len());
                outer(lanes, size, factors, (&span, [rows.start, 0]), sums);
                add(lanes, sums, to);
            } else {
                outer(lanes, size, factors, (&span, [rows.start, 0]), to);
            }
            output += images.samples * width;
            start += images.channels * width;
        }
    }
}

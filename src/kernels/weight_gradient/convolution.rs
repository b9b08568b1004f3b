//! Any convolution: taps side by side over the rows of output pixels that they reach.

use std::ops::Range;

use super::cut::products;
use super::{Call, PRODUCTS, add, outputs};
use crate::kernels::gather::Gathered;
use crate::kernels::outer::{Factors, Span, outer};
use crate::kernels::scratch::Scratch;
use crate::kernels::shape::ConvolutionShape;
use crate::kernels::simd::Lanes;
use crate::kernels::source::Source;
use crate::kernels::split::parts;

/// Output rows shorter than this are narrow.
const WIDE: usize = 8;

/// One image, on wide maps with zeros left and right.
fn images(shape: ConvolutionShape) -> Gathered {
    let columns = if shape.output_size()[1] >= WIDE { shape.padding() } else { 0 };
    Gathered::whole([shape.height, shape.width], shape.inputs).with_columns(columns)
}

/// Taps side by side in row `i` of the kernel, from column `j` on; their channels lie side by side in the
/// images, too. All columns if there are zeros left and right, else one.
#[derive(Clone, Copy)]
struct Taps {
    i: usize,
    j: usize,
    columns: usize,
    /// To what is there.
    adds: bool,
    /// Where the block's numbers start.
    start: usize,
}

impl Call<'_, '_> {
    /// Computes it.
    #[inline(always)]
    pub(super) fn convolution<L: Lanes>(&mut self, lanes: L, samples: Range<usize>) {
        let (shape, blocks) = (self.part.shape, self.part.blocks);
        let images = images(shape);
        let group = PRODUCTS.div_ceil(products(shape)).min(samples.len());
        self.scratch.images.of_len(group * images.len()).fill(0.0);
        for first in samples.clone().step_by(group) {
            let count = group.min(samples.end - first);
            for (i, to) in
                self.scratch.images.chunks_exact_mut(images.len()).take(count).enumerate()
            {
                images.fill(lanes, self.images, first + i, to);
            }
            let mut start = 0;
            for block in blocks {
                let outputs = outputs::<L>(shape, block.clone());
                self.block(lanes, [images, outputs], (first, count), start);
                start += shape.weight_len() / shape.outputs * outputs.pixel;
            }
        }
    }

    /// Adds what a group of samples gives to one block of outputs.
    #[inline(always)]
    fn block<L: Lanes>(
        &mut self,
        lanes: L,
        layouts: [Gathered; 2],
        (first, count): (usize, usize),
        start: usize,
    ) {
        let [images, outputs] = layouts;
        let gradients = Source { pixels: self.gradients, normalise: None };
        let to = self.scratch.transformed.of_len(count * outputs.len());
        if outputs.pixel > outputs.channels {
            to.fill(0.0);
        }
        for (i, to) in to.chunks_exact_mut(outputs.len()).enumerate() {
            outputs.fill(lanes, gradients, first + i, to);
        }
        let kernel = self.part.shape.kernel;
        let columns = if images.border == [0, 0] { 1 } else { kernel };
        for i in 0..kernel {
            for j in (0..kernel).step_by(columns) {
                let adds = self.part.adds || first > self.part.samples.start;
                self.taps(lanes, layouts, count, Taps { i, j, columns, adds, start });
            }
        }
    }

    #[inline(always)]
    fn taps<L: Lanes>(
        &mut self,
        lanes: L,
        [images, outputs]: [Gathered; 2],
        samples: usize,
        taps: Taps,
    ) {
        let ConvolutionShape { stride, kernel, inputs, .. } = self.part.shape;
        let pixels = self.collect_spans([images, outputs], samples, taps);
        let Scratch { images: from_images, transformed, spans, sums, .. } = &mut *self.scratch;
        let factors = Factors {
            inputs: from_images,
            input_step: stride * images.pixel,
            outputs: transformed,
            output_step: outputs.pixel,
            pixels,
        };
        let first = (taps.i * kernel + taps.j) * inputs;
        let width = outputs.pixel;
        for rows in parts(taps.columns * inputs, L::ROWS) {
            let to = taps.start + (first + rows.start) * width;
            let to = &mut self.part.numbers[to..][..rows.len() * width];
            let (size, spans) = ((rows.len(), width / L::WIDTH), (&**spans, [rows.start, 0]));
            if !taps.adds {
                outer(lanes, size, factors, spans, to);
                continue;
            }
            let sums = sums.of_len(to.len());
            outer(lanes, size, factors, spans, sums);
            add(lanes, sums, to);
        }
    }

    /// The output rows that the taps reach, for all samples of the group; returns the pixels of each.
    fn collect_spans(
        &mut self,
        [images, outputs]: [Gathered; 2],
        samples: usize,
        Taps { i, j, .. }: Taps,
    ) -> usize {
        let shape = self.part.shape;
        let [rows, mut columns] = [shape.reached(i, shape.height), shape.reached(j, shape.width)];
        if images.border != [0, 0] {
            columns = 0..outputs.width;
        }
        let spans = &mut self.scratch.spans;
        spans.clear();
        for sample in 0..samples {
            spans.extend(rows.clone().map(|y| {
                let row = y * shape.stride + i - shape.padding();
                let column = columns.start * shape.stride + j + images.border[1] - shape.padding();
                Span {
                    input: sample * images.len() + images.place(row, column),
                    output: sample * outputs.len() + outputs.place(y, columns.start),
                }
            }));
        }
        columns.len()
    }
}

//! The gradient with respect to the weights of a convolution.

use std::ops::Range;

use super::aligned::Aligned;
use super::gather::Gathered;
use super::outer::{Factors, Span, outer};
use super::scratch::Scratch;
use super::shape::ConvolutionShape;
use super::simd::{InstructionSet, Kernel, Lanes};
use super::source::Source;
use super::split::parts;

/// Products a weight that are summed in registers before they are added to the gradient, at least: else
/// reading and writing the gradient would take longer than the products.
const PRODUCTS: usize = 512;

/// Parts that a batch is cut into, about: enough for threads to share, and so few that images are not
/// copied often.
const PARTS: usize = 16;
/// Pieces of a batch times blocks of outputs, at least, where weights get products enough.
const PIECES: usize = 8;

/// Output rows shorter than this are narrow.
const WIDE: usize = 8;

/// dL/dW[i, j, c, k], the sum over samples and output pixels of x[y s + i - p, x s + j - p, c] times
/// dL/dy[y, x, k], for weights [k, k, inputs, outputs].
///
/// The work on a batch comes in parts, each a few blocks of outputs over a range of samples with memory
/// of its own: whoever computes which part in which order, the bits are the same, for the shape and the
/// number of samples alone fix them.
#[derive(Debug, Clone)]
pub struct WeightGradient {
    instructions: InstructionSet,
    shape: ConvolutionShape,
    /// Blocks of two vectors of outputs.
    blocks: Vec<Range<usize>>,
    /// For each piece of the batch the blocks, each [tap, input, output].
    numbers: Aligned,
}

/// A part of the work on a batch.
#[derive(Debug)]
pub struct WeightGradientPart<'a> {
    instructions: InstructionSet,
    shape: ConvolutionShape,
    samples: Range<usize>,
    /// Blocks of outputs side by side.
    blocks: &'a [Range<usize>],
    /// For each block [tap, input, output], in whole vectors.
    numbers: &'a mut [f32],
}

impl WeightGradient {
    /// Of a convolution of this shape.
    pub fn new(instructions: InstructionSet, shape: ConvolutionShape) -> Self {
        let blocks = Cut { shape, width: instructions.width() }.blocks().collect();
        Self { instructions, shape, blocks, numbers: Aligned::default() }
    }

    /// The work on a batch of so many samples. What was there before is written over.
    pub fn parts(&mut self, samples: usize) -> Vec<WeightGradientPart<'_>> {
        let Self { instructions, shape, .. } = *self;
        let cut = self.cut();
        let pieces = cut.pieces(samples);
        let together = (pieces * self.blocks.len()).div_ceil(PARTS);
        let mut rest = self.numbers.of_len(pieces * cut.piece_len());
        let mut all = Vec::new();
        for piece in 0..pieces {
            let samples = piece * samples / pieces..(piece + 1) * samples / pieces;
            for blocks in self.blocks.chunks(together) {
                let len = blocks.iter().map(|block| cut.block_len(block)).sum();
                let (numbers, others) = rest.split_at_mut(len);
                rest = others;
                let samples = samples.clone();
                all.push(WeightGradientPart { instructions, shape, samples, blocks, numbers });
            }
        }
        all
    }

    /// Writes a multiple of the gradient, once all parts for so many samples have been computed: the
    /// rows of `outputs` of the weights [k, k, inputs, outputs] from `first` on, as many as there is room for.
    pub fn read(&self, samples: usize, factor: f64, first: usize, gradient: &mut [f64]) {
        let (cut, outputs) = (self.cut(), self.shape.outputs);
        assert!(gradient.len().is_multiple_of(outputs), "whole rows of {:?}", self.shape);
        let pieces = cut.pieces(samples);
        for (row, to) in (first..).zip(gradient.chunks_exact_mut(outputs)) {
            for (piece, numbers) in
                self.numbers.chunks_exact(cut.piece_len()).take(pieces).enumerate()
            {
                let mut before = 0;
                for block in &self.blocks {
                    let sums = &numbers[before + row * cut.padded(block)..];
                    before += cut.block_len(block);
                    for (to, &sum) in to[block.clone()].iter_mut().zip(sums) {
                        let before = if piece == 0 { 0.0 } else { *to };
                        *to = before + factor * f64::from(sum);
                    }
                }
            }
        }
    }

    fn cut(&self) -> Cut {
        Cut { shape: self.shape, width: self.instructions.width() }
    }
}

/// How the work is cut.
#[derive(Clone, Copy)]
struct Cut {
    shape: ConvolutionShape,
    /// Numbers in a vector.
    width: usize,
}

impl Cut {
    /// How many pieces a batch is cut into: few where there are many blocks already, or where a weight
    /// would get few products. Of equal numbers of samples, but for one less.
    fn pieces(self, samples: usize) -> usize {
        let blocks = self.shape.outputs.div_ceil(2 * self.width);
        let products = samples * products(self.shape);
        PIECES.div_ceil(blocks).min(products / PRODUCTS).clamp(1, samples.max(1))
    }

    /// Blocks of two vectors of outputs.
    fn blocks(self) -> impl Iterator<Item = Range<usize>> {
        let (outputs, block) = (self.shape.outputs, 2 * self.width);
        (0..outputs).step_by(block).map(move |first| first..outputs.min(first + block))
    }

    /// Outputs of a block in whole vectors.
    fn padded(self, block: &Range<usize>) -> usize {
        block.len().next_multiple_of(self.width)
    }

    fn block_len(self, block: &Range<usize>) -> usize {
        self.shape.weight_len() / self.shape.outputs * self.padded(block)
    }

    fn piece_len(self) -> usize {
        self.shape.weight_len() / self.shape.outputs
            * self.shape.outputs.next_multiple_of(self.width)
    }
}

/// Products that a weight gets from a sample, at least one.
fn products(shape: ConvolutionShape) -> usize {
    (shape.needed_multiplications() / shape.weight_len()).max(1)
}

impl WeightGradientPart<'_> {
    /// Computes it, from all images and output gradients of the batch.
    pub fn run(self, images: Source<'_>, gradients: &[f32], scratch: &mut Scratch) {
        let samples = images.pixels.len() / self.shape.input_len();
        assert_eq!(gradients.len(), samples * self.shape.output_len(), "of {:?}", self.shape);
        assert!(self.samples.end <= samples, "{samples} samples of {:?}", self.samples);
        self.instructions.run(Call { part: self, images, gradients, scratch });
    }
}

struct Call<'a, 'b> {
    part: WeightGradientPart<'b>,
    images: Source<'a>,
    gradients: &'a [f32],
    scratch: &'b mut Scratch,
}

impl Kernel for Call<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let WeightGradientPart { shape, ref samples, blocks, .. } = self.part;
        let samples = samples.clone();
        if shape.is_linear() {
            return self.linear(lanes, samples);
        }
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
}

/// One image, on wide maps with zeros left and right.
fn images(shape: ConvolutionShape) -> Gathered {
    let columns = if shape.output_size()[1] >= WIDE { shape.padding() } else { 0 };
    Gathered::whole([shape.height, shape.width], shape.inputs).with_columns(columns)
}

/// Some channels of one gradient, in whole vectors.
fn outputs<L: Lanes>(shape: ConvolutionShape, channels: Range<usize>) -> Gathered {
    let pixel = channels.len().next_multiple_of(L::WIDTH);
    let whole = Gathered::whole(shape.output_size(), shape.outputs);
    Gathered { pixel, ..whole.with_channels(channels) }
}

/// Taps side by side in row `i` of the kernel, from column `j` on; their channels lie side by side in the
/// images, too. All columns if there are zeros left and right, else one.
#[derive(Clone, Copy)]
struct Taps {
    i: usize,
    j: usize,
    columns: usize,
    /// To what earlier samples gave.
    adds: bool,
    /// Where the block's numbers start.
    start: usize,
}

impl Call<'_, '_> {
    /// A fully connected layer: samples lie side by side, and one pixel of each is read.
    #[inline(always)]
    fn linear<L: Lanes>(&mut self, lanes: L, samples: Range<usize>) {
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
            for rows in parts(shape.inputs, L::ROWS) {
                self.linear_rows(lanes, (in_place, images), rows, first > samples.start);
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
                let adds = first > self.part.samples.start;
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

/// Adds whole vectors.
#[inline(always)]
fn add<L: Lanes>(lanes: L, sums: &[f32], to: &mut [f32]) {
    for (to, sums) in to.chunks_exact_mut(L::WIDTH).zip(sums.chunks_exact(L::WIDTH)) {
        let sum = lanes.add(lanes.load(to), lanes.load(sums));
        lanes.store(to, sum);
    }
}

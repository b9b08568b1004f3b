//! The gradient with respect to the weights of a convolution.

mod convolution;
mod cut;
mod linear;
mod winograd;

use std::ops::Range;

use super::algorithm::Algorithm;
use super::aligned::Aligned;
use super::gather::Gathered;
use super::scratch::Scratch;
use super::shape::ConvolutionShape;
use super::simd::{InstructionSet, Kernel, Lanes};
use super::source::Source;
use super::winograd::{F2, F4, Whole2};
use crate::precision::Number;
use cut::Cut;
use linear::{CopyFactors, FactorsPart, LinearFactors, PANEL};

/// Products a weight that are summed in registers before they are added to the gradient, at least (of a fully connected
/// layer at most): else reading and writing the gradient would take longer than the products.
const PRODUCTS: usize = 256;

/// Outputs of a block of two of the widest vectors.
const BLOCK: usize = 32;

/// dL/dW[i, j, c, k], the sum over samples and output pixels of x[y s + i - p, x s + j - p, c] times
/// dL/dy[y, x, k], for weights [k, k, inputs, outputs].
///
/// The work on a batch comes in parts, each a few blocks of outputs over a range of samples with memory
/// of its own: whoever computes which part in which order, the bits are the same, for the shape, the
/// algorithm and the number of samples alone fix them. That of a fully connected layer is to copy the factors x
/// and dL/dy; products are computed as they are read.
#[derive(Debug, Clone)]
pub struct WeightGradient {
    instructions: InstructionSet,
    /// How the last batch's work was cut.
    cut: Cut,
    /// Blocks of two vectors of outputs.
    blocks: Vec<Range<usize>>,
    /// For each piece of the batch the blocks, each [tap, input, output].
    numbers: Aligned,
    /// Of a fully connected layer, in place of them.
    factors: LinearFactors,
}

/// A part of the work on a batch.
#[derive(Debug)]
pub struct WeightGradientPart<'a> {
    instructions: InstructionSet,
    work: Work<'a>,
}

#[derive(Debug)]
enum Work<'a> {
    Sums(Sums<'a>),
    Factors(FactorsPart<'a>),
}

/// Sums over some samples.
#[derive(Debug)]
struct Sums<'a> {
    shape: ConvolutionShape,
    algorithm: Algorithm,
    samples: Range<usize>,
    /// Blocks of outputs side by side.
    blocks: &'a [Range<usize>],
    /// For each block [tap, input, output], in whole vectors.
    numbers: &'a mut [f32],
    adds: bool,
}

impl WeightGradient {
    /// Rows that are best read at a time, or a multiple of them.
    pub const ROWS: usize = PANEL;

    /// Of a convolution of this shape.
    pub fn new(instructions: InstructionSet, shape: ConvolutionShape) -> Self {
        let cut = Cut { shape, width: instructions.width(), algorithm: Algorithm::Direct };
        Self {
            instructions,
            cut,
            blocks: cut.blocks().collect(),
            numbers: Aligned::default(),
            factors: LinearFactors::default(),
        }
    }

    /// Of the convolution.
    pub fn shape(&self) -> ConvolutionShape {
        self.cut.shape
    }

    /// The work on a batch of so many samples, to be added to what is there of as many by the same algorithm, or
    /// written over it. So many threads share it, which does not touch the bits.
    ///
    /// # Panics
    /// If `algorithm` does not compute this shape, if there are no samples, or if what is there to be added to is of
    /// another algorithm.
    pub fn parts(
        &mut self,
        (algorithm, threads): (Algorithm, usize),
        samples: usize,
        adds: bool,
    ) -> Vec<WeightGradientPart<'_>> {
        let Self { instructions, ref mut cut, .. } = *self;
        let shape = cut.shape;
        assert!(algorithm.check(shape).is_ok() && samples > 0, "{algorithm:?} of {shape:?}");
        assert!(!adds || algorithm == cut.algorithm, "{algorithm:?} after {:?}", cut.algorithm);
        cut.algorithm = algorithm;
        let cut = *cut;
        if shape.is_linear() {
            let parts = self.factors.parts(cut, (samples, threads), adds).into_iter();
            let part = |part| WeightGradientPart { instructions, work: Work::Factors(part) };
            return parts.map(part).collect();
        }
        let pieces = cut.pieces(samples);
        let together = cut.together(pieces * self.blocks.len(), threads);
        let mut rest = self.numbers.of_len(pieces * cut.piece_len());
        let mut all = Vec::new();
        for piece in 0..pieces {
            let samples = piece * samples / pieces..(piece + 1) * samples / pieces;
            for blocks in self.blocks.chunks(together) {
                let len = blocks.iter().map(|block| cut.block_len(block)).sum();
                let (numbers, others) = rest.split_at_mut(len);
                rest = others;
                let samples = samples.clone();
                let sums = Sums { shape, algorithm, samples, blocks, numbers, adds };
                all.push(WeightGradientPart { instructions, work: Work::Sums(sums) });
            }
        }
        all
    }

    /// Writes a multiple of the gradient, once all parts for so many samples have been computed: the
    /// rows of `outputs` of the weights [k, k, inputs, outputs] from `first` on, as many as there is room for.
    pub fn read<T: Number>(&self, samples: usize, factor: f64, first: usize, gradient: &mut [T]) {
        let shape = self.shape();
        assert!(gradient.len().is_multiple_of(shape.outputs), "rows of {shape:?}");
        self.instructions.run(Read { from: self, samples, factor, first, gradient });
    }
}

/// Some rows of a gradient to be read.
struct Read<'a, T> {
    from: &'a WeightGradient,
    samples: usize,
    factor: f64,
    first: usize,
    gradient: &'a mut [T],
}

impl<T: Number> Kernel for Read<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { from, samples, factor, first, gradient } = self;
        if from.shape().is_linear() {
            let of = (from.shape(), &from.blocks[..]);
            return from.factors.read(lanes, of, factor, first, gradient);
        }
        let cut = from.cut;
        let (pieces, piece_len) = (cut.pieces(samples), cut.piece_len());
        for (row, to) in (first..).zip(gradient.chunks_exact_mut(cut.shape.outputs)) {
            let mut before = 0;
            for block in &from.blocks {
                let sums = &from.numbers[before + row * cut.padded(block)..];
                before += cut.block_len(block);
                read(sums, (pieces, piece_len), factor, &mut to[block.clone()]);
            }
        }
    }
}

/// Writes multiples of sums over pieces, which lie so far apart.
#[inline(always)]
fn read<T: Number>(sums: &[f32], (pieces, apart): (usize, usize), factor: f64, to: &mut [T]) {
    // As many at a time as fill any vectors.
    let (whole, last) = to.as_chunks_mut::<8>();
    let rest = 8 * whole.len();
    for (to, first) in whole.iter_mut().zip((0..).step_by(8)) {
        let mut all = [0.0; 8];
        for piece in 0..pieces {
            let sums = &sums[first + piece * apart..][..8];
            all.iter_mut().zip(sums).for_each(|(all, &sum)| *all += factor * f64::from(sum));
        }
        *to = all.map(T::nearest);
    }
    for (to, at) in last.iter_mut().zip(rest..) {
        let pieces = (0..pieces).map(|piece| factor * f64::from(sums[at + piece * apart]));
        *to = T::nearest(pieces.fold(0.0, |all, sum| all + sum));
    }
}

impl WeightGradientPart<'_> {
    /// Computes it, from all images and output gradients of the batch.
    pub fn run(self, images: Source<'_>, gradients: &[f32], scratch: &mut Scratch) {
        let (shape, end) = match &self.work {
            Work::Sums(sums) => (sums.shape, sums.samples.end),
            Work::Factors(part) => (part.shape, part.samples),
        };
        let samples = images.pixels.len() / shape.input_len();
        assert_eq!(gradients.len(), samples * shape.output_len(), "of {shape:?}");
        assert!(end <= samples, "{end} samples of {samples}");
        match self.work {
            Work::Sums(part) => {
                self.instructions.run(Call { part, images, gradients, scratch });
            }
            Work::Factors(part) => self.instructions.run(CopyFactors { part, images, gradients }),
        }
    }
}

struct Call<'a, 'b> {
    part: Sums<'b>,
    images: Source<'a>,
    gradients: &'a [f32],
    scratch: &'b mut Scratch,
}

impl Kernel for Call<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let Sums { algorithm, ref samples, .. } = self.part;
        let samples = samples.clone();
        match algorithm {
            Algorithm::Winograd2 => self.winograd::<L, F2, 2, 4, 4>(lanes, samples),
            Algorithm::Winograd4 => self.winograd::<L, F4, 4, 6, 6>(lanes, samples),
            Algorithm::Whole2 => self.winograd::<L, Whole2, 2, 2, 3>(lanes, samples),
            Algorithm::Direct => self.convolution(lanes, samples),
        }
    }
}

/// Some channels of one gradient, in whole vectors.
fn outputs<L: Lanes>(shape: ConvolutionShape, channels: Range<usize>) -> Gathered {
    let pixel = channels.len().next_multiple_of(L::WIDTH);
    let whole = Gathered::whole(shape.output_size(), shape.outputs);
    Gathered { pixel, ..whole.with_channels(channels) }
}

/// Adds whole vectors.
#[inline(always)]
fn add<L: Lanes>(lanes: L, sums: &[f32], to: &mut [f32]) {
    for (to, sums) in to.chunks_exact_mut(L::WIDTH).zip(sums.chunks_exact(L::WIDTH)) {
        let sum = lanes.add(lanes.load(to), lanes.load(sums));
        lanes.store(to, sum);
    }
}

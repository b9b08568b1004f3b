//! The gradient of a fully connected layer as a direction, from the batch that it is of.
//!
//! A batch of n inputs A and adjoints Λ has the gradient A'Λ, and x (A'Λ) = (x A')Λ: n (inputs + outputs)
//! products for each row x in place of inputs x outputs, and no weights to pack. Rows of A itself take half of
//! the n inputs, as A A' is symmetric.

use std::ops::Range;

use super::algorithm::{Algorithm, AlgorithmError};
use super::aligned::Aligned;
use super::convolution::PackedConvolution;
use super::direct::linear_block;
use super::gather::Gathered;
use super::pack::Block;
use super::scratch::Scratch;
use super::shape::ConvolutionShape;
use super::simd::{InstructionSet, Kernel, Lanes};
use super::source::Source;
use super::target::Target;

/// A multiple of A'Λ, with a bias beside it, packed for the kernels.
#[derive(Debug)]
pub struct BatchGradient {
    instructions: InstructionSet,
    /// A as it is read, [n, inputs], and the multiple of Λ, [n, outputs].
    rows: [Aligned; 2],
    /// From inputs to n, and from there to outputs.
    packed: [PackedConvolution<'static>; 2],
    /// A A' [n, n], and its blocks of columns, each from the diagonal down.
    own: [Aligned; 2],
}

/// A block of columns of A A', from the diagonal down.
#[derive(Debug)]
pub struct OwnProducts<'a> {
    instructions: InstructionSet,
    /// A, from the block's first sample on.
    read: &'a [f32],
    inputs: usize,
    block: Block<'a>,
    /// [sample, column].
    products: &'a mut [f32],
}

impl BatchGradient {
    /// True of a fully connected layer and a batch for which it takes fewer products than the weights do.
    pub fn pays(shape: ConvolutionShape, samples: usize) -> bool {
        let ConvolutionShape { inputs, outputs, .. } = shape;
        shape.is_linear() && samples * (inputs + outputs) < inputs * outputs
    }

    /// Room for a batch of so many samples.
    ///
    /// # Errors
    /// None in practice: the direct algorithm computes every shape.
    pub fn new(
        instructions: InstructionSet,
        ConvolutionShape { inputs, outputs, .. }: ConvolutionShape,
        samples: usize,
    ) -> Result<Self, AlgorithmError> {
        let packed = |inputs, outputs| {
            let shape = ConvolutionShape::linear(inputs, outputs);
            let still = vec![0.0; shape.weight_len()];
            PackedConvolution::new(instructions, shape, Algorithm::Direct, &still, None)
        };
        let packed = [packed(inputs, samples)?, packed(samples, outputs)?];
        Ok(Self { instructions, rows: Default::default(), packed, own: Default::default() })
    }

    /// Samples that it has room for.
    pub fn samples(&self) -> usize {
        self.packed[1].shape().inputs
    }

    /// Packs `factor` A'Λ of another batch of as many samples, and a bias; for rows of A
    /// [`own_products`](Self::own_products) and [`join`](Self::join) come next.
    pub fn repack(
        &mut self,
        inputs: Source<'_>,
        (adjoints, factor): (&[f32], f32),
        bias: Option<&[f32]>,
    ) {
        let Self { instructions, rows: [read, scaled], packed: [first, second], .. } = self;
        let read = read.of_len(inputs.pixels.len());
        inputs.apply(*instructions, first.shape().inputs, read);
        first.repack_turned(read);
        let scaled = scaled.of_len(adjoints.len());
        scaled.iter_mut().zip(adjoints).for_each(|(to, x)| *to = factor * x);
        second.repack(scaled, bias);
    }

    /// The products of the batch's samples with one another, to be computed by anyone in any order.
    pub fn own_products(&mut self) -> Vec<OwnProducts<'_>> {
        let Self { instructions, rows: [read, _], packed: [first, _], own: [_, blocks] } = self;
        let (inputs, samples) = (first.shape().inputs, first.shape().outputs);
        let len = |block: &Block<'_>| (samples - block.first) * block.width;
        let mut rest = blocks.of_len(first.blocks().map(|block| len(&block)).sum());
        let mut all = Vec::new();
        for block in first.blocks() {
            let (products, others) = rest.split_at_mut(len(&block));
            rest = others;
            let read = &read[block.first * inputs..];
            all.push(OwnProducts { instructions: *instructions, read, inputs, block, products });
        }
        all
    }

    /// Joins them to A A'.
    pub fn join(&mut self) {
        let Self { packed: [first, _], own: [own, blocks], .. } = self;
        let samples = first.shape().outputs;
        let own = own.of_len(samples * samples);
        let mut rest = &**blocks;
        for block in first.blocks() {
            let (products, others) = rest.split_at((samples - block.first) * block.width);
            rest = others;
            let rows = products.chunks_exact(block.width);
            for (row, products) in (block.first..).zip(rows) {
                for (column, &product) in (block.first..samples).zip(products) {
                    own[row * samples + column] = product;
                    own[column * samples + row] = product;
                }
            }
        }
    }

    /// What some of the batch's samples give, with the bias.
    pub fn forward_own(&self, samples: Range<usize>, target: Target<'_>, scratch: &mut Scratch) {
        let Self { packed: [_, second], own: [own, _], .. } = self;
        let pixels = &own[samples.start * self.samples()..samples.end * self.samples()];
        second.forward(Source { pixels, normalise: None }, target, scratch);
    }

    /// What other rows give, without bias.
    pub fn product(&self, source: Source<'_>, target: Target<'_>, scratch: &mut Scratch) {
        let [first, second] = &self.packed;
        let mut between = std::mem::take(&mut scratch.between);
        let samples = source.pixels.len() / first.shape().inputs;
        let pixels = between.of_len(samples * first.shape().outputs);
        first.product(source, Target::plain(pixels), scratch);
        second.product(Source { pixels, normalise: None }, target, scratch);
        scratch.between = between;
    }
}

impl OwnProducts<'_> {
    /// Computes them.
    pub fn run(self) {
        self.instructions.run(self);
    }
}

impl Kernel for OwnProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { read, inputs, block, products, .. } = self;
        let samples = read.len() / inputs;
        let images = Gathered { samples, ..Gathered::whole([1, 1], inputs) };
        linear_block(lanes, (read, images), block, products);
    }
}

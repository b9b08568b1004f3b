//! Forward convolution.

use std::marker::PhantomData;

use super::algorithm::{Algorithm, AlgorithmError};
use super::direct::Direct;
use super::pack::{Block, PackedWeights};
use super::scratch::Scratch;
use super::shape::ConvolutionShape;
use super::simd::InstructionSet;
use super::source::Source;
use super::target::Target;
use super::winograd::{F2, F4, Scheme, Whole2, Winograd, pack};

/// Rows of weights a multiple of so many numbers apart would share few sets of the first-level cache, so that a panel of
/// them does not stay in it.
const CROWDED: usize = 64;

/// A convolution or fully connected layer with its weights packed for the kernels of this CPU, once
/// per point.
#[derive(Debug, Clone)]
pub struct PackedConvolution<'a> {
    shape: ConvolutionShape,
    algorithm: Algorithm,
    instructions: InstructionSet,
    weights: PackedWeights<'a>,
    bias: Option<Vec<f32>>,
}

impl<'a> PackedConvolution<'a> {
    /// Packs weights `[k, k, inputs, outputs]` and a bias `[outputs]`.
    ///
    /// # Errors
    /// If `algorithm` does not compute this shape.
    pub fn new(
        instructions: InstructionSet,
        shape: ConvolutionShape,
        algorithm: Algorithm,
        weights: &[f32],
        bias: Option<&[f32]>,
    ) -> Result<Self, AlgorithmError> {
        algorithm.check(shape)?;
        let rows = algorithm.taps(shape) * shape.inputs;
        let packed = PackedWeights::zeros(rows, shape.outputs, instructions.width());
        let mut packed = Self { shape, algorithm, instructions, weights: packed, bias: None };
        packed.repack(weights, bias);
        Ok(packed)
    }

    /// Packs other weights in the same memory.
    pub fn repack(&mut self, weights: &[f32], bias: Option<&[f32]>) {
        self.pack(weights, false);
        self.set_bias(bias);
    }

    /// The same, but a fully connected layer reads most of them where they stand: packing takes as long as the products of
    /// 15 samples or so.
    pub fn repack_or_stand(&mut self, weights: &'a [f32], bias: Option<&[f32]>) {
        if self.shape.is_linear() && !self.shape.outputs.is_multiple_of(CROWDED) {
            assert_eq!(weights.len(), self.shape.weight_len(), "weights of {:?}", self.shape);
            self.weights.stand(weights);
        } else {
            self.pack(weights, false);
        }
        self.set_bias(bias);
    }

    /// The memory alone, to pack other weights in.
    pub fn emptied<'b>(self) -> PackedConvolution<'b> {
        let Self { shape, algorithm, instructions, weights, bias } = self;
        PackedConvolution { shape, algorithm, instructions, weights: weights.emptied(), bias }
    }

    fn set_bias(&mut self, bias: Option<&[f32]>) {
        match (bias, &mut self.bias) {
            (Some(bias), Some(kept)) => kept.copy_from_slice(bias),
            (bias, kept) => *kept = bias.map(<[f32]>::to_vec),
        }
    }

    /// Packs the weights [k, k, outputs, inputs] of another convolution, with its taps in reverse order and
    /// inputs and outputs exchanged.
    pub(super) fn repack_turned(&mut self, weights: &[f32]) {
        self.pack(weights, true);
    }

    fn pack(&mut self, weights: &[f32], turned: bool) {
        let Self { shape, instructions, weights: packed, .. } = self;
        assert_eq!(weights.len(), shape.weight_len(), "weights of {shape:?}");
        let (instructions, from) = (*instructions, (weights, turned));
        match self.algorithm {
            Algorithm::Direct if turned => {
                packed.copy_transposed(instructions, (weights, shape.kernel.pow(2)), true)
            }
            Algorithm::Direct => packed.copy(weights),
            Algorithm::Winograd2 => pack::<F2, 2, 4, 4>(instructions, shape.inputs, from, packed),
            Algorithm::Winograd4 => pack::<F4, 4, 6, 6>(instructions, shape.inputs, from, packed),
            Algorithm::Whole2 => pack::<Whole2, 2, 2, 3>(instructions, shape.inputs, from, packed),
        }
    }

    /// Its weights.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Block<'_>> {
        self.weights.blocks()
    }

    /// Its sizes.
    pub fn shape(&self) -> ConvolutionShape {
        self.shape
    }

    /// How it is computed.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Convolves all images of `source`. A sample's output and statistics have the same bits whatever
    /// other samples come with it, so that samples may be shared among threads in any way.
    pub fn forward(&self, source: Source<'_>, target: Target<'_>, scratch: &mut Scratch) {
        self.run((self.bias.as_deref(), None), source, target, scratch);
    }

    /// True if [`forward_pooled`](Self::forward_pooled) computes this shape by this algorithm.
    pub fn pools(&self) -> bool {
        self.algorithm.pools(self.shape)
    }

    /// As [`forward`](Self::forward), but of every 2x2 outputs only the largest is written, or the smallest where the
    /// sign of a channel is -1 in place of 1: [n, h / 2, w / 2, outputs], no number where one is not finite. What
    /// grows with an output, or falls where the sign is -1, can be applied to them alone. Statistics are of all
    /// outputs.
    ///
    /// # Panics
    /// Unless it [pools](Self::pools), and the target adds nothing and has no way back.
    pub fn forward_pooled(
        &self,
        source: Source<'_>,
        target: Target<'_>,
        signs: &[f32],
        scratch: &mut Scratch,
    ) {
        assert!(self.pools(), "{:?} of {:?} does not pool", self.algorithm, self.shape);
        let Target { shortcut, adds, through, .. } = &target;
        let is_plain = shortcut.is_none() && !adds && through.is_none();
        assert!(is_plain, "pools what it computes");
        self.run((self.bias.as_deref(), Some(signs)), source, target, scratch);
    }

    /// The same without bias.
    pub fn product(&self, source: Source<'_>, target: Target<'_>, scratch: &mut Scratch) {
        self.run((None, None), source, target, scratch);
    }

    fn run(
        &self,
        (bias, windows): (Option<&[f32]>, Option<&[f32]>),
        source: Source<'_>,
        target: Target<'_>,
        scratch: &mut Scratch,
    ) {
        let Self { shape, instructions, ref weights, .. } = *self;
        let written = shape.output_len() / if windows.is_some() { 4 } else { 1 };
        target.check(source.pixels.len() / shape.input_len() * written);
        let direct = Direct { shape, weights, bias, source, target, scratch };
        match self.algorithm {
            Algorithm::Direct => instructions.run(direct),
            Algorithm::Winograd2 => instructions.run(winograd::<F2, 2, 4, 4>(direct, windows)),
            Algorithm::Winograd4 => instructions.run(winograd::<F4, 4, 6, 6>(direct, windows)),
            Algorithm::Whole2 => instructions.run(winograd::<Whole2, 2, 2, 3>(direct, windows)),
        }
    }
}

/// The same call by Winograd's algorithm.
fn winograd<'a, 'b, S: Scheme<M, K, N>, const M: usize, const K: usize, const N: usize>(
    Direct { shape, weights, bias, source, target, scratch }: Direct<'a, 'b>,
    windows: Option<&'a [f32]>,
) -> Winograd<'a, 'b, S, M, K, N> {
    Winograd { scheme: PhantomData, shape, weights, bias, source, target, windows, scratch }
}

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

/// A convolution or fully connected layer with its weights packed for the kernels of this CPU, once
/// per point.
#[derive(Debug, Clone)]
pub struct PackedConvolution {
    shape: ConvolutionShape,
    algorithm: Algorithm,
    instructions: InstructionSet,
    weights: PackedWeights,
    bias: Option<Vec<f32>>,
}

impl PackedConvolution {
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
                packed.copy_transposed(weights, shape.kernel.pow(2), true)
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
        self.run(self.bias.as_deref(), source, target, scratch);
    }

    /// The same without bias.
    pub fn product(&self, source: Source<'_>, target: Target<'_>, scratch: &mut Scratch) {
        self.run(None, source, target, scratch);
    }

    fn run(
        &self,
        bias: Option<&[f32]>,
        source: Source<'_>,
        target: Target<'_>,
        scratch: &mut Scratch,
    ) {
        let Self { shape, instructions, ref weights, .. } = *self;
        target.check(source.pixels.len() / shape.input_len() * shape.output_len());
        let direct = Direct { shape, weights, bias, source, target, scratch };
        match self.algorithm {
            Algorithm::Direct => instructions.run(direct),
            Algorithm::Winograd2 => instructions.run(winograd::<F2, 2, 4, 4>(direct)),
            Algorithm::Winograd4 => instructions.run(winograd::<F4, 4, 6, 6>(direct)),
            Algorithm::Whole2 => instructions.run(winograd::<Whole2, 2, 2, 3>(direct)),
        }
    }
}

/// The same call by Winograd's algorithm.
fn winograd<'a, 'b, S: Scheme<M, K, N>, const M: usize, const K: usize, const N: usize>(
    Direct { shape, weights, bias, source, target, scratch }: Direct<'a, 'b>,
) -> Winograd<'a, 'b, S, M, K, N> {
    Winograd { scheme: PhantomData, shape, weights, bias, source, target, scratch }
}

//! The gradient of a fully connected layer as a direction, from the batch that it is of.
//!
//! A batch of n inputs A and adjoints Λ has the gradient A'Λ, and x (A'Λ) = (x A')Λ: n (inputs + outputs)
//! products for each row x in place of inputs x outputs, and no weights to pack.

use super::algorithm::{Algorithm, AlgorithmError};
use super::aligned::Aligned;
use super::convolution::PackedConvolution;
use super::scratch::Scratch;
use super::shape::ConvolutionShape;
use super::simd::InstructionSet;
use super::source::Source;
use super::target::Target;

/// A multiple of A'Λ, with a bias beside it, packed for the kernels.
#[derive(Debug)]
pub struct BatchGradient {
    instructions: InstructionSet,
    /// A as it is read, [n, inputs], and the multiple of Λ, [n, outputs].
    rows: [Aligned; 2],
    /// From inputs to n, and from there to outputs.
    packed: [PackedConvolution; 2],
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
        Ok(Self { instructions, rows: Default::default(), packed })
    }

    /// Samples that it has room for.
    pub fn samples(&self) -> usize {
        self.packed[1].shape().inputs
    }

    /// Packs `factor` A'Λ of another batch of as many samples, and a bias.
    pub fn repack(
        &mut self,
        inputs: Source<'_>,
        (adjoints, factor): (&[f32], f32),
        bias: Option<&[f32]>,
    ) {
        let Self { instructions, rows: [read, scaled], packed: [first, second] } = self;
        let read = read.of_len(inputs.pixels.len());
        inputs.apply(*instructions, first.shape().inputs, read);
        first.repack_turned(read);
        let scaled = scaled.of_len(adjoints.len());
        scaled.iter_mut().zip(adjoints).for_each(|(to, x)| *to = factor * x);
        second.repack(scaled, bias);
    }

    /// As [`PackedConvolution::forward`].
    pub fn forward(&self, source: Source<'_>, target: Target<'_>, scratch: &mut Scratch) {
        self.through(source, scratch, |packed, source, scratch| {
            packed.forward(source, target, scratch);
        });
    }

    /// The same without bias.
    pub fn product(&self, source: Source<'_>, target: Target<'_>, scratch: &mut Scratch) {
        self.through(source, scratch, |packed, source, scratch| {
            packed.product(source, target, scratch);
        });
    }

    fn through(
        &self,
        source: Source<'_>,
        scratch: &mut Scratch,
        last: impl FnOnce(&PackedConvolution, Source<'_>, &mut Scratch),
    ) {
        let [first, second] = &self.packed;
        let mut between = std::mem::take(&mut scratch.between);
        let samples = source.pixels.len() / first.shape().inputs;
        let pixels = between.of_len(samples * first.shape().outputs);
        first.product(source, Target::plain(pixels), scratch);
        last(second, Source { pixels, normalise: None }, scratch);
        scratch.between = between;
    }
}

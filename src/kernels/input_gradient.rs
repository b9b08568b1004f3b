//! The gradient with respect to the images of a convolution.

use super::algorithm::{Algorithm, AlgorithmError};
use super::convolution::PackedConvolution;
use super::direct::{CHAIN, GROUP_BYTES, group_size};
use super::gather::Gathered;
use super::pack::{Block, PackedWeights};
use super::scratch::Scratch;
use super::shape::ConvolutionShape;
use super::simd::{InstructionSet, Kernel, Lanes};
use super::source::Source;
use super::split::parts;
use super::target::{Target, Writer};
use super::tile::{Operands, Tap, multiply};

/// Weights packed for dL/dx[y, x, c] = the sum over taps (i, j) and outputs k of
/// dL/dy[(y + p - i) / s, (x + p - j) / s, k] W[i, j, c, k], where the divisions leave no rest.
///
/// At stride 1 that is the convolution with the kernel turned around, by any algorithm.
#[derive(Debug, Clone)]
pub struct PackedInputGradient {
    shape: ConvolutionShape,
    packed: Packed,
}

#[derive(Debug, Clone)]
enum Packed {
    Convolution(PackedConvolution<'static>),
    Strided { instructions: InstructionSet, weights: PackedWeights<'static> },
}

impl PackedInputGradient {
    /// Packs the weights [k, k, inputs, outputs] of a convolution of this shape.
    ///
    /// # Errors
    /// If `algorithm` does not compute this shape.
    pub fn new(
        instructions: InstructionSet,
        shape: ConvolutionShape,
        algorithm: Algorithm,
        weights: &[f32],
    ) -> Result<Self, AlgorithmError> {
        algorithm.check(shape)?;
        let ConvolutionShape { inputs, outputs, kernel, stride, .. } = shape;
        let packed = if stride == 1 {
            let shape = ConvolutionShape { inputs: outputs, outputs: inputs, ..shape };
            let still = vec![0.0; shape.weight_len()];
            let packed = PackedConvolution::new(instructions, shape, algorithm, &still, None)?;
            Packed::Convolution(packed)
        } else {
            let rows = kernel * kernel * outputs;
            let weights = PackedWeights::zeros(rows, inputs, instructions.width());
            Packed::Strided { instructions, weights }
        };
        let mut packed = Self { shape, packed };
        packed.repack(weights);
        Ok(packed)
    }

    /// Packs other weights in the same memory.
    pub fn repack(&mut self, weights: &[f32]) {
        assert_eq!(weights.len(), self.shape.weight_len(), "weights of {:?}", self.shape);
        let ConvolutionShape { kernel, .. } = self.shape;
        match &mut self.packed {
            Packed::Convolution(packed) => packed.repack_turned(weights),
            Packed::Strided { instructions, weights: packed } => {
                packed.copy_transposed(*instructions, (weights, kernel * kernel), false);
            }
        }
    }

    /// From dL/dy [n, h, w, outputs] to dL/dx [n, height, width, inputs]; the target's shortcut is the
    /// gradient that comes by another way.
    pub fn apply(&self, source: Source<'_>, target: Target<'_>, scratch: &mut Scratch) {
        let shape = self.shape;
        match self.packed {
            Packed::Convolution(ref packed) => packed.forward(source, target, scratch),
            Packed::Strided { instructions, ref weights } => {
                let samples = source.pixels.len() / shape.output_len();
                target.check(samples * shape.input_len());
                instructions.run(Strided { shape, weights, source, target, scratch });
            }
        }
    }
}

/// One call; a tile is one input pixel of several samples.
struct Strided<'a, 'b> {
    shape: ConvolutionShape,
    weights: &'a PackedWeights<'a>,
    source: Source<'a>,
    target: Target<'a>,
    scratch: &'b mut Scratch,
}

impl Kernel for Strided<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let samples = self.source.pixels.len() / self.shape.output_len();
        let one = Gathered::interleaved(self.shape.output_size(), self.shape.outputs);
        for range in parts(samples, group_size::<L>(one, GROUP_BYTES)) {
            let images = Gathered { samples: range.len(), ..one };
            images.fill(lanes, self.source, range.start, self.scratch.images.of_len(images.len()));
            for block in self.weights.blocks() {
                self.pixels(lanes, images, block, range.start);
            }
        }
    }
}

impl Strided<'_, '_> {
    #[inline(always)]
    fn pixels<L: Lanes>(&mut self, lanes: L, images: Gathered, block: Block<'_>, first: usize) {
        let ConvolutionShape { height, width, inputs, .. } = self.shape;
        let vectors = block.vectors * L::WIDTH;
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            for samples in parts(images.samples, L::ROWS) {
                self.collect_taps(images, samples.start, vectors, [y, x]);
                let Scratch { images: source, taps, sums, .. } = &mut *self.scratch;
                let sums = sums.of_len(samples.len() * vectors);
                let operands = Operands {
                    source,
                    step: images.pixel,
                    channels: images.channels,
                    weights: block.weights,
                    chain: CHAIN,
                    adds: false,
                };
                multiply(lanes, (samples.len(), block.vectors), operands, taps, sums);
                for channel in (0..vectors).step_by(L::WIDTH) {
                    let start = block.first + channel;
                    let channels = start..inputs.min(start + L::WIDTH);
                    let mut writer = Writer::new(lanes, &mut self.target, None, channels, inputs);
                    for (p, sample) in (first + samples.start..).take(samples.len()).enumerate() {
                        writer.sample(sample);
                        let pixel = (sample * height + y) * width + x;
                        writer.put(pixel, lanes.load(&sums[p * vectors + channel..]));
                    }
                    writer.close();
                }
            }
        }
    }

    /// The taps by which an input pixel reaches outputs.
    fn collect_taps(
        &mut self,
        images: Gathered,
        sample: usize,
        vectors: usize,
        [y, x]: [usize; 2],
    ) {
        let ConvolutionShape { kernel, stride, outputs, .. } = self.shape;
        let padding = self.shape.padding();
        let reached = |at: usize, size: usize| {
            (0..kernel).filter_map(move |tap| {
                let place = (at + padding).checked_sub(tap)?;
                (place.is_multiple_of(stride) && place / stride < size)
                    .then_some((tap, place / stride))
            })
        };
        let taps = &mut self.scratch.taps;
        taps.clear();
        for (i, row) in reached(y, images.height) {
            taps.extend(reached(x, images.width).map(|(j, column)| Tap {
                source: images.place(row, column) + sample * images.pixel,
                weights: (i * kernel + j) * outputs * vectors,
            }));
        }
    }
}

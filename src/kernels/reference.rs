//! What the kernels compute, by definition and in f64.

use super::{ConvolutionShape, Normalise};

/// A generator of numbers for tests (Steele et al. 2014, SplitMix64).
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    /// The next number below `bound`.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e3779b97f4a7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d049bb133111eb);
        ((z ^ (z >> 31)) >> 32) as usize % bound
    }

    /// Small integers, whose products and sums f32 holds exactly.
    pub(super) fn integers(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.below(9) as f32 - 4.0).collect()
    }

    /// Uniform in [-1, 1).
    pub(super) fn reals(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.below(1 << 24) as f32 / (1 << 23) as f32 - 1.0).collect()
    }

    /// Sizes of a small convolution of any kind.
    pub(super) fn shape(&mut self) -> ConvolutionShape {
        ConvolutionShape {
            height: 1 + self.below(12),
            width: 1 + self.below(20),
            inputs: 1 + self.below(40),
            outputs: 1 + self.below(72),
            kernel: [1, 3, 3, 5][self.below(4)],
            stride: 1 + self.below(3),
        }
    }
}

/// Normalised images.
pub(super) fn normalised(pixels: &[f32], normalise: Option<Normalise<'_>>) -> Vec<f64> {
    let Some(Normalise { mean, scale, offset, rectify }) = normalise else {
        return pixels.iter().map(|&x| x as f64).collect();
    };
    let channels = mean.len();
    let one = |(i, &x): (usize, &f32)| {
        let c = i % channels;
        let y = (x as f64 - mean[c] as f64) * scale[c] as f64 + offset[c] as f64;
        if rectify { y.max(0.0) } else { y }
    };
    pixels.iter().enumerate().map(one).collect()
}

/// The convolution of `pixels` with `weights`.
pub(super) fn convolve(shape: ConvolutionShape, pixels: &[f64], weights: &[f32]) -> Vec<f64> {
    let (height, width) = shape.output_size();
    let samples = pixels.len() / shape.input_len();
    let mut output = vec![0.0; samples * shape.output_len()];
    let mut outputs = output.chunks_exact_mut(shape.outputs);
    for n in 0..samples {
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let Some(output) = outputs.next() else { return output };
            for (i, j) in (0..shape.kernel).flat_map(|i| (0..shape.kernel).map(move |j| (i, j))) {
                let Some(row) = (y * shape.stride + i).checked_sub(shape.padding()) else {
                    continue;
                };
                let Some(column) = (x * shape.stride + j).checked_sub(shape.padding()) else {
                    continue;
                };
                if row >= shape.height || column >= shape.width {
                    continue;
                }
                let pixel = ((n * shape.height + row) * shape.width + column) * shape.inputs;
                for c in 0..shape.inputs {
                    let tap = (i * shape.kernel + j) * shape.inputs + c;
                    for (k, output) in output.iter_mut().enumerate() {
                        *output += pixels[pixel + c] * weights[tap * shape.outputs + k] as f64;
                    }
                }
            }
        }
    }
    output
}

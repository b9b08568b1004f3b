//! What the kernels compute, by definition and in f64.

use super::{Algorithm, ConvolutionShape, Normalise};

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

    /// Sizes of one that an algorithm computes.
    pub(super) fn shape_for(&mut self, algorithm: Algorithm) -> ConvolutionShape {
        let shape = self.shape();
        let three = ConvolutionShape { kernel: 3, stride: 1, ..shape };
        match algorithm {
            Algorithm::Direct => shape,
            Algorithm::Winograd2 | Algorithm::Winograd4 => three,
            Algorithm::Whole2 => {
                ConvolutionShape { height: 1 + self.below(2), width: 1 + self.below(2), ..three }
            }
        }
    }
}

/// Where the first of the largest numbers stands in each window of `size` x `size` pixels of images
/// [n, h, w, c].
pub(super) fn largest(values: &[f64], [_, width, channels]: [usize; 3], size: usize) -> Vec<usize> {
    let columns = width / size;
    let of_window = |i: usize| {
        let (pixel, c) = (i / channels, i % channels);
        let (row, column) = (pixel / columns, pixel % columns);
        let place = |at: usize| {
            let (y, x) = (row * size + at / size, column * size + at % size);
            (y * width + x) * channels + c
        };
        let larger = |a: usize, b: usize| if values[b] > values[a] { b } else { a };
        (1..size * size).map(place).fold(place(0), larger)
    };
    (0..values.len() / (size * size)).map(of_window).collect()
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

/// Calls `visit` with the first index of input, output and weights of each (sample, output pixel, tap).
fn for_each_tap(
    shape: ConvolutionShape,
    samples: usize,
    mut visit: impl FnMut(usize, usize, usize),
) {
    let ConvolutionShape { kernel, stride, .. } = shape;
    let [height, width] = shape.output_size();
    let all = |[a, b]: [usize; 2]| (0..a).flat_map(move |i| (0..b).map(move |j| [i, j]));
    for n in 0..samples {
        for [y, x] in all([height, width]) {
            for [i, j] in all([kernel, kernel]) {
                let places = [y * stride + i, x * stride + j].map(|at| at.checked_sub(kernel / 2));
                let [Some(row), Some(column)] = places else { continue };
                if row < shape.height && column < shape.width {
                    let input = (n * shape.height + row) * shape.width + column;
                    let output = (n * height + y) * width + x;
                    let tap = (i * kernel + j) * shape.inputs * shape.outputs;
                    visit(input * shape.inputs, output * shape.outputs, tap);
                }
            }
        }
    }
}

/// The convolution of `pixels` with `weights`.
pub(super) fn convolve(shape: ConvolutionShape, pixels: &[f64], weights: &[f32]) -> Vec<f64> {
    let samples = pixels.len() / shape.input_len();
    let mut output = vec![0.0; samples * shape.output_len()];
    for_each_tap(shape, samples, |x, y, w| {
        for (c, k) in pairs(shape) {
            output[y + k] += pixels[x + c] * f64::from(weights[w + c * shape.outputs + k]);
        }
    });
    output
}

/// dL/dx from dL/dy = `gradient`.
pub(super) fn input_gradient(
    shape: ConvolutionShape,
    gradient: &[f64],
    weights: &[f32],
) -> Vec<f64> {
    let samples = gradient.len() / shape.output_len();
    let mut input = vec![0.0; samples * shape.input_len()];
    for_each_tap(shape, samples, |x, y, w| {
        for (c, k) in pairs(shape) {
            input[x + c] += gradient[y + k] * f64::from(weights[w + c * shape.outputs + k]);
        }
    });
    input
}

/// dL/dW from the images and dL/dy = `gradient`.
pub(super) fn weight_gradient(
    shape: ConvolutionShape,
    pixels: &[f64],
    gradient: &[f32],
) -> Vec<f64> {
    let samples = pixels.len() / shape.input_len();
    let mut weights = vec![0.0; shape.weight_len()];
    for_each_tap(shape, samples, |x, y, w| {
        for (c, k) in pairs(shape) {
            weights[w + c * shape.outputs + k] += pixels[x + c] * f64::from(gradient[y + k]);
        }
    });
    weights
}

/// Each input channel with each output channel.
fn pairs(shape: ConvolutionShape) -> impl Iterator<Item = (usize, usize)> {
    (0..shape.inputs).flat_map(move |c| (0..shape.outputs).map(move |k| (c, k)))
}

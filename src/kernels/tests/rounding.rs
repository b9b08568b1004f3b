//! Rounding errors of the algorithms.

use super::super::reference::{Numbers, convolve, normalised, weight_gradient};
use super::super::*;

/// Sizes of images, and how they are convolved.
const WORK: [(usize, Algorithm); 4] = [
    (8, Algorithm::Direct),
    (8, Algorithm::Winograd2),
    (8, Algorithm::Winograd4),
    (2, Algorithm::Whole2),
];

fn shape(channels: usize, size: usize) -> ConvolutionShape {
    let (height, width) = (size, size);
    ConvolutionShape { height, width, inputs: channels, outputs: 32, kernel: 3, stride: 1 }
}

/// Numbers from 0 on.
fn rectified(numbers: &mut Numbers, len: usize) -> Vec<f32> {
    let mut pixels = numbers.reals(len);
    pixels.iter_mut().for_each(|x| *x = x.max(0.0));
    pixels
}

/// Root mean square of the error over that of what is expected.
fn relative(found: &[f32], expected: &[f64]) -> f64 {
    let errors = found.iter().zip(expected).map(|(&a, b)| (f64::from(a) - b).powi(2));
    (errors.sum::<f64>() / expected.iter().map(|y| y * y).sum::<f64>()).sqrt()
}

/// Of outputs, for rectified inputs.
fn error(channels: usize, size: usize, algorithm: Algorithm) -> f64 {
    let mut numbers = Numbers(13);
    let shape = shape(channels, size);
    let pixels = rectified(&mut numbers, 128 / (size * size) * shape.input_len());
    let weights = numbers.reals(shape.weight_len());
    let expected = convolve(shape, &normalised(&pixels, None), &weights);
    let packed =
        PackedConvolution::new(InstructionSet::detect(), shape, algorithm, &weights, None).unwrap();
    let mut output = vec![0.0; expected.len()];
    let target = Target::plain(&mut output);
    packed.forward(Source { pixels: &pixels, normalise: None }, target, &mut Scratch::default());
    relative(&output, &expected)
}

/// Of the gradient of weights over 3200 pixels.
fn weight_error(channels: usize, size: usize, algorithm: Algorithm) -> f64 {
    let samples = 3200 / (size * size);
    let mut numbers = Numbers(14);
    let shape = shape(channels, size);
    let pixels = rectified(&mut numbers, samples * shape.input_len());
    let gradient = numbers.reals(samples * shape.output_len());
    let expected = weight_gradient(shape, &normalised(&pixels, None), &gradient);
    let mut weights = WeightGradient::new(InstructionSet::detect(), shape);
    for part in weights.parts((algorithm, 1), samples, false) {
        part.run(Source { pixels: &pixels, normalise: None }, &gradient, &mut Scratch::default());
    }
    let mut found = vec![0.0; expected.len()];
    weights.read(samples, 1.0, 0, &mut found);
    relative(&found, &expected)
}

/// Bounds a fifth above what was measured. Chains of additions as long as all channels would exceed
/// those of direct convolution, points 0, ±1, ±2 those of F(4x4, 3x3), sums of inputs in place of differences
/// those of whole images.
#[test]
fn errors_are_what_chains_and_points_were_chosen_for() {
    let bounds = [
        (16, [1.4e-7, 1.6e-7, 5.2e-7, 1.4e-7]),
        (64, [1.5e-7, 2.9e-7, 8.5e-7, 2.5e-7]),
        (256, [1.8e-7, 3.8e-7, 1.1e-6, 3.6e-7]),
    ];
    for (channels, bounds) in bounds {
        for ((size, algorithm), bound) in WORK.into_iter().zip(bounds) {
            let error = error(channels, size, algorithm);
            assert!(error < bound, "{channels} channels, {algorithm:?}: {error}");
        }
    }
}

/// In the same way: a weight has 128 to 256 products in one chain.
#[test]
fn errors_of_weight_gradients_stay_below_twice_those_of_outputs() {
    for (channels, bounds) in
        [(16, [2.4e-7, 3.4e-7, 1.1e-6, 3.4e-7]), (64, [2.5e-7, 3.5e-7, 1.1e-6, 3.4e-7])]
    {
        for ((size, algorithm), bound) in WORK.into_iter().zip(bounds) {
            let error = weight_error(channels, size, algorithm);
            assert!(error < bound, "{channels} channels, {algorithm:?}: {error}");
        }
    }
}

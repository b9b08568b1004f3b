//! Rounding errors of the algorithms.

use super::super::reference::{Numbers, convolve, normalised};
use super::super::*;

/// Root mean square of the error over that of the output, for rectified inputs.
fn error(channels: usize, algorithm: Algorithm) -> f64 {
    let mut numbers = Numbers(13);
    let shape = ConvolutionShape {
        height: 8,
        width: 8,
        inputs: channels,
        outputs: 32,
        kernel: 3,
        stride: 1,
    };
    let mut pixels = numbers.reals(2 * shape.input_len());
    pixels.iter_mut().for_each(|x| *x = x.max(0.0));
    let weights = numbers.reals(shape.weight_len());
    let expected = convolve(shape, &normalised(&pixels, None), &weights);
    let packed =
        PackedConvolution::new(InstructionSet::detect(), shape, algorithm, &weights, None).unwrap();
    let mut output = vec![0.0; expected.len()];
    let target = Target::plain(&mut output);
    packed.forward(Source { pixels: &pixels, normalise: None }, target, &mut Scratch::default());
    let errors = output.iter().zip(&expected).map(|(&a, b)| (f64::from(a) - b).powi(2));
    (errors.sum::<f64>() / expected.iter().map(|y| y * y).sum::<f64>()).sqrt()
}

/// Bounds a fifth above what was measured. Chains of additions as long as all channels would exceed
/// those of direct convolution, points 0, ±1, ±2 those of F(4x4, 3x3).
#[test]
fn errors_are_what_chains_and_points_were_chosen_for() {
    let bounds = [
        (16, [1.4e-7, 1.6e-7, 5.2e-7]),
        (64, [1.5e-7, 2.9e-7, 8.5e-7]),
        (256, [1.8e-7, 3.8e-7, 1.1e-6]),
    ];
    for (channels, bounds) in bounds {
        let algorithms = [Algorithm::Direct, Algorithm::Winograd2, Algorithm::Winograd4];
        for (algorithm, bound) in algorithms.into_iter().zip(bounds) {
            let error = error(channels, algorithm);
            assert!(error < bound, "{channels} channels, {algorithm:?}: {error}");
        }
    }
}

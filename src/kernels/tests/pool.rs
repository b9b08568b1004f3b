//! Pooling.

use super::super::reference::{Numbers, normalised};
use super::super::*;

/// Random images with a random normalisation, and what they are when normalised.
fn images(
    numbers: &mut Numbers,
    [height, width, channels]: [usize; 3],
    check: impl Fn(InstructionSet, Source<'_>, &[f64]),
) {
    let samples = 1 + numbers.below(4);
    let pixels = numbers.integers(samples * height * width * channels);
    let [mean, scale, offset] = [(); 3].map(|()| numbers.integers(channels));
    let rectify = numbers.below(2) == 0;
    let normalise = Normalise { mean: &mean, scale: &scale, offset: &offset, rectify };
    let normalise = (numbers.below(3) > 0).then_some(normalise);
    let expected = normalised(&pixels, normalise);
    for instructions in InstructionSet::available() {
        check(instructions, Source { pixels: &pixels, normalise }, &expected);
    }
}

#[test]
fn maximum_of_any_windows() {
    let mut numbers = Numbers(7);
    for _ in 0..60 {
        let size = 1 + numbers.below(3);
        let shape @ [height, width, channels] =
            [size * (1 + numbers.below(4)), size * (1 + numbers.below(4)), 1 + numbers.below(40)];
        images(&mut numbers, shape, |instructions, source, expected| {
            let mut pooled = vec![f32::NAN; expected.len() / (size * size)];
            max_pool(instructions, source, shape, size, &mut pooled);
            for (i, &pooled) in pooled.iter().enumerate() {
                let (pixel, c) = (i / channels, i % channels);
                let (row, column) = (pixel / (width / size), pixel % (width / size));
                let window = (0..size * size).map(|at| {
                    let (y, x) = (row * size + at / size, column * size + at % size);
                    expected[(y * width + x) * channels + c]
                });
                assert_eq!(f64::from(pooled), window.fold(f64::NEG_INFINITY, f64::max), "{height}");
            }
        });
    }
}

/// 64 pixels: the mean of integers is exact.
#[test]
fn mean_over_images() {
    let mut numbers = Numbers(8);
    for channels in 1..40 {
        images(&mut numbers, [8, 8, channels], |instructions, source, expected| {
            let mut pooled = vec![f32::NAN; expected.len() / 64];
            average_pool(instructions, source, 64, channels, &mut pooled);
            for (i, &pooled) in pooled.iter().enumerate() {
                let image = expected[i / channels * 64 * channels..].iter();
                let sum: f64 = image.skip(i % channels).step_by(channels).take(64).sum();
                assert_eq!(f64::from(pooled), sum / 64.0);
            }
        });
    }
}

#[test]
fn what_is_no_number_is_not_lost_in_a_maximum() {
    for instructions in InstructionSet::available() {
        for bad in 0..4 {
            let mut pixels = [1.0f32, -2.0, 3.0, 0.5];
            pixels[bad] = f32::NAN;
            let source = Source { pixels: &pixels, normalise: None };
            let mut pooled = [0.0];
            max_pool(instructions, source, [2, 2, 1], 2, &mut pooled);
            assert!(pooled[0].is_nan(), "{} at {bad}", instructions.name());
        }
    }
}

//! Tangents past norms, rectifiers and pools.

use super::super::reference::{self, Numbers, normalised};
use super::super::*;

/// Random images of some pixels with a random normalisation.
struct Images {
    pixels: Vec<f32>,
    normalisation: [Vec<f32>; 3],
    rectify: bool,
}

impl Images {
    fn new(numbers: &mut Numbers, len: usize, channels: usize) -> Self {
        Self {
            pixels: numbers.integers(len),
            normalisation: [(); 3].map(|()| numbers.integers(channels)),
            rectify: numbers.below(2) == 0,
        }
    }

    fn source(&self) -> Source<'_> {
        let [mean, scale, offset] = &self.normalisation;
        let normalise = Some(Normalise { mean, scale, offset, rectify: self.rectify });
        Source { pixels: &self.pixels, normalise }
    }
}

#[test]
fn past_norms() {
    let mut numbers = Numbers(31);
    for channels in 1..40 {
        let (samples, pixels) = (1 + numbers.below(4), 1 + numbers.below(20));
        let len = samples * pixels * channels;
        let images = Images::new(&mut numbers, len, channels);
        let [tangent, adjoint] = [(); 2].map(|()| numbers.integers(len));
        let [tangent_mean, a, b, c] = [(); 4].map(|()| numbers.integers(channels));
        let mean = &images.normalisation[0];
        let coefficients = TangentCoefficients {
            mean,
            tangent_mean: &tangent_mean,
            tangent: &a,
            image: &b,
            constant: &c,
        };
        let read = normalised(&images.pixels, images.source().normalise);
        let mut expected = Vec::new();
        let mut expected_sums = vec![0.0; samples * 2 * channels];
        for (i, &x) in images.pixels.iter().enumerate() {
            let (k, sample) = (i % channels, i / (pixels * channels));
            let centred = tangent[i] - tangent_mean[k];
            let is_still = images.rectify && read[i] <= 0.0;
            let moved = a[k] * centred + b[k] * (x - mean[k]) + c[k];
            expected.push(if is_still { 0.0 } else { moved });
            expected_sums[2 * sample * channels + k] += centred * centred;
            expected_sums[(2 * sample + 1) * channels + k] += adjoint[i] * centred;
        }
        for instructions in InstructionSet::available() {
            let mut sums = vec![f32::NAN; expected_sums.len()];
            for is_weighed in [true, false] {
                let mut found = vec![f32::NAN; len];
                let weighed = Weighed { adjoint: &adjoint, sums: &mut sums };
                let weighed = is_weighed.then_some(weighed);
                let source = (images.source(), pixels);
                norm_tangent(instructions, coefficients, source, &tangent, weighed, &mut found);
                assert_eq!(found, expected, "{} {channels}", instructions.name());
            }
            assert_eq!(sums, expected_sums, "{} {channels}", instructions.name());
        }
    }
}

#[test]
fn of_maxima_over_windows() {
    let mut numbers = Numbers(32);
    for _ in 0..60 {
        let size = 1 + numbers.below(3);
        let [rows, columns, channels] =
            [1 + numbers.below(4), 1 + numbers.below(4), 1 + numbers.below(40)];
        let shape @ [height, width, _] = [rows * size, columns * size, channels];
        let samples = 1 + numbers.below(4);
        let images = Images::new(&mut numbers, samples * height * width * channels, channels);
        let tangent = numbers.integers(images.pixels.len());
        let values = normalised(&images.pixels, images.source().normalise);
        let largest = reference::largest(&values, shape, size);
        for instructions in InstructionSet::available() {
            let mut pooled = vec![f32::NAN; tangent.len() / (size * size)];
            max_pool_tangent(instructions, images.source(), shape, size, &tangent, &mut pooled);
            for (pooled, &largest) in pooled.into_iter().zip(&largest) {
                assert_eq!(pooled, tangent[largest], "{size} {shape:?}");
            }
        }
    }
}

//! Gradients on their way back through what was done to images when they were read.

use super::super::reference::{self, Numbers, normalised};
use super::super::*;

/// Images of integers as a layer read them, and what stands where gradients go.
struct Read {
    channels: usize,
    pixels: Vec<f32>,
    normalisation: [Vec<f32>; 3],
    rectify: bool,
    adds: bool,
    before: Vec<f32>,
    shortcut: Option<Vec<f32>>,
}

impl Read {
    fn new(numbers: &mut Numbers, len: usize, channels: usize) -> Self {
        Self {
            channels,
            pixels: numbers.integers(len),
            normalisation: [(); 3].map(|()| numbers.integers(channels)),
            rectify: numbers.below(3) > 0,
            adds: numbers.below(2) == 0,
            before: numbers.integers(len),
            shortcut: (numbers.below(2) == 0).then(|| numbers.integers(len)),
        }
    }

    fn source(&self) -> Source<'_> {
        let [mean, scale, offset] = &self.normalisation;
        let normalise = Some(Normalise { mean, scale, offset, rectify: self.rectify });
        Source { pixels: &self.pixels, normalise }
    }

    /// What `kernel` writes, and its sums, must be what becomes of gradients with respect to the numbers
    /// read.
    fn check(&self, samples: usize, gradient: &[f64], what: &str, kernel: impl FnOnce(Target<'_>)) {
        let read = normalised(&self.pixels, self.source().normalise);
        let shift = &self.normalisation[0];
        let mut sums = vec![0.0; samples * 2 * self.channels];
        let mut expected_sums = vec![0.0; sums.len()];
        let mut expected = Vec::new();
        for (i, (&gradient, &read)) in gradient.iter().zip(&read).enumerate() {
            let shortcut = self.shortcut.as_ref().map_or(0.0, |shortcut| f64::from(shortcut[i]));
            let gradient = gradient + shortcut;
            let passed = if self.rectify && read <= 0.0 { 0.0 } else { gradient };
            expected.push(passed + if self.adds { f64::from(self.before[i]) } else { 0.0 });
            let (channel, sample) =
                (i % self.channels, i / (self.pixels.len() / samples) * 2 * self.channels);
            let shifted = f64::from(self.pixels[i]) - f64::from(shift[channel]);
            expected_sums[sample + channel] += expected[i];
            expected_sums[sample + self.channels + channel] += expected[i] * shifted;
        }
        let mut pixels = self.before.clone();
        if !self.adds {
            pixels.fill(f32::NAN);
        }
        kernel(Target {
            pixels: &mut pixels,
            shortcut: self.shortcut.as_deref(),
            adds: self.adds,
            statistics: Some(Statistics { shift, sums: &mut sums }),
            through: Some(self.source()),
        });
        let is_equal = |(&found, &expected): (&f32, &f64)| f64::from(found) == expected;
        assert!(pixels.iter().zip(&expected).all(is_equal), "gradients of {what}");
        assert!(sums.iter().zip(&expected_sums).all(is_equal), "sums of {what}");
    }
}

#[test]
fn of_convolutions() {
    let mut numbers = Numbers(21);
    for round in 0..60 {
        let algorithm = [Algorithm::Direct, Algorithm::Winograd2, Algorithm::Whole2][round % 3];
        let mut shape = numbers.shape_for(algorithm);
        shape.inputs = if round % 2 == 0 { 32 } else { shape.inputs };
        let samples = 1 + numbers.below(if shape.width < 8 { 20 } else { 3 });
        let read = Read::new(&mut numbers, samples * shape.input_len(), shape.inputs);
        let gradient = numbers.integers(samples * shape.output_len());
        let weights = numbers.integers(shape.weight_len());
        let expected = reference::input_gradient(shape, &normalised(&gradient, None), &weights);
        for instructions in InstructionSet::available() {
            let packed =
                PackedInputGradient::new(instructions, shape, algorithm, &weights).unwrap();
            let what = format!("{} {algorithm:?} {shape:?}", instructions.name());
            read.check(samples, &expected, &what, |target| {
                let source = Source { pixels: &gradient, normalise: None };
                packed.apply(source, target, &mut Scratch::default());
            });
        }
    }
}

#[test]
fn of_maxima_over_windows() {
    let mut numbers = Numbers(22);
    for _ in 0..60 {
        let size = 1 + numbers.below(3);
        let [rows, columns, channels] =
            [1 + numbers.below(4), 1 + numbers.below(4), 1 + numbers.below(40)];
        let samples = 1 + numbers.below(4);
        let shape @ [height, width, _] = [rows * size, columns * size, channels];
        let read = Read::new(&mut numbers, samples * height * width * channels, channels);
        let gradient = numbers.integers(samples * rows * columns * channels);
        let values = normalised(&read.pixels, read.source().normalise);
        let mut expected = vec![0.0; values.len()];
        for (place, &gradient) in reference::largest(&values, shape, size).iter().zip(&gradient) {
            expected[*place] += f64::from(gradient);
        }
        for instructions in InstructionSet::available() {
            let what = format!("{} {size} {shape:?}", instructions.name());
            read.check(samples, &expected, &what, |target| {
                max_pool_gradient(instructions, read.source(), shape, size, &gradient, target);
            });
        }
    }
}

/// 64 pixels: shares of integers are exact.
#[test]
fn of_means_over_images() {
    let mut numbers = Numbers(23);
    for channels in 1..40 {
        let samples = 1 + numbers.below(4);
        let read = Read::new(&mut numbers, samples * 64 * channels, channels);
        let gradient = numbers.integers(samples * channels);
        let expected: Vec<f64> = (0..read.pixels.len())
            .map(|i| f64::from(gradient[i / (64 * channels) * channels + i % channels]) / 64.0)
            .collect();
        for instructions in InstructionSet::available() {
            read.check(samples, &expected, instructions.name(), |target| {
                average_pool_gradient(instructions, 64, channels, &gradient, target);
            });
        }
    }
}

#[test]
fn of_norms() {
    let mut numbers = Numbers(24);
    for channels in 1..40 {
        let len = channels * (1 + numbers.below(20));
        let [images, gradient, other] = [(); 3].map(|()| numbers.integers(len));
        let [mean, a, b, c] = [(); 4].map(|()| numbers.integers(channels));
        let other = (numbers.below(2) == 0).then_some(other);
        let coefficients = NormCoefficients { mean: &mean, gradient: &a, image: &b, constant: &c };
        for instructions in InstructionSet::available() {
            let mut found = gradient.clone();
            let others = [None, other.as_deref()];
            norm_gradient(instructions, coefficients, &images, others, &mut found);
            let mut apart = vec![f32::NAN; len];
            let others = [Some(gradient.as_slice()), other.as_deref()];
            norm_gradient(instructions, coefficients, &images, others, &mut apart);
            assert_eq!(apart, found, "of a gradient that stays");
            for (i, &found) in found.iter().enumerate() {
                let k = i % channels;
                let other = other.as_ref().map_or(0.0, |other| other[i]);
                let expected = a[k] * gradient[i] + b[k] * (images[i] - mean[k]) + c[k] + other;
                assert_eq!(found, expected, "{} {channels}", instructions.name());
            }
        }
    }
}

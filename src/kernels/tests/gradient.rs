//! Gradients with respect to images and weights.

use super::super::reference::{self, Numbers, normalised};
use super::super::*;
use super::case::ALGORITHMS;

/// Those that round no integers.
const EXACT: [Algorithm; 3] = [Algorithm::Direct, Algorithm::Winograd2, Algorithm::Whole2];

fn assert_equal(numbers: &[f32], expected: &[f64], what: &str) {
    let equal = |(&a, &b): (&f32, &f64)| f64::from(a) == b;
    assert!(numbers.iter().zip(expected).all(equal), "{what}");
}

/// Shapes with few channels are where a vector is not filled, and 32 and 64 where it is.
fn shape(numbers: &mut Numbers, algorithm: Algorithm) -> ConvolutionShape {
    let shape = numbers.shape_for(algorithm);
    let full = |numbers: &mut Numbers, channels| {
        if numbers.below(3) == 0 { 16 * (1 + numbers.below(4)) } else { channels }
    };
    let inputs = full(numbers, shape.inputs);
    ConvolutionShape { inputs, outputs: full(numbers, shape.outputs), ..shape }
}

#[test]
fn input_gradient_of_any_shape_is_the_definition() {
    let mut numbers = Numbers(11);
    for round in 0..100 {
        let algorithm = EXACT[round % EXACT.len()];
        let shape = shape(&mut numbers, algorithm);
        let samples = 1 + numbers.below(20);
        let gradient = numbers.integers(samples * shape.output_len());
        let weights = numbers.integers(shape.weight_len());
        let other = numbers.integers(samples * shape.input_len());
        let mut expected = reference::input_gradient(shape, &normalised(&gradient, None), &weights);
        expected.iter_mut().zip(&other).for_each(|(dx, &other)| *dx += f64::from(other));
        for instructions in InstructionSet::available() {
            let packed =
                PackedInputGradient::new(instructions, shape, algorithm, &weights).unwrap();
            let mut pixels = vec![f32::NAN; expected.len()];
            let target = Target { shortcut: Some(&other), ..Target::plain(&mut pixels) };
            let source = Source { pixels: &gradient, normalise: None };
            packed.apply(source, target, &mut Scratch::default());
            assert_equal(&pixels, &expected, &format!("{} {shape:?}", instructions.name()));
        }
    }
}

fn check_weight_gradient(
    numbers: &mut Numbers,
    (shape, algorithm): (ConvolutionShape, Algorithm),
    samples: usize,
) {
    let threads = 1 + numbers.below(3);
    let images = numbers.integers(samples * shape.input_len());
    let gradient = numbers.integers(samples * shape.output_len());
    let [mean, scale, offset] = [(); 3].map(|()| numbers.integers(shape.inputs));
    let normalise = Normalise { mean: &mean, scale: &scale, offset: &offset, rectify: true };
    let normalise = (numbers.below(2) == 0).then_some(normalise);
    let expected = reference::weight_gradient(shape, &normalised(&images, normalise), &gradient);
    for instructions in InstructionSet::available() {
        let mut weights = WeightGradient::new(instructions, shape);
        let images = Source { pixels: &images, normalise };
        // In any order, over what was there before, and added to it.
        for adds in [false, false, true] {
            for part in weights.parts((algorithm, threads), samples, adds).into_iter().rev() {
                part.run(images, &gradient, &mut Scratch::default());
            }
        }
        let mut found = vec![f64::NAN; shape.weight_len()];
        // A few rows at a time.
        let rows = 1 + numbers.below(shape.weight_len() / shape.outputs);
        let parts = found.chunks_mut(rows * shape.outputs).enumerate();
        parts.for_each(|(i, part)| weights.read(samples, 0.25, i * rows, part));
        let mut single = vec![f32::NAN; found.len()];
        weights.read(samples, 0.25, 0, &mut single);
        assert!(single.iter().zip(&found).all(|(&single, &found)| single == found as f32));
        let doubled: Vec<f32> = found.iter().map(|x| 2.0 * *x as f32).collect();
        let what = format!("{} {shape:?}, {samples} samples", instructions.name());
        assert_equal(&doubled, &expected, &what);
    }
}

#[test]
fn weight_gradient_of_any_shape_is_the_definition() {
    let mut numbers = Numbers(12);
    for round in 0..200 {
        let algorithm = EXACT[round % EXACT.len()];
        let shape = shape(&mut numbers, algorithm);
        let samples = 1 + numbers.below(20);
        check_weight_gradient(&mut numbers, (shape, algorithm), samples);
    }
}

/// Layers of several panels, read from within them.
#[test]
fn weight_gradient_of_wide_layers_is_the_definition() {
    let mut numbers = Numbers(18);
    for (inputs, outputs) in [(48, 32), (49, 33), (130, 70), (200, 5)] {
        let shape = ConvolutionShape::linear(inputs, outputs);
        check_weight_gradient(&mut numbers, (shape, Algorithm::Direct), 7);
    }
}

/// More than are multiplied before a sum is written.
#[test]
fn weight_gradient_of_many_samples_is_the_definition() {
    let mut numbers = Numbers(13);
    for samples in [512, 513, 1100] {
        let ConvolutionShape { inputs, outputs, .. } = shape(&mut numbers, Algorithm::Direct);
        let linear = ConvolutionShape::linear(inputs, outputs);
        check_weight_gradient(&mut numbers, (linear, Algorithm::Direct), samples);
    }
}

/// Its tiles are more than are transformed together.
#[test]
fn weight_gradient_of_large_images_is_the_definition() {
    let mut numbers = Numbers(15);
    let shape =
        ConvolutionShape { height: 49, width: 50, inputs: 3, outputs: 5, kernel: 3, stride: 1 };
    check_weight_gradient(&mut numbers, (shape, Algorithm::Winograd2), 2);
}

/// F(4x4, 3x3) rounds integers, too: by a little, where a wrong place would be off by much.
#[test]
fn weight_gradient_of_larger_tiles_is_near_the_definition() {
    let mut numbers = Numbers(16);
    for round in 0..40 {
        let mut shape = shape(&mut numbers, Algorithm::Winograd4);
        if round == 0 {
            // Two blocks of inputs for any vectors.
            shape.inputs = 130;
        }
        let samples = 1 + numbers.below(20);
        let images = numbers.reals(samples * shape.input_len());
        let gradient = numbers.reals(samples * shape.output_len());
        let [expected, sizes] = [false, true].map(|sizes| {
            let of = |x: &[f32]| -> Vec<f32> {
                x.iter().map(|&x| if sizes { x.abs() } else { x }).collect()
            };
            reference::weight_gradient(shape, &normalised(&of(&images), None), &of(&gradient))
        });
        let largest = sizes.iter().copied().fold(0.0, f64::max);
        for instructions in InstructionSet::available() {
            let mut weights = WeightGradient::new(instructions, shape);
            for part in weights.parts((Algorithm::Winograd4, 1), samples, false) {
                let images = Source { pixels: &images, normalise: None };
                part.run(images, &gradient, &mut Scratch::default());
            }
            let mut found = vec![f64::NAN; shape.weight_len()];
            weights.read(samples, 1.0, 0, &mut found);
            let near = |(x, y): (&f64, &f64)| (x - y).abs() <= 3e-6 * largest;
            let what = format!("{} {shape:?}, {samples} samples", instructions.name());
            assert!(found.iter().zip(&expected).all(near), "{what}");
        }
    }
}

#[test]
fn weight_gradient_has_the_same_bits_for_any_number_of_threads() {
    let mut numbers = Numbers(17);
    let shape =
        ConvolutionShape { height: 9, width: 8, inputs: 20, outputs: 70, kernel: 3, stride: 1 };
    let pixels = numbers.reals(60 * shape.input_len());
    let gradient = numbers.reals(60 * shape.output_len());
    for instructions in InstructionSet::available() {
        let mut weights = WeightGradient::new(instructions, shape);
        let mut by = |threads| {
            let parts = weights.parts((Algorithm::Winograd4, threads), 60, false);
            let count = parts.len();
            for part in parts {
                let images = Source { pixels: &pixels, normalise: None };
                part.run(images, &gradient, &mut Scratch::default());
            }
            let mut found = vec![0.0f32; shape.weight_len()];
            weights.read(60, 1.0, 0, &mut found);
            (found, count)
        };
        let (one, parts) = by(1);
        let (many, more) = by(4);
        assert!(more > parts && one == many, "{}: {parts} and {more} parts", instructions.name());
    }
}

/// Of both gradients, under any algorithm.
#[test]
fn instruction_sets_with_fused_operations_give_the_same_bits() {
    let mut numbers = Numbers(19);
    let mut cases = Vec::new();
    for algorithm in ALGORITHMS.repeat(15) {
        cases.push((algorithm, shape(&mut numbers, algorithm), 1 + numbers.below(20)));
    }
    for samples in [20, 300] {
        cases.push((Algorithm::Direct, ConvolutionShape::linear(130, 300), samples));
    }
    for (algorithm, shape, samples) in cases {
        let images = numbers.reals(samples * shape.input_len());
        let gradient = numbers.reals(samples * shape.output_len());
        let weights = numbers.reals(shape.weight_len());
        let [images, gradient] =
            [&images, &gradient].map(|pixels| Source { pixels, normalise: None });
        let outcome = |set| {
            let scratch = &mut Scratch::default();
            let mut pixels = vec![f32::NAN; images.pixels.len()];
            let packed = PackedInputGradient::new(set, shape, algorithm, &weights).unwrap();
            packed.apply(gradient, Target::plain(&mut pixels), scratch);
            let mut sums = WeightGradient::new(set, shape);
            for part in sums.parts((algorithm, 2), samples, false) {
                part.run(images, gradient.pixels, scratch);
            }
            let mut read = vec![f32::NAN; shape.weight_len()];
            sums.read(samples, 1.0, 0, &mut read);
            (pixels, read)
        };
        let outcomes: Vec<_> = InstructionSet::fused().map(outcome).collect();
        for pair in outcomes.windows(2) {
            assert!(pair[0].0 == pair[1].0, "input gradient, {algorithm:?} {shape:?}");
            assert!(pair[0].1 == pair[1].1, "weight gradient, {algorithm:?} {shape:?}");
        }
    }
}

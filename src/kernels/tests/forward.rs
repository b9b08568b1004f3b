//! Forward convolution.

use super::super::reference::Numbers;
use super::super::*;
use super::case::{ALGORITHMS, Case, Outcome};

const ALL: usize = usize::MAX >> 32;

/// Integers make every f32 operation exact, so that the reference must be met to the bit; only long
/// sums of squares may leave the range where it is.
fn assert_exact(outcome: &Outcome<f32>, expected: &Outcome<f64>, what: &str) {
    let equal = |(&a, &b): (&f32, &f64)| f64::from(a) == b;
    assert!(outcome.output.iter().zip(&expected.output).all(equal), "output: {what}");
    let near = |(&a, &b): (&f32, &f64)| {
        let error = (f64::from(a) - b).abs();
        if b.abs() < (1 << 24) as f64 { error == 0.0 } else { error < 1e-5 * b.abs() }
    };
    assert!(outcome.sums.iter().zip(&expected.sums).all(near), "statistics: {what}");
}

fn exact_on_all_instruction_sets(case: &Case, algorithm: Algorithm) {
    let expected = case.expected();
    for instructions in InstructionSet::available() {
        let what = format!("{} {algorithm:?} {:?}", instructions.name(), case.shape);
        let outcome = case.outcome(instructions, algorithm, ALL);
        assert_exact(&outcome, &expected, &what);
    }
}

#[test]
fn direct_convolution_of_any_shape_is_the_definition() {
    let mut numbers = Numbers(1);
    for _ in 0..150 {
        let case = Case::new(numbers.shape(), &mut numbers, Numbers::integers);
        exact_on_all_instruction_sets(&case, Algorithm::Direct);
    }
}

#[test]
fn fully_connected_layers_are_the_definition() {
    let mut numbers = Numbers(2);
    for _ in 0..50 {
        let shape = ConvolutionShape::linear(1 + numbers.below(300), 1 + numbers.below(90));
        let case = Case::new(shape, &mut numbers, Numbers::integers);
        exact_on_all_instruction_sets(&case, Algorithm::Direct);
    }
}

/// Whole blocks of them are not packed.
#[test]
fn weights_that_stand_give_the_bits_of_packed_ones() {
    let mut numbers = Numbers(11);
    for _ in 0..60 {
        let linear = ConvolutionShape::linear(1 + numbers.below(300), 1 + numbers.below(90));
        let shape = if numbers.below(4) > 0 { linear } else { numbers.shape() };
        let case = Case::new(shape, &mut numbers, Numbers::reals);
        let others = numbers.reals(case.weights.len());
        for instructions in InstructionSet::available() {
            let what = format!("{} {shape:?}", instructions.name());
            let expected = case.packed(instructions, Algorithm::Direct);
            let mut packed = expected.clone();
            packed.repack(&others, case.bias.as_deref());
            let mut standing = packed.emptied();
            standing.repack_or_stand(&case.weights, case.bias.as_deref());
            let expected = case.outcome_of(&expected, ALL);
            assert_eq!(case.outcome_of(&standing, ALL), expected, "standing: {what}");
            standing.repack_or_stand(&others, case.bias.as_deref());
            standing.repack(&case.weights, case.bias.as_deref());
            assert_eq!(case.outcome_of(&standing, ALL), expected, "packed again: {what}");
        }
    }
}

/// All constants of F(2x2, 3x3) are multiples of 1/4, and those for whole images 1: exact, too.
#[test]
fn winograd_with_tiles_of_2_is_the_definition() {
    let mut numbers = Numbers(3);
    for algorithm in [Algorithm::Winograd2, Algorithm::Whole2] {
        for _ in 0..60 {
            let shape = numbers.shape_for(algorithm);
            let case = Case::new(shape, &mut numbers, Numbers::integers);
            exact_on_all_instruction_sets(&case, algorithm);
        }
    }
}

/// The worst of all numbers is within 1e-5 of the root mean square; one wrong product of the few
/// hundred in a sum would be off by some percent.
#[test]
fn winograd_with_tiles_of_4_rounds_a_little_more() {
    let mut numbers = Numbers(4);
    for _ in 0..60 {
        let shape = ConvolutionShape { kernel: 3, stride: 1, ..numbers.shape() };
        let case = Case::new(shape, &mut numbers, Numbers::reals);
        let expected = case.expected();
        for instructions in InstructionSet::available() {
            let outcome = case.outcome(instructions, Algorithm::Winograd4, ALL);
            let what = format!("{} {shape:?}", instructions.name());
            assert_near(&outcome.output, &expected.output, &what);
            assert_near(&outcome.sums, &expected.sums, &what);
        }
    }
}

/// Weights that fill more than a third-level cache meet many tiles at once. Root mean squares are compared,
/// since the worst of so many numbers from so long sums is above 1e-5; a wrong tile would be off by percents.
#[test]
fn large_groups_of_tiles_differ_by_rounding_alone() {
    let mut numbers = Numbers(9);
    for (height, width) in [(4, 3), (7, 6)] {
        let (inputs, outputs) = (460, 260);
        let shape = ConvolutionShape { height, width, inputs, outputs, kernel: 3, stride: 1 };
        let case = Case::new(shape, &mut numbers, Numbers::reals);
        let expected = case.expected();
        for instructions in InstructionSet::available() {
            let outcome = case.outcome(instructions, Algorithm::Winograd4, ALL);
            let what = format!("{} {shape:?}", instructions.name());
            let squares = |errors: bool| {
                let pairs = outcome.output.iter().zip(&expected.output);
                pairs.map(|(&a, b)| if errors { f64::from(a) - b } else { *b }).map(|x| x * x).sum()
            };
            let [error, size]: [f64; 2] = [squares(true), squares(false)];
            assert!((error / size).sqrt() < 2e-6, "{what}: {}", (error / size).sqrt());
            let apart = case.outcome(instructions, Algorithm::Winograd4, 3);
            assert_eq!(apart, outcome, "{what}");
        }
    }
}

fn assert_near(numbers: &[f32], expected: &[f64], what: &str) {
    let square = expected.iter().map(|y| y * y).sum::<f64>() / expected.len() as f64;
    let error = |(&a, &b): (&f32, &f64)| (f64::from(a) - b).abs();
    let worst = numbers.iter().zip(expected).map(error).fold(0.0, f64::max);
    assert!(worst < 1e-5 * square.sqrt(), "{what}: {worst} of {}", square.sqrt());
}

/// Bits of the maxima, and of the minima times -1 times -1; statistics are of all outputs.
#[test]
fn pooled_outputs_are_the_pool_of_the_outputs() {
    let mut numbers = Numbers(10);
    for round in 0..60 {
        let algorithm = ALGORITHMS[1 + round % 3];
        let tile = algorithm.tile().unwrap();
        let shape = numbers.shape_for(algorithm);
        let whole = |len: usize| len.next_multiple_of(tile);
        let (height, width) = (whole(shape.height), whole(shape.width));
        let shape = ConvolutionShape { height, width, ..shape };
        let mut pixels = numbers.reals(3 * shape.input_len());
        if round % 4 == 0 {
            pixels[numbers.below(shape.input_len())] = [f32::NAN, f32::INFINITY][round / 4 % 2];
        }
        let (weights, outputs) = (numbers.reals(shape.weight_len()), shape.outputs);
        let (bias, shift) = (numbers.reals(outputs), numbers.reals(outputs));
        let signs: Vec<f32> = (0..outputs).map(|i| if i % 3 == 1 { -1.0 } else { 1.0 }).collect();
        for instructions in InstructionSet::available() {
            let packed =
                PackedConvolution::new(instructions, shape, algorithm, &weights, Some(&bias));
            let packed = packed.unwrap();
            let outcome = |windows: bool| {
                let len = 3 * shape.output_len() / if windows { 4 } else { 1 };
                let (mut output, mut sums) = (vec![7.0; len], vec![0.0; 3 * 2 * outputs]);
                let statistics = Some(Statistics { shift: &shift, sums: &mut sums });
                let target = Target { statistics, ..Target::plain(&mut output) };
                let (source, scratch) =
                    (Source { pixels: &pixels, normalise: None }, &mut Scratch::default());
                if windows {
                    packed.forward_pooled(source, target, &signs, scratch);
                } else {
                    packed.forward(source, target, scratch);
                }
                (output, sums)
            };
            let ((all, sums), (found, found_sums)) = (outcome(false), outcome(true));
            let bits = |sums: &[f32]| sums.iter().map(|x| x.to_bits()).collect::<Vec<u32>>();
            assert_eq!(bits(&found_sums), bits(&sums), "{algorithm:?} {shape:?}");
            for (i, &found) in found.iter().enumerate() {
                let (pixel, c) = (i / outputs, i % outputs);
                let (row, column) = (pixel / (width / 2), pixel % (width / 2));
                let window = [[0, 0], [0, 1], [1, 0], [1, 1]]
                    .map(|[y, x]| all[((2 * row + y) * width + 2 * column + x) * outputs + c]);
                let expected = if window.iter().all(|x| x.is_finite()) {
                    signs[c] * window.iter().fold(f32::NEG_INFINITY, |m, x| m.max(signs[c] * x))
                } else {
                    f32::NAN
                };
                let equal = found == expected || found.is_nan() && expected.is_nan();
                assert!(equal, "{} {algorithm:?} {shape:?}: {found}", instructions.name());
            }
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_samples_of_a_call() {
    let mut numbers = Numbers(5);
    for _ in 0..40 {
        for algorithm in ALGORITHMS {
            let shape = numbers.shape_for(algorithm);
            let case = Case::new(shape, &mut numbers, Numbers::reals);
            for instructions in InstructionSet::available() {
                let together = case.outcome(instructions, algorithm, ALL);
                for at_once in [1, 3, 17] {
                    let apart = case.outcome(instructions, algorithm, at_once);
                    assert_eq!(apart, together, "{} {algorithm:?} {shape:?}", instructions.name());
                }
            }
        }
    }
}

/// Operations come in the same order whatever the width of a vector and the rows of a tile.
#[test]
fn instruction_sets_with_fused_operations_give_the_same_bits() {
    let mut numbers = Numbers(6);
    let mut cases = Vec::new();
    for algorithm in ALGORITHMS.repeat(40) {
        cases.push((algorithm, numbers.shape_for(algorithm)));
    }
    // What stays in the first-level cache at a time are fewer of their channels for wider vectors.
    for inputs in [130, 272, 500, 784] {
        cases.push((Algorithm::Direct, ConvolutionShape::linear(inputs, 40)));
    }
    for (algorithm, shape) in cases {
        let case = Case::new(shape, &mut numbers, Numbers::reals);
        let outcomes: Vec<_> =
            InstructionSet::fused().map(|set| case.outcome(set, algorithm, ALL)).collect();
        assert!(outcomes.windows(2).all(|pair| pair[0] == pair[1]), "{algorithm:?} {shape:?}");
    }
}

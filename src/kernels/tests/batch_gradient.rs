//! The gradient of a batch as a direction.

use super::super::reference::{self, Numbers, normalised};
use super::super::*;

#[test]
fn products_with_a_batchs_gradient_are_those_with_its_weights() {
    let mut numbers = Numbers(21);
    for round in 0..60 {
        let [inputs, outputs] = [(); 2].map(|()| 1 + numbers.below(50));
        let shape = ConvolutionShape::linear(inputs, outputs);
        let [samples, rows] = [(); 2].map(|()| 1 + numbers.below(20));
        let read = numbers.integers(samples * inputs);
        let adjoints = numbers.integers(samples * outputs);
        let [mean, scale, offset] = [(); 3].map(|()| numbers.integers(inputs));
        let normalise = Normalise { mean: &mean, scale: &scale, offset: &offset, rectify: true };
        let normalise = (round % 2 == 0).then_some(normalise);
        let bias = numbers.integers(outputs);
        let x = numbers.integers(rows * inputs);
        let weights = reference::weight_gradient(shape, &normalised(&read, normalise), &adjoints);
        let weights: Vec<f32> = weights.iter().map(|w| 0.5 * *w as f32).collect();
        let product = reference::convolve(shape, &normalised(&x, None), &weights);
        let product_of_own = reference::convolve(shape, &normalised(&read, normalise), &weights);
        for instructions in InstructionSet::available() {
            let mut gradient = BatchGradient::new(instructions, shape, samples).unwrap();
            assert_eq!(gradient.samples(), samples);
            let read = Source { pixels: &read, normalise };
            // Over what was there before.
            gradient.repack(read, (&adjoints, 3.0), None);
            gradient.repack(read, (&adjoints, 0.5), Some(&bias));
            let source = Source { pixels: &x, normalise: None };
            let mut found = vec![f32::NAN; rows * outputs];
            let mut scratch = Scratch::default();
            gradient.product(source, Target::plain(&mut found), &mut scratch);
            let found = found.into_iter().map(f64::from);
            assert!(found.eq(product.iter().copied()), "{} {shape:?}", instructions.name());
            gradient.own_products().into_iter().rev().for_each(OwnProducts::run);
            gradient.join();
            let some = samples / 3..samples;
            let mut own = vec![f32::NAN; some.len() * outputs];
            gradient.forward_own(some.clone(), Target::plain(&mut own), &mut scratch);
            let expected = product_of_own[some.start * outputs..].iter();
            let expected = expected.zip(bias.iter().cycle()).map(|(x, b)| x + f64::from(*b));
            assert!(own.into_iter().map(f64::from).eq(expected), "{shape:?}");
        }
    }
}

#[test]
fn it_pays_for_small_batches_of_wide_layers() {
    let pays = |inputs, outputs, samples| {
        BatchGradient::pays(ConvolutionShape::linear(inputs, outputs), samples)
    };
    assert!(pays(784, 500, 100) && pays(500, 350, 100) && !pays(350, 10, 100));
    let kernel =
        ConvolutionShape { height: 4, width: 4, kernel: 3, ..ConvolutionShape::linear(64, 64) };
    assert!(!BatchGradient::pays(kernel, 1));
}

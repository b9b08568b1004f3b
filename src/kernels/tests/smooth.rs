//! Smooth non-linearities against closed forms in f64.

use std::f64::consts::PI;

use super::super::reference::Numbers;
use super::super::*;

/// f and its first two derivatives, from the C library but for the normal distribution.
fn closed(function: Smooth, x: f64) -> [f64; 3] {
    match function {
        Smooth::Tanh => {
            let slope = x.cosh().powi(-2);
            [x.tanh(), slope, -2.0 * x.tanh() * slope]
        }
        Smooth::Gelu => {
            let density = (-0.5 * x * x).exp() / (2.0 * PI).sqrt();
            let distribution = distribution(x);
            [x * distribution, distribution + x * density, density * (2.0 - x * x)]
        }
        Smooth::Softplus => {
            let sigmoid = 1.0 / (1.0 + (-x).exp());
            [(-x.abs()).exp().ln_1p() + x.max(0.0), sigmoid, sigmoid / (1.0 + x.exp())]
        }
    }
}

/// Phi(x), by its series at 0 or, in the tails, the continued fraction of Mills' ratio.
fn distribution(x: f64) -> f64 {
    let density = (-0.5 * x * x).exp() / (2.0 * PI).sqrt();
    if x.abs() < 3.0 {
        let (mut term, mut sum) = (x, x);
        for k in 1..80 {
            term *= x * x / f64::from(2 * k + 1);
            sum += term;
        }
        return 0.5 + density * sum;
    }
    let ratio = (1..200).rev().fold(x.abs(), |below, k| x.abs() + f64::from(k) / below);
    if x < 0.0 { density / ratio } else { 1.0 - density / ratio }
}

/// Every function on every instruction set.
fn each(check: impl Fn(Smooth, InstructionSet)) {
    for instructions in InstructionSet::available() {
        for function in [Smooth::Tanh, Smooth::Gelu, Smooth::Softplus] {
            check(function, instructions);
        }
    }
}

/// How far a number is from an exact one, in units of the last place of an f32.
fn distance(found: f32, exact: f64) -> f64 {
    let size = (exact.abs() as f32).max(f32::MIN_POSITIVE);
    (f64::from(found) - exact).abs() / (f64::from(size.next_up()) - f64::from(size))
}

#[test]
fn values_and_derivatives_are_rounded_once() {
    let grid = (-4000..=4000).map(|i| i as f32 * 0.005);
    let sizes = (-40..7).flat_map(|k| [1.37, -1.37].map(|x: f32| x * (k as f32).exp2()));
    let at: Vec<f32> = grid.chain(sizes).collect();
    let [ones, zeros] = [1.0, 0.0].map(|x| vec![x; at.len()]);
    each(|function, instructions| {
        let (mut values, mut slopes, mut curvatures) = (at.clone(), zeros.clone(), zeros.clone());
        function.apply(instructions, &mut values);
        function.gradient(instructions, &at, (&ones, None), false, &mut slopes);
        let second = (&zeros[..], Some([&ones[..], &ones]));
        function.gradient(instructions, &at, second, false, &mut curvatures);
        for (i, &x) in at.iter().enumerate() {
            let exact = closed(function, f64::from(x));
            for (k, found) in [values[i], slopes[i], curvatures[i]].into_iter().enumerate() {
                // A derivative that passes zero, or nearly vanishes, is a difference of larger numbers.
                let is_small = k > 0 && (f64::from(found) - exact[k]).abs() < 1e-9;
                assert!(
                    distance(found, exact[k]) < 0.6 || is_small,
                    "{function:?} of {x}, order {k}: {found} for {}",
                    exact[k]
                );
            }
        }
    });
}

#[test]
fn gradients_and_tangents_follow_from_the_derivatives() {
    for len in [1, 15, 16, 37, 200] {
        each(|function, instructions| {
            let mut numbers = Numbers(len as u64);
            let [at, a, b, c, before] = [(); 5].map(|()| numbers.reals(len));
            let [mut written, mut added, mut tangent, mut alone] = [(); 4].map(|()| before.clone());
            let terms = (&a[..], Some([&b[..], &c]));
            function.gradient(instructions, &at, terms, false, &mut written);
            function.gradient(instructions, &at, terms, true, &mut added);
            let second = function.tangent(instructions, &at, (&b, Some(&c)), &mut tangent);
            assert_eq!(function.tangent(instructions, &at, (&b, None), &mut alone), 0.0);
            assert_eq!(tangent, alone);
            let mut sum = 0.0;
            for i in 0..len {
                let [x, a, b, c] = [at[i], a[i], b[i], c[i]].map(f64::from);
                let [_, slope, curvature] = closed(function, x);
                let gradient = slope * a + curvature * b * c;
                let expected = [gradient, gradient + f64::from(before[i]), slope * b];
                for (found, expected) in
                    [written[i], added[i], tangent[i]].into_iter().zip(expected)
                {
                    assert!((f64::from(found) - expected).abs() < 1e-6, "{found} for {expected}");
                }
                sum += 0.5 * curvature * b * b * c;
            }
            assert!((second - sum).abs() < 1e-7 * len as f64, "{second} for {sum}");
        });
    }
}

#[test]
fn smooth_functions_have_the_same_bits_where_operations_are_fused() {
    let mut numbers = Numbers(5);
    let [at, tangent, adjoint] = [(); 3].map(|()| numbers.reals(500));
    for function in [Smooth::Tanh, Smooth::Gelu, Smooth::Softplus] {
        let mut first = None;
        for instructions in InstructionSet::fused() {
            let (mut values, mut moved) = (at.clone(), at.clone());
            function.apply(instructions, &mut values);
            let second =
                function.tangent(instructions, &at, (&tangent, Some(&adjoint)), &mut moved);
            let found = (values, moved, second);
            assert_eq!(
                *first.get_or_insert_with(|| found.clone()),
                found,
                "{}",
                instructions.name()
            );
        }
    }
}

#[test]
fn what_is_no_number_stays_none_and_what_is_large_finite() {
    each(|function, instructions| {
        let mut numbers = [f32::NAN, 1e30, -1e30];
        function.apply(instructions, &mut numbers);
        let far = if function == Smooth::Tanh { [1.0, -1.0] } else { [1e30, 0.0] };
        assert!(numbers[0].is_nan() && numbers[1..] == far, "{function:?}: {numbers:?}");
    });
}

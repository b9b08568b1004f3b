//! Derivatives of second order by fast kernels against series in 64 bits, over random lists of layers, and
//! against finite differences of losses.

use losswalk::linalg::{difference, norm};
use losswalk::objective::{Classification, Directional, Line, Loss, Objective, Point};
use losswalk::precision::Precision;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::curvature::{direction, objective};
use crate::networks::TestResult;
use crate::planned::{FLAT, flat_model, smooth_model};

const BATCH: [u32; 7] = [3, 0, 11, 5, 5, 8, 2];

/// Two directions of the size of theta.
fn directions(objective: &Classification, at: &Point) -> TestResult<[Vec<f64>; 2]> {
    let u = direction(objective)?;
    let factor = norm(&at.theta) / norm(&u);
    let u: Vec<f64> = u.iter().map(|x| factor * x).collect();
    let reversed = u.iter().rev().copied().collect();
    Ok([u, reversed])
}

/// Everything that is of second order: along two directions at once, along the gradient, and along a line
/// that moves running statistics.
fn found(
    objective: &Classification,
    at: &Point,
    of: Loss,
    precision: Precision,
) -> TestResult<Vec<Directional>> {
    let [u, v] = directions(objective, at)?;
    let mut all = objective.directional(at, of, &[&u, &v], precision)?;
    all.extend(objective.along_gradient(at, of, precision)?.1);
    let theta = at.theta.iter().zip(&v).map(|(theta, v)| theta + v).collect();
    let buffers = at.buffers.iter().map(|buffer| 1.1 * buffer).collect();
    let line = Line { from: at, to: &Point { theta, buffers }, number: 0 };
    all.push(objective.second_order(line, precision)?);
    Ok(all)
}

/// Errors of loss, of slope, and of the second derivative and its parts, relative to the largest of those.
fn errors(found: &Directional, exact: &Directional) -> [f64; 3] {
    let Directional { loss, slope, curvature, covariance, residual } = *exact;
    let steepness = slope.abs().max(covariance.sqrt());
    let scale = [slope * slope, curvature, covariance, residual].map(f64::abs);
    let scale = scale.into_iter().fold(0.0, f64::max);
    let seconds =
        [found.curvature - curvature, found.covariance - covariance, found.residual - residual];
    [
        (found.loss - loss).abs() / loss,
        (found.slope - slope).abs() / steepness,
        seconds.map(f64::abs).into_iter().fold(0.0, f64::max) / scale,
    ]
}

/// The largest errors in 32 bits by kernels and by series, against 64 bits.
fn compare(model: &str, size: usize, policy: &str, of: Loss) -> TestResult<[[f64; 3]; 2]> {
    let (fast, at) = objective(model, size, policy)?;
    let exact = found(&fast, &at, of, Precision::F64)?;
    let single = found(&fast, &at, of, Precision::F32)?;
    let [u, v] = directions(&fast, &at)?;
    let slopes = fast.slopes(&at, of, &[&u, &v], Precision::F32)?;
    for (slopes, along) in slopes.iter().zip(&single) {
        assert_eq!((slopes.mean, slopes.variance), (along.slope, along.covariance));
    }
    let series = found(&fast.by_series(), &at, of, Precision::F32)?;
    assert!(single != series, "kernels did not run\n{model}");
    Ok([single, series].map(|found| {
        let all = found.iter().zip(&exact).map(|(found, exact)| errors(found, exact));
        all.fold([0.0; 3], |largest, errors| {
            std::array::from_fn(|i| f64::max(largest[i], errors[i]))
        })
    }))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48, rng_seed: RngSeed::Fixed(5), ..ProptestConfig::default()
    })]
    #[test]
    fn kernels_and_series_agree_on_curvature_of_random_networks(
        choices in prop::collection::vec(0usize..256, 0..9),
        size in prop::sample::select(vec![4usize, 7, 8]),
        policy in prop::sample::select(vec!["batch", "recomputed", "running"]),
        measured in proptest::bool::ANY,
    ) {
        let model = smooth_model(&choices, size);
        let of = if measured { Loss::Measured } else { Loss::of(&BATCH) };
        let [fast, slow] =
            compare(&model, size, policy, of).map_err(|e| TestCaseError::fail(e.to_string()))?;
        for (fast, slow) in fast.into_iter().zip(slow) {
            prop_assert!(fast < 8.0 * slow + 1e-6, "{fast:e} for {slow:e} under {policy}\n{model}");
        }
    }
}

/// Residual and strided layers, Winograd at 8x8 with 16 channels, norms, pools and activations of every kind; a
/// shortcut from the images; a norm of the images.
const NETWORKS: [&[usize]; 5] = [
    &[0, 3, 16, 16, 3, 7, 6, 5, 4, 0],
    &[3, 16, 16, 6],
    &[6, 16],
    &[3],
    &[20, 16, 19, 22, 36, 39, 52, 16],
];

#[test]
fn every_kind_of_layer_agrees_under_every_policy() -> TestResult {
    for choices in NETWORKS {
        for policy in ["batch", "recomputed", "running"] {
            for of in [Loss::of(&BATCH), Loss::Measured] {
                let model = smooth_model(choices, 8);
                let [fast, slow] = compare(&model, 8, policy, of)?;
                for (fast, slow) in fast.into_iter().zip(slow) {
                    assert!(fast < 8.0 * slow + 1e-6, "{fast:e} for {slow:e}, {policy}\n{model}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn fully_connected_networks_agree_under_every_policy() -> TestResult {
    for choices in FLAT {
        for policy in ["batch", "recomputed", "running"] {
            let model = flat_model(choices);
            let [fast, slow] = compare_products(&model, 8, policy)?;
            assert!(fast < 8.0 * slow + 1e-6, "{fast:e} for {slow:e}, {policy}\n{model}");
            for of in [Loss::of(&BATCH), Loss::Measured] {
                let [fast, slow] = compare(&model, 8, policy, of)?;
                for (fast, slow) in fast.into_iter().zip(slow) {
                    assert!(fast < 8.0 * slow + 1e-6, "{fast:e} for {slow:e}, {policy}\n{model}");
                }
            }
        }
    }
    Ok(())
}

/// The errors of H v in 32 bits by kernels and by series, against 64 bits, relative to its norm.
fn compare_products(model: &str, size: usize, policy: &str) -> TestResult<[f64; 2]> {
    let (fast, at) = objective(model, size, policy)?;
    let [_, v] = directions(&fast, &at)?;
    let exact = fast.hessian_product(&at, &v, Precision::F64)?;
    let single = fast.hessian_product(&at, &v, Precision::F32)?;
    let series = fast.by_series().hessian_product(&at, &v, Precision::F32)?;
    assert!(single != series, "kernels did not run\n{model}");
    Ok([single, series].map(|found| norm(&difference(&found, &exact)) / norm(&exact)))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48, rng_seed: RngSeed::Fixed(6), ..ProptestConfig::default()
    })]
    #[test]
    fn kernels_and_series_agree_on_hessian_products_of_random_networks(
        choices in prop::collection::vec(0usize..256, 0..9),
        size in prop::sample::select(vec![4usize, 7, 8]),
        policy in prop::sample::select(vec!["batch", "recomputed", "running"]),
    ) {
        let model = smooth_model(&choices, size);
        let [fast, slow] = compare_products(&model, size, policy)
            .map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert!(fast < 8.0 * slow + 1e-6, "{fast:e} for {slow:e} under {policy}\n{model}");
    }
}

#[test]
fn hessian_products_of_every_kind_of_layer_agree_and_have_the_same_bits_on_any_threads()
-> TestResult {
    for choices in NETWORKS {
        for policy in ["batch", "recomputed", "running"] {
            let model = smooth_model(choices, 8);
            let [fast, slow] = compare_products(&model, 8, policy)?;
            assert!(fast < 8.0 * slow + 1e-6, "{fast:e} for {slow:e}, {policy}\n{model}");
            let (objective, at) = objective(&model, 8, policy)?;
            let [u, v] = directions(&objective, &at)?;
            let on = |threads: usize| -> TestResult<Vec<f64>> {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
                let product = || objective.hessian_product(&at, &v, Precision::F32);
                Ok(pool.install(product)?)
            };
            let one = on(1)?;
            for threads in [2, 3, 5, 1] {
                objective.hessian_product(&at, &u, Precision::F32)?;
                assert!(on(threads)? == one, "{threads} threads, {policy}\n{model}");
            }
        }
    }
    Ok(())
}

#[test]
fn curvature_has_the_same_bits_on_any_number_of_threads_and_with_any_other_directions() -> TestResult
{
    for choices in NETWORKS {
        for (policy, of) in
            [("batch", Loss::of(&BATCH)), ("batch", Loss::Measured), ("recomputed", Loss::Measured)]
        {
            let (objective, at) = objective(&smooth_model(choices, 8), 8, policy)?;
            let on = |threads: usize| -> TestResult<Vec<Directional>> {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
                let all = || found(&objective, &at, of, Precision::F32).map_err(|e| e.to_string());
                Ok(pool.install(all)?)
            };
            let one = on(1)?;
            let [u, v] = directions(&objective, &at)?;
            for threads in [2, 3, 5, 1] {
                let elsewhere =
                    Point { theta: at.theta.iter().map(|x| 2.0 * x).collect(), ..at.clone() };
                let few = Loss::of(&BATCH[..3]);
                objective.directional(&elsewhere, few, &[&v], Precision::F32)?;
                assert_eq!(on(threads)?, one, "{threads} threads");
            }
            for (direction, together) in [u, v].iter().zip(one) {
                let alone = objective.directional(&at, of, &[direction], Precision::F32)?;
                assert_eq!(alone, [together]);
            }
        }
    }
    Ok(())
}

/// Without kinks, which differences would step over.
#[test]
fn curvature_is_the_second_difference_of_losses() -> TestResult {
    let model = "model.arch = 'layers'\nmodel.layers = [\
        { kind = 'convolution', name = 'a', outputs = 16, bias = true }, \
        { kind = 'batch-norm', name = 'n' }, \
        { kind = 'residual', main = [{ kind = 'convolution', name = 'b', outputs = 16 }, \
        { kind = 'batch-norm', name = 'm' }] }, { kind = 'global-average-pool' }, \
        { kind = 'linear', name = 'c', outputs = 3 }]";
    for policy in ["batch", "recomputed", "running"] {
        let (objective, at) = objective(model, 8, policy)?;
        let [u, _] = directions(&objective, &at)?;
        let theta = at.theta.iter().zip(&u).map(|(theta, u)| theta + u).collect();
        let end = Point { theta, buffers: at.buffers.iter().map(|x| 1.2 * x).collect() };
        let line = Line { from: &at, to: &end, number: 0 };
        let h = 1e-4;
        let losses = objective.losses(line, &[-h, 0.0, h], Precision::F64)?;
        let [before, here, after] = losses[..] else { return Err("three losses".into()) };
        let expected = (before - 2.0 * here + after) / (h * h);
        let found = objective.second_order(line, Precision::F32)?;
        let error = (found.curvature - expected).abs();
        assert!(error < 1e-4 * expected.abs(), "{found:?} for {expected}, {policy}");
        let slope = (after - before) / (2.0 * h);
        assert!((found.slope - slope).abs() < 1e-4 * slope.abs(), "{found:?} for {slope}");
    }
    Ok(())
}

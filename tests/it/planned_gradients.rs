//! Gradients by fast kernels against reverse mode through series, over random lists of layers, and
//! against finite differences of losses.

use losswalk::linalg::Numbers;
use losswalk::linalg::{dot, norm};
use losswalk::objective::{Classification, Gradient, Loss, Objective, Point};
use losswalk::precision::Precision;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::curvature::{direction, objective};
use crate::networks::TestResult;
use crate::planned::{FLAT, flat_model, smooth_model};

const BATCH: [u32; 7] = [3, 0, 11, 5, 5, 8, 2];

/// ‖a - b‖ / ‖b‖.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    let difference: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    norm(&difference) / norm(b)
}

/// Errors of the loss's gradient, of the loss and of the running statistics.
fn errors(found: &Gradient, exact: &Gradient) -> [f64; 3] {
    let buffers = match exact.buffers.len() {
        0 => 0.0,
        _ => distance(&found.buffers, &exact.buffers),
    };
    let loss = (found.loss - exact.loss).abs() / exact.loss;
    [distance(&found.gradient, &exact.gradient), loss, buffers]
}

/// Errors in 32 bits by kernels and by series, against 64 bits.
fn compare(model: &str, size: usize, policy: &str, of: Loss) -> TestResult<[[f64; 3]; 2]> {
    let (fast, at) = objective(model, size, policy)?;
    let exact = fast.gradient(&at, of, Precision::F64)?;
    let single = fast.gradient(&at, of, Precision::F32)?;
    let has_kernels = fast.kernels().is_some();
    let series = fast.by_series().gradient(&at, of, Precision::F32)?;
    assert!(single != series || !model.contains("kernel_size = 3"), "kernels did not run\n{model}");
    let is_single = matches!(single.gradient.numbers(), Numbers::Single(_));
    let is_of_batch = matches!(of, Loss::Batch { .. });
    assert_eq!(is_single, is_of_batch && has_kernels, "{model}");
    Ok([errors(&single, &exact), errors(&series, &exact)])
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48, rng_seed: RngSeed::Fixed(11), ..ProptestConfig::default()
    })]
    #[test]
    fn kernels_and_series_agree_on_gradients_of_random_networks(
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

#[test]
fn kernels_and_series_agree_on_gradients_of_fully_connected_networks() -> TestResult {
    for choices in FLAT {
        for policy in ["batch", "recomputed", "running"] {
            for of in [Loss::of(&BATCH), Loss::Measured] {
                let model = flat_model(choices);
                let [fast, slow] = compare(&model, 8, policy, of)?;
                for (fast, slow) in fast.into_iter().zip(slow) {
                    assert!(fast < 8.0 * slow + 1e-6, "{fast:e} for {slow:e}, {policy}\n{model}");
                }
            }
        }
    }
    Ok(())
}

/// Residual and strided layers, Winograd at 8x8 with 16 channels, norms, pools and activations of every kind.
const NETWORKS: [&[usize]; 3] =
    [&[0, 3, 16, 16, 3, 7, 6, 5, 4, 0], &[3, 16, 16, 6], &[20, 16, 19, 22, 36, 39, 52, 16]];

fn on(threads: usize, objective: &Classification, at: &Point, of: Loss) -> TestResult<Gradient> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let gradient = || objective.gradient(at, of, Precision::F32).map_err(|e| e.to_string());
    Ok(pool.install(gradient)?)
}

#[test]
fn gradients_have_the_same_bits_on_any_number_of_threads_and_in_used_memory() -> TestResult {
    let networks = NETWORKS.iter().map(|choices| smooth_model(choices, 8));
    for model in networks.chain(FLAT.map(flat_model)) {
        for (policy, of) in
            [("batch", Loss::of(&BATCH)), ("batch", Loss::Measured), ("recomputed", Loss::Measured)]
        {
            let (objective, at) = objective(&model, 8, policy)?;
            let one = on(1, &objective, &at, of)?;
            let elsewhere =
                Point { theta: at.theta.iter().map(|x| 2.0 * x).collect(), ..at.clone() };
            for threads in [2, 3, 5, 1] {
                objective.gradient(&elsewhere, Loss::of(&BATCH[..3]), Precision::F32)?;
                assert_eq!(on(threads, &objective, &at, of)?, one, "{threads} threads");
            }
        }
    }
    Ok(())
}

/// Theta in 32 bits has weights stand where they are, from the second time on.
#[test]
fn weights_that_stand_in_theta_leave_the_bits_of_packed_ones() -> TestResult {
    for of in [Loss::of(&BATCH), Loss::Measured] {
        let (objective, at) = objective("model.arch = 'mlp'\nmodel.hidden = [50, 35]", 8, "batch")?;
        let single = at.theta.clone().rounded(Precision::F32);
        let double = Point { theta: single.to_f64().into(), ..at.clone() };
        let single = Point { theta: single, ..at };
        let packed = objective.gradient(&double, of, Precision::F32)?;
        for at in [&double, &single, &single, &double, &single] {
            assert_eq!(objective.gradient(at, of, Precision::F32)?, packed);
        }
    }
    Ok(())
}

#[test]
fn slopes_of_losses_are_gradients() -> TestResult {
    for choices in NETWORKS {
        for policy in ["batch", "recomputed"] {
            let (objective, at) = objective(&smooth_model(choices, 8), 8, policy)?;
            let u = direction(&objective)?;
            let step = 1e-6 * norm(&at.theta) / norm(&u);
            let loss = |step: f64| {
                let theta = at.theta.iter().zip(&u).map(|(theta, u)| theta + step * u).collect();
                let at = Point { theta, ..at.clone() };
                objective.gradient(&at, Loss::Measured, Precision::F64).map(|found| found.loss)
            };
            let slope = (loss(step)? - loss(-step)?) / (2.0 * step);
            let found = objective.gradient(&at, Loss::Measured, Precision::F32)?.gradient;
            let found = dot(&found, &u);
            assert!((found - slope).abs() < 1e-3 * slope.abs(), "{found} for {slope}, {policy}");
        }
    }
    Ok(())
}

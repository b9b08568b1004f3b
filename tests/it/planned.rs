//! Fast kernels against series: two implementations of one network, over random lists of layers.

use std::fmt::Write;

use losswalk::linalg::norm;
use losswalk::objective::{Classification, Line, Objective, Point};
use losswalk::precision::Precision;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::curvature::{direction, objective};
use crate::networks::TestResult;

const ALPHAS: [f64; 3] = [0.0, 0.3, 1.0];

/// A network that draws its layers from `choices`, as `model.layers`. It keeps a size that halves.
pub fn model(choices: &[usize], mut size: usize) -> String {
    let mut layers = String::new();
    let mut channels = 1;
    for (index, &choice) in choices.iter().enumerate() {
        let outputs = [3, 16, 17, 40][choice / 16 % 4];
        let kernel = [1, 3, 3, 5][choice / 4 % 4];
        let halves = size.is_multiple_of(2) && size > 2;
        let convolution = |name: &str, outputs: usize, kernel: usize, stride: usize| {
            let bias = choice % 3 == 0;
            format!(
                "{{ kind = 'convolution', name = '{name}{index}', outputs = {outputs}, \
                 kernel_size = {kernel}, stride = {stride}, bias = {bias} }},"
            )
        };
        let normed = format!("{{ kind = 'batch-norm', name = 'n{index}' }}, {{ kind = 'relu' }},");
        let layer = match choice % 8 {
            0 | 1 => convolution("c", outputs, kernel, 1),
            2 if halves => convolution("c", outputs, kernel, 2),
            3 => normed,
            4 => "{ kind = 'relu' },".to_owned(),
            5 if halves => "{ kind = 'max-pool', size = 2 },".to_owned(),
            6 => format!(
                "{{ kind = 'residual', main = [{normed} {}] }},",
                convolution("r", channels, 3, 1)
            ),
            7 if halves => format!(
                "{{ kind = 'residual', stem = [{normed}], main = [{}], shortcut = [{}] }},",
                convolution("m", outputs, 3, 2),
                convolution("s", outputs, 1, 2)
            ),
            _ => continue,
        };
        if matches!(choice % 8, 0 | 1 | 2 | 7) {
            channels = outputs;
        }
        if matches!(choice % 8, 2 | 5 | 7) {
            size /= 2;
        }
        let _ = writeln!(layers, "{layer}");
    }
    if choices.len().is_multiple_of(2) {
        layers.push_str("{ kind = 'global-average-pool' },");
    }
    format!(
        "model.arch = 'layers'\nmodel.layers = [\n{layers}\n\
         {{ kind = 'linear', name = 'last', outputs = 3 }}]"
    )
}

/// Fully connected layers alone, of one width: the first one's output may be read once, past a norm, or again.
fn flat_model(choices: &[usize]) -> String {
    let mut layers = String::from("{ kind = 'linear', name = 'first', outputs = 17 },");
    for (index, &choice) in choices.iter().enumerate() {
        let normed = format!("{{ kind = 'batch-norm', name = 'n{index}' }}");
        let relu = "{ kind = 'relu' }";
        let linear = format!("{{ kind = 'linear', name = 'l{index}', outputs = 17 }}");
        let layer = match choice {
            0 => format!("{normed}, {relu}, {linear},"),
            1 => format!("{normed}, {linear},"),
            2 => format!("{{ kind = 'residual', main = [{normed}, {relu}, {linear}] }},"),
            // What the shortcut reads is read once before.
            5 => format!(
                "{{ kind = 'residual', main = [{normed}, {relu}, {linear}, {{ kind = 'linear', \
                 name = 'm{index}', outputs = 17 }}] }},"
            ),
            3 => format!("{{ kind = 'residual', stem = [{normed}, {relu}], main = [{linear}] }},"),
            4 => format!("{normed}, {{ kind = 'residual', main = [{relu}, {linear}] }},"),
            _ => format!("{relu},"),
        };
        let _ = writeln!(layers, "{layer}");
    }
    let last = "{ kind = 'linear', name = 'last', outputs = 3 }";
    format!("model.arch = 'layers'\nmodel.layers = [\n{layers}\n{last}]")
}

/// Losses at three points of a line, in 32 bits (by kernels) or 64 (by series).
fn losses(objective: &Classification, at: &Point, precision: Precision) -> TestResult<Vec<f64>> {
    let u = direction(objective)?;
    let scale = 0.3 * norm(&at.theta) / norm(&u);
    let theta = at.theta.iter().zip(&u).map(|(theta, u)| theta + scale * u).collect();
    let buffers = at.buffers.iter().map(|buffer| 1.1 * buffer).collect();
    let line = Line { from: at, to: &Point { theta, buffers }, number: 0 };
    Ok(objective.losses(line, &ALPHAS, precision)?)
}

fn compare(model: &str, size: usize, policy: &str) -> TestResult<f64> {
    let (objective, at) = objective(model, size, policy)?;
    assert!(objective.kernels().is_some(), "{model}");
    let fast = losses(&objective, &at, Precision::F32)?;
    let exact = losses(&objective, &at, Precision::F64)?;
    let errors = fast.iter().zip(&exact).map(|(fast, exact)| (fast - exact).abs() / exact);
    Ok(errors.fold(0.0, f64::max))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default()
    })]
    #[test]
    fn kernels_and_series_agree_on_random_networks(
        choices in prop::collection::vec(0usize..256, 0..9),
        size in prop::sample::select(vec![4usize, 7, 8]),
        policy in prop::sample::select(vec!["batch", "recomputed", "running"]),
    ) {
        let model = model(&choices, size);
        let error = compare(&model, size, policy).map_err(|e| TestCaseError::fail(e.to_string()))?;
        // A norm of four values amplifies the rounding of 32 bits; a layer left out changes percents.
        prop_assert!(error < 1e-4, "{error:e} under {policy}\n{model}");
    }
}

#[test]
fn kernels_and_series_agree_whoever_reads_a_first_output_that_is_linear() -> TestResult {
    let pairs = (0..7).flat_map(|first| (0..7).map(move |second| [first, second]));
    for choices in pairs {
        let model = flat_model(&choices);
        for policy in ["batch", "recomputed", "running"] {
            let error = compare(&model, 4, policy)?;
            assert!(error < 1e-5, "{error:e} under {policy}\n{model}");
        }
    }
    Ok(())
}

/// The images are read again after the first convolution, which must not be taken for linear alone.
#[test]
fn a_shortcut_from_the_images() -> TestResult {
    let convolution =
        |name| format!("{{ kind = 'convolution', name = '{name}', outputs = 1, kernel_size = 3 }}");
    let main = format!("{}, {}", convolution("a"), convolution("b"));
    let model = format!(
        "model.arch = 'layers'\nmodel.layers = [{{ kind = 'residual', main = [{main}] }}, \
         {{ kind = 'linear', name = 'last', outputs = 3 }}]"
    );
    assert!(compare(&model, 4, "batch")? < 1e-5);
    Ok(())
}

/// A block of nothing doubles what the convolution before it wrote, which cannot be read while it is.
#[test]
fn a_residual_block_of_nothing() -> TestResult {
    let model = "model.arch = 'layers'\nmodel.layers = [\
                 { kind = 'convolution', name = 'a', outputs = 3, kernel_size = 3 }, \
                 { kind = 'residual', main = [] }, \
                 { kind = 'linear', name = 'last', outputs = 3 }]";
    assert!(compare(model, 4, "batch")? < 1e-5);
    Ok(())
}

#[test]
fn what_the_plan_does_not_know_goes_through_series() -> TestResult {
    let tanh = "model.arch = 'layers'\nmodel.layers = [{ kind = 'tanh' }, \
                { kind = 'linear', name = 'a', outputs = 3 }]";
    let (objective, at) = objective(tanh, 4, "batch")?;
    assert_eq!(objective.kernels(), None);
    let single = losses(&objective, &at, Precision::F32)?;
    let exact = losses(&objective, &at, Precision::F64)?;
    single.iter().zip(exact).for_each(|(a, b)| assert!((a - b).abs() < 1e-5 * b, "{a} {b}"));
    Ok(())
}

#[test]
fn kernels_give_the_same_bits_on_any_number_of_threads_and_for_any_units() -> TestResult {
    // Residual and strided layers, Winograd at 8x8 with 16 channels, a first layer that is no
    // convolution: points take turns.
    for choices in [&[0, 3, 16, 16, 3, 7, 6][..], &[3, 16, 16, 6]] {
        let (objective, at) = objective(&model(choices, 8), 8, "batch")?;
        let on = |threads: usize| -> TestResult<Vec<f64>> {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
            let found =
                pool.install(|| losses(&objective, &at, Precision::F32).map_err(|e| e.to_string()));
            Ok(found?)
        };
        let one = on(1)?;
        for threads in [2, 3] {
            assert_eq!(on(threads)?, one, "{threads} threads");
        }
        let line = Line { from: &at, to: &at, number: 0 };
        let open = objective.open(line, &[0.0, 1.0], Precision::F32)?;
        let all = open.unit_losses(&[0, 1, 2], &[0, 1])?;
        assert_eq!(open.unit_losses(&[2, 0], &[1])?, [vec![all[2][1]], vec![all[0][1]]]);
    }
    Ok(())
}

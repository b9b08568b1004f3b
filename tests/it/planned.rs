//! Fast kernels against series: two implementations of one network, over random lists of layers.

use std::fmt::Write;

use losswalk::linalg::norm;
use losswalk::network::{Layout, Linear, Network};
use losswalk::objective::{Classification, Line, Objective, Point};
use losswalk::precision::Precision;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::curvature::{direction, objective, objective_by, objective_of};
use crate::networks::TestResult;
use crate::series::Cube;

const ALPHAS: [f64; 3] = [0.0, 0.3, 1.0];

const RELU: &str = "{ kind = 'relu' }";

/// A network that draws its layers from `choices`, as `model.layers`, with rectifiers alone. It keeps a size that halves.
#[cfg(any(feature = "wgpu", feature = "vulkan"))]
pub fn model(choices: &[usize], size: usize) -> String {
    drawn(choices, size, ["relu"; 4])
}

/// The same with activations of every kind, which no device has kernels for.
pub fn smooth_model(choices: &[usize], size: usize) -> String {
    drawn(choices, size, ["relu", "tanh", "gelu", "softplus"])
}

fn drawn(choices: &[usize], mut size: usize, activations: [&str; 4]) -> String {
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
        let activation = activations[choice / 16 % 4];
        let activation = format!("{{ kind = '{activation}' }},");
        let normed = format!("{{ kind = 'batch-norm', name = 'n{index}' }}, {activation}");
        let layer = match choice % 8 {
            0 | 1 => convolution("c", outputs, kernel, 1),
            2 if halves => convolution("c", outputs, kernel, 2),
            3 => normed,
            4 => activation,
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

/// For [`flat_model`]: norms of one pixel a sample, one behind the other, within a shortcut and before one.
pub const FLAT: [&[usize]; 5] = [&[0, 1], &[2, 0], &[3, 4, 0], &[5, 6, 0], &[7, 2, 7]];

/// Fully connected layers alone, of one width: the first one's output may be read once, past a norm, or again.
pub fn flat_model(choices: &[usize]) -> String {
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
            6 => format!("{relu},"),
            _ => "{ kind = 'gelu' },".to_owned(),
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
    error(|precision| losses(&objective, &at, precision))
}

/// The point with a parameter's numbers changed, if there is one of this name.
fn changed(
    objective: &Classification,
    at: &Point,
    name: &str,
    change: impl Fn(usize, f64) -> f64,
) -> Point {
    let mut theta = at.theta.to_f64();
    for entry in objective.layout().parameters.iter().filter(|entry| entry.name == name) {
        let numbers = theta[entry.range()].iter_mut().enumerate();
        numbers.for_each(|(i, x)| *x = change(i, *x));
    }
    Point { theta: theta.into_iter().collect(), buffers: at.buffers.clone() }
}

/// The largest relative error of losses in 32 bits.
fn error(losses: impl Fn(Precision) -> TestResult<Vec<f64>>) -> TestResult<f64> {
    let (fast, exact) = (losses(Precision::F32)?, losses(Precision::F64)?);
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
        let model = smooth_model(&choices, size);
        let error = compare(&model, size, policy).map_err(|e| TestCaseError::fail(e.to_string()))?;
        // A norm of four values amplifies the rounding of 32 bits; a layer left out changes percents.
        prop_assert!(error < 1e-4, "{error:e} under {policy}\n{model}");
    }
}

#[test]
fn kernels_and_series_agree_whoever_reads_a_first_output_that_is_linear() -> TestResult {
    let pairs = (0..8).flat_map(|first| (0..8).map(move |second| [first, second]));
    for choices in pairs {
        let model = flat_model(&choices);
        for policy in ["batch", "recomputed", "running"] {
            let error = compare(&model, 4, policy)?;
            assert!(error < 1e-5, "{error:e} under {policy}\n{model}");
        }
    }
    Ok(())
}

/// As a first step or a later one, with whatever is pending between it and the pool, and read by whatever comes behind;
/// norms have factors of either sign.
#[test]
fn convolutions_that_pool_what_they_write() -> TestResult {
    let convolution = |name: &str| {
        format!("{{ kind = 'convolution', name = '{name}', outputs = 17, kernel_size = 3 }}")
    };
    let norm = |name: &str| format!("{{ kind = 'batch-norm', name = '{name}' }}");
    let (relu, pool) = ("{ kind = 'relu' }", "{ kind = 'max-pool', size = 2 }");
    let [first, second] = ["a", "b"].map(convolution);
    let befores = [first.clone(), format!("{relu}, {first}"), format!("{first}, {second}")];
    let betweens = [
        String::new(),
        format!("{relu},"),
        format!("{},", norm("n")),
        format!("{}, {relu},", norm("n")),
    ];
    let last = convolution("c");
    let behinds = [
        String::new(),
        format!("{relu}, {last}, {}, {relu}, {pool},", norm("m")),
        format!("{}, {last},", norm("m")),
        format!("{{ kind = 'residual', main = [{}, {last}] }},", norm("m")),
        format!("{{ kind = 'residual', main = [{last}, {pool}], shortcut = [{pool}] }},"),
    ];
    for (before, (between, behind)) in befores.iter().flat_map(|before| {
        let all = betweens.iter().flat_map(|between| behinds.iter().map(move |x| (between, x)));
        all.map(move |rest| (before, rest))
    }) {
        // Tiles of 2 and of 4, and images that are not of whole tiles.
        let (size, behind) = match behind.matches("pool").count() {
            0 => ([2, 4, 6][(before.len() + between.len()) % 3], behind),
            _ => (8, behind),
        };
        let model = format!(
            "model.arch = 'layers'\nmodel.layers = [{before}, {between} {pool}, {behind}\
             {{ kind = 'linear', name = 'last', outputs = 3 }}]"
        );
        for (policy, winograd) in
            [("batch", true), ("batch", false), ("recomputed", true), ("running", true)]
        {
            let (objective, at) = objective_by(&model, size, policy, winograd)?;
            let at = changed(&objective, &at, "n.weight", |i, x| if i % 2 == 0 { -x } else { x });
            let error = error(|precision| losses(&objective, &at, precision))?;
            assert!(error < 1e-5, "{error:e} under {policy}, {winograd}, {size}\n{model}");
        }
    }
    Ok(())
}

/// A mean that moves by many standard deviations along the line has its statistics taken again, from all outputs.
#[test]
fn outputs_that_are_pooled_far_from_where_the_line_began() -> TestResult {
    let model = "model.arch = 'layers'\nmodel.layers = [{ kind = 'relu' }, \
                 { kind = 'convolution', name = 'a', outputs = 17, kernel_size = 3, bias = true }, \
                 { kind = 'batch-norm', name = 'n' }, { kind = 'relu' }, \
                 { kind = 'max-pool', size = 2 }, { kind = 'linear', name = 'last', outputs = 3 }]";
    let (objective, at) = objective(model, 4, "batch")?;
    let to = changed(&objective, &at, "a.bias", |_, x| x + 1000.0);
    let line = Line { from: &at, to: &to, number: 0 };
    let error = error(|precision| Ok(objective.losses(line, &ALPHAS, precision)?))?;
    assert!(error < 1e-4, "{error:e}");
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

/// The sum stands where the shortcut stood, unless that is read again; the first norm's statistics may be asked for with
/// other steps in between.
#[test]
fn residual_blocks_behind_a_first_convolution() -> TestResult {
    let convolution = |name: &str, kernel: usize| {
        format!("{{ kind = 'convolution', name = '{name}', outputs = 16, kernel_size = {kernel} }}")
    };
    let block = |main: &str, shortcut: &str| {
        format!("{{ kind = 'residual', main = [{main}], shortcut = [{shortcut}] }}")
    };
    let path = |index: usize| {
        let normed = |name| format!("{{ kind = 'batch-norm', name = '{name}{index}' }}, {RELU}");
        let [b, c] = ["b", "c"].map(|name| convolution(&format!("{name}{index}"), 3));
        format!("{}, {b}, {}, {c}", normed("n"), normed("m"))
    };
    let plain = block(&path(0), "");
    let networks = [
        format!("{plain}, {}", block(&path(1), "")),
        block(&path(0), &convolution("s", 1)),
        block(&path(0), RELU),
        block(&format!("{plain}, {}", convolution("d", 3)), ""),
    ];
    for layers in networks {
        let first = convolution("a", 3);
        let last = "{ kind = 'linear', name = 'last', outputs = 3 }";
        let model = format!("model.arch = 'layers'\nmodel.layers = [{first}, {layers}, {last}]");
        for policy in ["batch", "recomputed", "running"] {
            let error = compare(&model, 4, policy)?;
            assert!(error < 1e-5, "{error:e} under {policy}\n{model}");
        }
    }
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
    let linear = "model.arch = 'layers'\nmodel.layers = [\
                  { kind = 'linear', name = 'a', outputs = 3 }]";
    let (objective, at) = objective_of(linear, 4, "batch", true, |Network { input, .. }| {
        let mut layout = Layout::default();
        let last = Linear::new(&mut layout, "a", input, 3);
        Network::new(layout, input, 3, vec![Box::new(Cube), Box::new(last)])
    })?;
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
        let (objective, at) = objective(&smooth_model(choices, 8), 8, "batch")?;
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

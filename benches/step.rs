//! What a step of SGD costs, by kernels and by series: `cargo bench --bench step [-- mlp vgg11 resnet56]`.
//!
//! Batches of 100 images of a formula: the gradient, and what a walk does with it to move theta. Wall
//! clock on all threads (RAYON_NUM_THREADS), medians over rounds that take turns.

use std::time::Instant;

use losswalk::bench::BenchNetwork;
use losswalk::experiment::Train;
use losswalk::objective::{Classification, Gradient, Loss, Objective, Point};
use losswalk::precision::Precision;
use losswalk::walk::State;

type BenchResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Name, network, rounds, steps a round.
type Network = (&'static str, BenchNetwork, usize, usize);

const NETWORKS: [Network; 3] = [
    ("mlp", BenchNetwork::Mlp, 9, 40),
    ("vgg11", BenchNetwork::Vgg11, 5, 3),
    ("resnet56", BenchNetwork::Resnet56, 5, 3),
];

/// Milliseconds of a gradient and of a whole step, means over some steps.
fn steps(
    objective: &Classification,
    start: &Point,
    train: &Train,
    count: usize,
) -> BenchResult<[f64; 2]> {
    let samples: Vec<u32> = (0..100).collect();
    let mut state = State::start(start.clone(), Precision::F32);
    let (begin, mut of_gradients) = (Instant::now(), 0.0);
    for _ in 0..count {
        let before = begin.elapsed().as_secs_f64();
        let batch = Loss::in_epoch(&samples, 1);
        let found = objective.gradient(&state.point, batch, Precision::F32)?;
        of_gradients += begin.elapsed().as_secs_f64() - before;
        let Gradient { gradient, buffers, .. } = found;
        objective.reuse(state.advance(gradient, buffers, train, 1e-3));
    }
    let milliseconds = |seconds: f64| 1e3 * seconds / count as f64;
    Ok([milliseconds(of_gradients), milliseconds(begin.elapsed().as_secs_f64())])
}

fn main() -> BenchResult {
    let named: Vec<String> =
        std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    for (name, network, rounds, count) in NETWORKS {
        if !named.is_empty() && !named.iter().any(|wanted| wanted == name) {
            continue;
        }
        let train = network.experiment()?.train;
        let (fast, at) = network.objective(100)?;
        let slow = network.objective(100)?.0.by_series();
        let mut times = [(); 4].map(|()| Vec::new());
        for objective in [&fast, &slow] {
            steps(objective, &at, &train, 1)?;
        }
        for _ in 0..rounds {
            let kernels = steps(&fast, &at, &train, count)?;
            let series = steps(&slow, &at, &train, count.div_ceil(3))?;
            let round = kernels.into_iter().chain(series);
            times.iter_mut().zip(round).for_each(|(times, time)| times.push(time));
        }
        times.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
        let [kernels, step, series, series_step] = times.map(|times| times[times.len() / 2]);
        println!(
            "{name}: gradient {kernels:.2} ms, step {step:.2} ms; by series {series:.2} ms, \
             {series_step:.2} ms"
        );
    }
    Ok(())
}

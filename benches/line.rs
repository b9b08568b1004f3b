//! What losses along a line cost, by kernels and by series: `cargo bench --bench line [-- mlp vgg11 resnet56]`.
//!
//! Samples x points for each second of the CPU (that other programs use or not), K = 10, batches of 100
//! images of a formula; medians over repetitions that take turns.

use std::hint::black_box;

use cpu_time::ProcessTime;
use losswalk::bench::BenchNetwork;
use losswalk::objective::{Classification, Line, Objective, Point};
use losswalk::precision::Precision;

type BenchResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Name, network, samples, repetitions.
type Network = (&'static str, BenchNetwork, usize, usize);

const NETWORKS: [Network; 3] = [
    ("mlp", BenchNetwork::Mlp, 20_000, 5),
    ("vgg11", BenchNetwork::Vgg11, 200, 3),
    ("resnet56", BenchNetwork::Resnet56, 200, 3),
];

fn rate(objective: &Classification, line: Line, samples: usize) -> BenchResult<f64> {
    let alphas: Vec<f64> = (1..=10).map(|k| f64::from(k) / 10.0).collect();
    let start = ProcessTime::now();
    black_box(objective.losses(line, &alphas, Precision::F32)?);
    Ok((samples * alphas.len()) as f64 / start.elapsed().as_secs_f64())
}

fn main() -> BenchResult {
    let named: Vec<String> =
        std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    for (name, network, samples, repetitions) in NETWORKS {
        if !named.is_empty() && !named.iter().any(|wanted| wanted == name) {
            continue;
        }
        let [(fast, at), (slow, _)] = [network.objective(samples)?, network.objective(samples)?];
        let slow = slow.by_series();
        let theta = at.theta.iter().map(|x| 1.01 * x).collect();
        let line = Line { from: &at, to: &Point { theta, buffers: at.buffers.clone() }, number: 0 };
        let mut rates = [Vec::new(), Vec::new()];
        for _ in 0..repetitions {
            rates[0].push(rate(&fast, line, samples)?);
            rates[1].push(rate(&slow, line, samples)?);
        }
        rates.iter_mut().for_each(|rates| rates.sort_by(f64::total_cmp));
        let [kernels, series] = rates.map(|rates| rates[rates.len() / 2]);
        let (ratio, set) = (kernels / series, fast.kernels().unwrap_or("none"));
        println!("{name}: kernels ({set}) {kernels:.0}, series {series:.0}, ratio {ratio:.2}");
    }
    Ok(())
}

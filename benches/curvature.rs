//! What derivatives cost: `cargo bench --bench curvature [-- mlp vgg11 resnet56]`.
//!
//! Medians over repetitions that take turns, on images of a formula. The gradient and g'Hg are of one
//! batch of 100; u'Hu of many directions at once and H v are over 1,000 samples (200 for convolutional
//! networks), beside one direction and the gradient of the same. `bench-runs/compare.py`
//! measures PyTorch's double backward.

use std::hint::black_box;
use std::time::Instant;

use losswalk::bench::BenchNetwork;
use losswalk::linalg::Vector;
use losswalk::objective::{Loss, Objective};
use losswalk::precision::Precision;

type BenchResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Name, network, samples, directions, repetitions.
type Network = (&'static str, BenchNetwork, usize, usize, usize);

const NETWORKS: [Network; 3] = [
    ("mlp", BenchNetwork::Mlp, 1000, 50, 15),
    ("vgg11", BenchNetwork::Vgg11, 200, 4, 1),
    ("resnet56", BenchNetwork::Resnet56, 200, 4, 1),
];

/// Median milliseconds of every part; the parts take turns.
fn medians(repetitions: usize, parts: &[&dyn Fn() -> BenchResult]) -> BenchResult<Vec<f64>> {
    let mut times = vec![Vec::new(); parts.len()];
    // The first round warms up.
    for round in 0..=repetitions {
        for (part, times) in parts.iter().zip(&mut times) {
            let start = Instant::now();
            part()?;
            if round > 0 {
                times.push(1e3 * start.elapsed().as_secs_f64());
            }
        }
    }
    times.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
    Ok(times.iter().map(|times| times[times.len() / 2]).collect())
}

fn measure(network: &Network) -> BenchResult {
    let (name, network, samples, count, repetitions) = *network;
    let (objective, at) = network.objective(samples)?;
    let indices: Vec<u32> = (0..100).collect();
    let batch = Loss::of(&indices);
    let gradient =
        || -> BenchResult<_> { Ok(objective.gradient(&at, batch, Precision::F32)?.gradient) };
    let g = gradient()?;
    let directions = vec![&g[..]; count];
    let along = |batch, directions: &[&[f64]]| -> BenchResult {
        black_box(objective.directional(&at, batch, directions, Precision::F32)?);
        Ok(())
    };
    let discard = |gradient: BenchResult<Vector>| gradient.map(|g| drop(black_box(g)));
    let one_batch = medians(
        10 * repetitions,
        &[&|| discard(gradient()), &|| {
            black_box(objective.along_gradient(&at, batch, Precision::F32)?);
            Ok(())
        }],
    )?;
    let many = medians(
        repetitions,
        &[
            &|| discard(Ok(objective.gradient(&at, Loss::Measured, Precision::F32)?.gradient)),
            &|| discard(Ok(objective.hessian_product(&at, &g, Precision::F32)?.into())),
            &|| along(Loss::Measured, &directions[..1]),
            &|| along(Loss::Measured, &directions),
        ],
    )?;
    let (&[gradient, ghg], &[full, product, single, together]) = (&one_batch[..], &many[..]) else {
        return Ok(());
    };
    let share = 100.0 * together / (count as f64 * single);
    println!("{name}, batch of 100:");
    println!("  gradient              {gradient:10.2} ms");
    println!("  gradient and g'Hg     {ghg:10.2} ms");
    println!("{name}, {samples} samples:");
    println!("  gradient              {full:10.2} ms");
    println!("  H v                   {product:10.2} ms, {:.2} gradients", product / full);
    println!("  u'Hu, one direction   {single:10.2} ms");
    println!("  u'Hu, {count:2} directions   {together:10.2} ms, {share:.0} % of one by one");
    Ok(())
}

fn main() -> BenchResult {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    for network in &NETWORKS {
        if wanted.is_empty() || wanted.iter().any(|name| name == network.0) {
            measure(network)?;
        }
    }
    Ok(())
}

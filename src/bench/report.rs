//! Rounds, medians, and what is reported of them.

use burn::tensor::Device;
use serde::Serialize;

use super::pass::{POINTS, Subject};
use super::work::Multiplications;
use super::{BenchError, BenchNetwork, Machine, Pass, machine, resident};
use crate::objective::device_by_name;

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct BenchReport {
    /// Where.
    pub machine: Machine,
    /// The peak of fused multiplications and additions of all threads, 10⁹ operations a second; the
    /// median of one measurement before every network and round. None where a GPU computes.
    pub peak_gflops: Option<f64>,
    /// Network by network, pass by pass.
    pub results: Vec<PassResult>,
}

/// Medians over rounds.
#[derive(Debug, Clone, Serialize)]
pub struct PassResult {
    /// Which network.
    pub network: BenchNetwork,
    /// Which pass.
    pub pass: Pass,
    /// Samples of the pass.
    pub samples: usize,
    /// Samples a second; for `line`, samples times points.
    pub samples_per_second: f64,
    /// Milliseconds of the pass.
    pub milliseconds: f64,
    /// 10⁹ operations a second, two for each multiplication that the pass needs.
    pub gflops: f64,
    /// The same with products of padding counted, as other programs are usually quoted.
    pub nominal_gflops: f64,
    /// `gflops` over the peak; above 1 where Winograd's convolutions leave multiplications out, as
    /// fully connected layers do for `ghg`.
    pub share_of_peak: Option<f64>,
    /// Peak resident memory in the first round, of the whole process; none where the system does not
    /// tell.
    pub peak_memory_bytes: Option<u64>,
}

/// Measures passes over networks on a device, by its [name](device_by_name), and the threads of the
/// current pool; `each` is told of every result.
///
/// # Errors
/// [`BenchError`].
pub fn bench(
    networks: &[BenchNetwork],
    passes: &[Pass],
    rounds: usize,
    device: &str,
    mut each: impl FnMut(&PassResult),
) -> Result<BenchReport, BenchError> {
    let (mut peaks, mut results) = (Vec::new(), Vec::new());
    let on = device_by_name(device, None)?;
    for &network in networks {
        let found = measure(network, passes, rounds, &on, &mut peaks)?;
        found.iter().for_each(&mut each);
        results.extend(found);
    }
    let peak_gflops = gflops_at_peak(&peaks);
    for result in &mut results {
        result.share_of_peak = peak_gflops.map(|peak| result.gflops / peak);
    }
    Ok(BenchReport { machine: Machine::here(device), peak_gflops, results })
}

fn gflops_at_peak(peaks: &[f64]) -> Option<f64> {
    (!peaks.is_empty()).then(|| median(peaks.to_vec()) / 1e9)
}

fn measure(
    network: BenchNetwork,
    passes: &[Pass],
    rounds: usize,
    device: &Device,
    peaks: &mut Vec<f64>,
) -> Result<Vec<PassResult>, BenchError> {
    let mut subjects = Vec::new();
    for &pass in passes {
        resident::reset();
        let mut subject = Subject::new(network, pass, device)?;
        // The first time is warm-up.
        subject.once()?;
        subjects.push((subject, resident::peak(), Vec::new()));
    }
    for _ in 0..rounds {
        if *device == Device::flex() {
            peaks.push(machine::peak());
        }
        for (subject, _, seconds) in &mut subjects {
            seconds.push(subject.seconds()?);
        }
    }
    let peak = gflops_at_peak(peaks);
    let result = |(subject, memory, seconds): (Subject, Option<u64>, Vec<f64>)| {
        let (pass, seconds) = (subject.pass, median(seconds));
        let Multiplications { needed, nominal } = Multiplications::of(network, pass)?;
        let counted = if pass == Pass::Line { POINTS } else { 1 } * subject.samples;
        let gflops = |multiplications: f64| 2e-9 * multiplications * counted as f64 / seconds;
        Ok(PassResult {
            network,
            pass,
            samples: subject.samples,
            samples_per_second: counted as f64 / seconds,
            milliseconds: 1e3 * seconds,
            gflops: gflops(needed),
            nominal_gflops: gflops(nominal),
            share_of_peak: peak.map(|peak| gflops(needed) / peak),
            peak_memory_bytes: memory,
        })
    };
    subjects.into_iter().map(result).collect()
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

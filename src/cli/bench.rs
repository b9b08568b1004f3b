//! `losswalk bench`.

use super::Exit;
use super::arguments::BenchArgs;
use super::device::start_threads;
use super::output::show;
use crate::bench::{BenchNetwork, BenchReport, PassResult, bench};
use crate::choice::Choice;
use crate::ranks::Survey;

pub(super) fn run(arguments: BenchArgs) -> anyhow::Result<Exit> {
    start_threads(arguments.threads.map_or(Survey::alone().threads, usize::from))?;
    let (mut networks, passes) = (or_all(&arguments.networks), or_all(&arguments.passes));
    if arguments.networks.is_empty() {
        networks.retain(|network| *network != BenchNetwork::WideResnet);
    }
    let each = |result: &PassResult| eprintln!("{}", row(result));
    let report = bench(&networks, &passes, arguments.rounds.into(), &arguments.device, each)?;
    show(if arguments.json { serde_json::to_string(&report)? } else { table(&report) })?;
    Ok(Exit::Done)
}

/// Those that are named, or all.
fn or_all<C: Choice>(named: &[C]) -> Vec<C> {
    if named.is_empty() { C::ALL.iter().map(|(_, value)| *value).collect() } else { named.into() }
}

fn table(report: &BenchReport) -> String {
    let machine = &report.machine;
    let cpu = machine.cpu.as_deref().unwrap_or(&machine.platform);
    let peak = match report.peak_gflops {
        Some(peak) => format!("{}: peak {peak:.0} GFLOP/s", machine.instructions),
        None => format!("--device {}", machine.device),
    };
    let mut lines = vec![
        format!("{cpu}, {} of {} cores, {peak}", machine.threads, machine.cores),
        format!(
            "{:<9} {:<9} {:>12} {:>11} {:>9} {:>9} {:>6} {:>8}",
            "network", "pass", "samples/s", "ms", "GFLOP/s", "nominal", "peak", "MiB"
        ),
    ];
    lines.extend(report.results.iter().map(row));
    lines.push(
        "samples/s of a line count every point; peak: GFLOP/s over the machine's peak".into(),
    );
    lines.join("\n")
}

fn row(result: &PassResult) -> String {
    let share = result.share_of_peak.map_or("-".into(), |share| format!("{share:.2}"));
    let memory = result.peak_memory_bytes.map_or("-".into(), |b| (b >> 20).to_string());
    format!(
        "{:<9} {:<9} {:>12.0} {:>11.2} {:>9.1} {:>9.1} {share:>6} {memory:>8}",
        result.network.name(),
        result.pass.name(),
        result.samples_per_second,
        result.milliseconds,
        result.gflops,
        result.nominal_gflops,
    )
}

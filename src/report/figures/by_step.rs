//! Series with a value for every step, and their names.

use crate::report::figure::{Axis, Series, Style};
use crate::report::run_data::RunData;

/// `points` of a run, one a step, which read out the step, the epoch and the iteration.
pub(super) fn by_step(
    run: &RunData,
    name: String,
    (style, color): (Style, usize),
    points: Vec<(f64, f64)>,
) -> Series {
    Series::new(name, style, color, points)
        .detail("step", run.steps.iter().map(|step| step.step as f64))
        .detail("epoch", run.steps.iter().map(|step| step.epoch as f64))
        .detail("iteration", run.steps.iter().map(|step| step.iteration as f64))
}

/// The axis of updates; along a path of saved checkpoints, that of their names.
pub(super) fn updates(runs: &[RunData]) -> Axis {
    let names = runs.first().map(RunData::checkpoints).unwrap_or_default();
    if names.is_empty() || runs.iter().any(|run| run.checkpoints() != names) {
        return Axis::updates();
    }
    Axis { names, whole: true, ..Axis::new("checkpoint", "checkpoint") }
}

/// The run that a series is named after, and what it is.
pub(in crate::report) fn of_run<'a>(runs: &[RunData], name: &'a str) -> Option<(usize, &'a str)> {
    let named = |run: &RunData| match name.strip_prefix(&run.label)? {
        "" => Some(""),
        rest => rest.strip_prefix(": "),
    };
    let found = runs.iter().enumerate().filter_map(|(i, run)| Some((i, named(run)?)));
    found.min_by_key(|(_, what)| what.len())
}

/// The name of a series: what it is, after the run's name where there are several runs.
pub(super) fn named(runs: &[RunData], run: &RunData, what: &str) -> String {
    if runs.len() == 1 { what.to_owned() } else { format!("{}: {what}", run.label) }
}

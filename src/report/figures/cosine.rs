//! Figure 7 of the paper: the cosine of the angle between consecutive mini-batch gradients.

use crate::report::ReportError;
use crate::report::csv::{Csv, cell};
use crate::report::figure::{Axis, Figure, Panel, Series, Style};
use crate::report::run_data::RunData;
use crate::report::statistics;

use super::by_step::{by_step, named};

/// Raw cosines and their running mean.
pub(super) fn figure(runs: &[RunData]) -> Figure {
    let longest = runs.iter().map(|run| run.steps.len()).max().unwrap_or(0);
    let window = statistics::window(longest);
    let raw = runs.iter().enumerate().map(|(i, run)| raw(runs, run, i));
    let smoothed = if window > 1 { runs } else { &[] };
    let means = smoothed.iter().enumerate().map(|(i, run)| smooth(runs, run, i, window));
    let panel = Panel {
        title: String::new(),
        in_image: true,
        x: Axis::updates(),
        y: Axis { zero: true, ..Axis::new("cosine", "cosine of gradients t − 1 and t") },
        series: raw.chain(means).collect(),
    };
    Figure {
        id: "cosine".to_owned(),
        title: "Cosine of consecutive gradients".to_owned(),
        what: "Whether the mini-batch gradient of a step points the same way as that of the step before: \
               1 is the same direction, 0 a right angle, −1 the opposite direction."
            .to_owned(),
        look_for: "Values below zero mean that SGD bounces from one wall of a valley to the other; values \
                   near one mean that it runs along the valley."
            .to_owned(),
        notes: notes(window),
        columns: 1,
        choice: None,
        panels: vec![panel],
    }
    .without_empty("No cosine is recorded: it needs two steps with a gradient that is not zero.")
}

fn notes(window: usize) -> Vec<String> {
    if window == 1 {
        return Vec::new();
    }
    vec![format!(
        "Pale dots are single steps, lines their mean over the {window} steps around each."
    )]
}

/// The cosines as a table.
pub(super) fn csv(runs: &[RunData]) -> Result<Csv, ReportError> {
    let rows = runs.iter().flat_map(|run| {
        run.steps
            .iter()
            .map(|step| (&run.label, step.step, step.epoch, step.iteration, cell(step.cosine)))
    });
    Csv::new("cosine", "run,step,epoch,iteration,cosine", rows)
}

fn raw(runs: &[RunData], run: &RunData, color: usize) -> Series {
    let value = |step: &crate::run::StepRecord| step.cosine.unwrap_or(f64::NAN);
    let points = run.steps.iter().map(|step| (step.step as f64, value(step))).collect();
    by_step(run, named(runs, run, "each step"), (Style::PaleDots, color), points)
}

fn smooth(runs: &[RunData], run: &RunData, color: usize, window: usize) -> Series {
    let values: Vec<f64> = run.steps.iter().map(|step| step.cosine.unwrap_or(f64::NAN)).collect();
    let means = statistics::running_mean(&values, window);
    let points = run.steps.iter().map(|step| step.step as f64).zip(means).collect();
    let name = named(runs, run, &format!("mean of {window} steps"));
    Series::new(name, Style::Line, color, points)
        .detail("step", run.steps.iter().map(|step| step.step as f64))
}

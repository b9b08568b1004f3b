//! Figure 7 of the paper: the cosine of the angle between consecutive mini-batch gradients.

use crate::report::ReportError;
use crate::report::csv::{Csv, cell};
use crate::report::figure::{Axis, Figure, Panel, Series, Style};
use crate::report::repeats::{MEAN, are_repeats, mean_and_margin, mean_name};
use crate::report::run_data::RunData;
use crate::report::statistics;

use super::by_step::{by_step, named, updates};

/// Raw cosines and their running mean; of runs that differ in the seed alone the mean over seeds too.
pub(super) fn figure(runs: &[RunData]) -> Figure {
    let longest = runs.iter().map(|run| run.steps.len()).max().unwrap_or(0);
    let window = statistics::window(longest);
    let are_repeats = are_repeats(runs);
    let panel = Panel {
        title: String::new(),
        in_image: true,
        x: updates(runs),
        y: Axis { zero: true, ..Axis::new("cosine", "cosine of gradients t − 1 and t") },
        series: if are_repeats { of_seeds(runs, window) } else { of_runs(runs, window) },
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
        notes: if are_repeats { notes_on_seeds(window) } else { notes(window) },
        columns: 1,
        choice: None,
        panels: vec![panel],
    }
    .without_empty("No cosine is recorded: it needs two steps with a gradient that is not zero.")
}

/// Single steps, and their running means.
fn of_runs(runs: &[RunData], window: usize) -> Vec<Series> {
    let raw = runs.iter().enumerate().map(|(i, run)| raw(runs, run, i));
    let smoothed = if window > 1 { runs } else { &[] };
    let smooth = |(i, run)| smooth(runs, run, (Style::Line, i), window);
    raw.chain(smoothed.iter().enumerate().map(smooth)).collect()
}

/// Running means of runs that differ in the seed alone, and the mean of those at every step.
fn of_seeds(runs: &[RunData], window: usize) -> Vec<Series> {
    let smooth = |(i, run)| smooth(runs, run, (Style::PaleLine, i), window);
    let mut series: Vec<Series> = runs.iter().enumerate().map(smooth).collect();
    let longest = series.iter().map(|run| run.y.len()).max().unwrap_or(0);
    let at = |step: usize| {
        mean_and_margin(series.iter().map(|run| run.y.get(step).copied().unwrap_or(f64::NAN)))
    };
    let means: Vec<(f64, Option<f64>)> = (0..longest).map(at).collect();
    let bounds = |(step, (mean, margin)): (usize, &(f64, Option<f64>))| {
        let (x, margin) = (step as f64, margin.unwrap_or(f64::NAN));
        [(x, mean - margin), (x, mean + margin)]
    };
    let band = means.iter().enumerate().flat_map(bounds).collect();
    let line = means.iter().enumerate().map(|(step, (mean, _))| (step as f64, *mean)).collect();
    series.push(Series::new(mean_name(runs), Style::Line, MEAN, line));
    series.push(Series::new(mean_name(runs), Style::Band, MEAN, band));
    series
}

fn notes_on_seeds(window: usize) -> Vec<String> {
    vec![format!(
        "Thin lines are single seeds, each value the mean over the {window} steps around it; the thick \
         line is their mean, the band its 95 % interval (Student's t)."
    )]
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

fn smooth(
    runs: &[RunData],
    run: &RunData,
    (style, color): (Style, usize),
    window: usize,
) -> Series {
    let values: Vec<f64> = run.steps.iter().map(|step| step.cosine.unwrap_or(f64::NAN)).collect();
    let means = statistics::running_mean(&values, window);
    let points = run.steps.iter().map(|step| step.step as f64).zip(means).collect();
    let name = named(runs, run, &format!("mean of {window} steps"));
    Series::new(name, style, color, points)
        .detail("step", run.steps.iter().map(|step| step.step as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{Fixture, TestError};

    #[test]
    fn seeds_are_thin_lines_and_their_mean_has_an_interval() -> Result<(), TestError> {
        let figure = figure(&Fixture::three_seeds()?);
        let series = &figure.panels[0].series;
        assert_eq!(series.iter().filter(|series| series.style == Style::PaleLine).count(), 3);
        let [line, band] = series.last_chunk().ok_or("no mean")?;
        assert_eq!((line.style, band.style), (Style::Line, Style::Band));
        // -0.25, -0.15 and 0.05: mean -0.35/3 ± t s / √3 with t = 4.302653 and s² = 0.07/3.
        let (mean, margin) = (-0.35 / 3.0, 4.302_653 * (0.07f64 / 9.0).sqrt());
        assert!(line.y[1..].iter().all(|y| (y - mean).abs() < 1e-12), "{:?}", line.y);
        let bounds = band.points().filter(|(x, y)| *x > 0.0 && y.is_finite()).map(|(_, y)| y);
        assert_eq!(bounds.clone().count(), 2 * (line.y.len() - 1));
        assert!(bounds.clone().all(|y| ((y - mean).abs() - margin).abs() < 1e-5));
        Ok(())
    }
}

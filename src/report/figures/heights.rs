//! How high the barriers are, compared with the loss at the step that crossed them.

use crate::report::ReportError;
use crate::report::csv::{Csv, cell};
use crate::report::figure::{Axis, Figure, Panel, Series, Spacing, Style};
use crate::report::run_data::RunData;
use crate::run::LineRecord;

use super::by_step::named;

/// Both definitions of the height against max(L_0, L_K).
pub(super) fn figure(runs: &[RunData]) -> Figure {
    let above = |(i, run)| heights(runs, run, (Style::Dots, i), "above the higher end", above_end);
    let mean =
        |(i, run)| heights(runs, run, (Style::Rings, i), "above the mean of the ends", above_mean);
    let bounds = |(i, run)| bounds(runs, run, i);
    let series = |run| [bounds(run), above(run), mean(run)];
    let series = runs.iter().enumerate().flat_map(series).collect();
    let log = |name, label| Axis { spacing: Spacing::Log, switch: true, ..Axis::new(name, label) };
    let panel = Panel {
        title: String::new(),
        in_image: true,
        x: log("loss", "full training loss at the step: the higher end of the update"),
        y: log("height", "barrier height"),
        series,
    };
    Figure {
        id: "heights".to_owned(),
        title: "How high the barriers are".to_owned(),
        what: "Each update that crossed a barrier, by the loss there and by how far the barrier rises \
               above the update's higher end (dots) and above the mean of its ends (rings, as in the paper)."
            .to_owned(),
        look_for: "Heights far below the loss mean that the barriers are negligible ripples.".to_owned(),
        notes: notes(runs),
        columns: 1,
        choice: None,
        panels: vec![panel],
    }
    .without_empty(if runs.iter().any(|run| !run.lines.is_empty()) {
        "No measured update crossed a barrier, so there are no heights to draw."
    } else {
        "No loss along updates was measured, so no barrier is known."
    })
}

/// What the bars mean, if there are any.
fn notes(runs: &[RunData]) -> Vec<String> {
    let is_certified = |run| barriers(run).any(|line: &LineRecord| line.certificate.is_some());
    let note = "Heights of certified barriers are estimates; a bar holds the height above the higher end \
                with the probability that the run states (run.toml: error). It begins at the dot where \
                its lower end is not above zero.";
    runs.iter().any(is_certified).then(|| note.to_owned()).into_iter().collect()
}

/// The heights as a table, barriers only.
pub(super) fn csv(runs: &[RunData]) -> Result<Csv, ReportError> {
    let columns = "run,step,epoch,iteration,loss_higher_end,barrier_height,barrier_height_mean";
    let rows = runs.iter().flat_map(|run| {
        barriers(run).map(|line| {
            let verdict = &line.verdict;
            let heights = [higher_end(line), verdict.barrier_height, verdict.barrier_height_mean];
            (&run.label, line.step, line.epoch, line.iteration, heights.map(cell))
        })
    });
    Csv::new("heights", columns, rows)
}

fn barriers(run: &RunData) -> impl Iterator<Item = &LineRecord> + Clone {
    run.lines.iter().filter(|line| line.verdict.barrier == Some(true))
}

/// max(L_0, L_K).
fn higher_end(line: &LineRecord) -> Option<f64> {
    let (first, last) = ((*line.losses.first()?)?, (*line.losses.last()?)?);
    Some(first.max(last))
}

fn above_end(line: &LineRecord) -> Option<f64> {
    line.verdict.barrier_height
}

fn above_mean(line: &LineRecord) -> Option<f64> {
    line.verdict.barrier_height_mean
}

/// Bars from the lower bound of certified heights to the upper one.
fn bounds(runs: &[RunData], run: &RunData, color: usize) -> Series {
    let bar = |line: &LineRecord| {
        let [low, high] = line.certificate.as_ref()?.barrier_height_bounds;
        let (x, height) = (higher_end(line)?, above_end(line)?);
        let low = low.filter(|&low| low > 0.0).unwrap_or(height);
        Some([(x, low), (x, high.unwrap_or(height)), (x, f64::NAN)])
    };
    let points = barriers(run).filter_map(bar).flatten().collect();
    Series::new(named(runs, run, "bounds"), Style::PaleLine, color, points)
}

fn heights(
    runs: &[RunData],
    run: &RunData,
    (style, color): (Style, usize),
    what: &str,
    height: impl Fn(&LineRecord) -> Option<f64>,
) -> Series {
    let value = |value: Option<f64>| value.unwrap_or(f64::NAN);
    let points = barriers(run).map(|line| (value(higher_end(line)), value(height(line)))).collect();
    Series::new(named(runs, run, what), style, color, points)
        .detail("step", barriers(run).map(|line| line.step as f64))
        .detail("epoch", barriers(run).map(|line| line.epoch as f64))
        .detail("iteration", barriers(run).map(|line| line.iteration as f64))
        .detail("loss", barriers(run).map(|line| value(higher_end(line))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{Fixture, TestError};

    #[test]
    fn bars_go_from_the_height_to_its_bound_at_the_higher_end() -> Result<(), TestError> {
        let runs = [Fixture::new("a", 30, 3).certified().load()?];
        let drawn: Vec<_> =
            bounds(&runs, &runs[0], 0).points().filter(|(_, height)| height.is_finite()).collect();
        let [(x, low), (_, high)] = drawn[..] else { return Err("two ends of a bar".into()) };
        assert!((x - 2.0 / 3.0).abs() < 1e-12, "{x}");
        assert!((low - 0.25).abs() < 1e-12 && (high - 0.375).abs() < 1e-12, "{low} {high}");
        Ok(())
    }
}

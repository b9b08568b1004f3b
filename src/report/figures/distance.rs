//! Distance from initialisation, and the test of Hoffer et al. (2017) whether it grows as log t.

use crate::report::ReportError;
use crate::report::csv::{Csv, cell};
use crate::report::figure::{Axis, Figure, Panel, Series, Spacing, Style};
use crate::report::run_data::RunData;
use crate::report::statistics::{Fit, fit_log, fit_power};

use super::by_step::{by_step, named, updates};

/// The fits leave out the first steps, where the distance is that of a few updates.
const FIT_FROM: f64 = 10.0;
/// The colour of the fits, next to runs of any colour.
const FIT: usize = 7;

/// The distance on a linear and on a logarithmic axis of t.
pub(super) fn figure(runs: &[RunData]) -> Figure {
    let distances = runs.iter().enumerate().map(|(i, run)| distance(runs, run, i));
    let fits = runs.iter().filter_map(log_fit);
    let distances: Vec<Series> = distances.collect();
    let linear = panel(runs, "Linear t", Spacing::Linear, distances.clone());
    let log =
        panel(runs, "Logarithmic t", Spacing::Log, distances.into_iter().chain(fits).collect());
    Figure {
        id: "distance".to_owned(),
        title: format!("Distance from {}", runs.first().map_or("initialisation", RunData::start)),
        what: "How far the parameters have moved from where the run began, ‖θₜ − θ₀‖, after t updates."
            .to_owned(),
        look_for:
            "On the logarithmic axis a straight line means that the distance grows as log t, as \
                   Hoffer et al. (2017) report; a curve that bends upwards means faster growth."
                .to_owned(),
        notes: fit_notes(runs),
        columns: 2,
        choice: None,
        panels: vec![linear, log],
    }
    .without_empty("No finite distance is recorded.")
}

/// Distance and path length as a table.
pub(super) fn csv(runs: &[RunData]) -> Result<Csv, ReportError> {
    let columns = "run,step,epoch,iteration,updates,distance,path_length";
    let rows = runs.iter().flat_map(|run| {
        run.steps.iter().map(|step| {
            let lengths = [step.distance, step.path_length].map(cell);
            (&run.label, step.step, step.epoch, step.iteration, step.step + 1, lengths)
        })
    });
    Csv::new("distance", columns, rows)
}

fn panel(runs: &[RunData], title: &str, spacing: Spacing, series: Vec<Series>) -> Panel {
    let axis = updates(runs);
    let axis = if axis.names.is_empty() { Axis::new("updates", "updates t") } else { axis };
    let x = Axis { spacing, whole: true, ..axis };
    let y = Axis { zero: true, ..Axis::new("distance", "distance ‖θₜ − θ₀‖") };
    Panel { title: title.to_owned(), in_image: true, x, y, series }
}

/// (t, distance after t updates).
fn points(run: &RunData) -> Vec<(f64, f64)> {
    let value = |step: &crate::run::StepRecord| step.distance.unwrap_or(f64::NAN);
    run.steps.iter().map(|step| (step.step as f64 + 1.0, value(step))).collect()
}

fn distance(runs: &[RunData], run: &RunData, color: usize) -> Series {
    let paths = run.steps.iter().map(|step| step.path_length.unwrap_or(f64::NAN));
    let name = if runs.len() == 1 { "distance" } else { &run.label };
    by_step(run, name.to_owned(), (Style::Line, color), points(run)).detail("path length", paths)
}

fn fitted_points(run: &RunData) -> Vec<(f64, f64)> {
    points(run).into_iter().filter(|(t, d)| *t >= FIT_FROM && d.is_finite()).collect()
}

fn log_fit(run: &RunData) -> Option<Series> {
    let points = fitted_points(run);
    let fit = fit_log(&points)?;
    let ends = [points.first()?.0, points.last()?.0];
    let line = ends.map(|t| (t, fit.first + fit.second * t.ln())).to_vec();
    Some(Series::new("fit a + b log t", Style::Dashed, FIT, line))
}

fn fit_notes(runs: &[RunData]) -> Vec<String> {
    let mut notes: Vec<String> = runs.iter().filter_map(|run| fit_note(runs, run)).collect();
    if !notes.is_empty() {
        let what = format!(
            "Fits by least squares over t ≥ {FIT_FROM}; R² is the share of the variance that a curve \
             explains."
        );
        notes.insert(0, what);
    }
    notes
}

fn fit_note(runs: &[RunData], run: &RunData) -> Option<String> {
    let points = fitted_points(run);
    let (log, power): (Fit, Fit) = (fit_log(&points)?, fit_power(&points)?);
    let text = format!(
        "{:.4} {} {:.4} ln t (R² = {:.4}); {:.4} · t^{:.3} (R² = {:.4}).",
        log.first,
        if log.second < 0.0 { '−' } else { '+' },
        log.second.abs(),
        log.r_squared,
        power.first,
        power.second,
        power.r_squared
    );
    Some(named(runs, run, &text.replace('-', "−")))
}

//! The ends of the Hessian's spectrum along the walk, and how much happens in its sharpest directions.

use crate::report::ReportError;
use crate::report::csv::{Csv, cell};
use crate::report::figure::{Axis, Figure, Panel, Series, Spacing, Style};
use crate::report::run_data::RunData;
use crate::run::SpectrumRecord;

use super::by_step::named;
use super::error_bars::{Estimate, with_error_bars};
use super::reference::horizontal;
use super::spectrum_notes::notes;

/// What the lines at 1 and 2 enclose.
const BETWEEN: &str = "between these, steps overshoot";

/// One number of a spectrum.
type Value = fn(&SpectrumRecord) -> Option<f64>;

/// Eigenvalues, eta times the largest, shares and overlaps against the epoch; `None` where no
/// spectrum was measured.
pub(super) fn figure(runs: &[RunData]) -> Option<Figure> {
    if runs.iter().all(|run| run.spectra.is_empty()) {
        return None;
    }
    let figure = Figure {
        id: "spectrum".to_owned(),
        title: "The sharpest directions".to_owned(),
        what: "The largest and the smallest eigenvalues λ of the Hessian of the training loss as training \
               goes on, the largest times the learning rate η, and how much of gradients and updates \
               lies in the space of the largest eigenvectors."
            .to_owned(),
        look_for: "η λ_max between 1 and 2 means steps that overshoot the sharpest valley’s floor without \
                   being thrown out (under-damped); above 2 a quadratic loss would diverge. A share far \
                   above that of a random direction means that training happens in the sharp directions; \
                   an overlap near 1, that these stay the same."
            .to_owned(),
        notes: notes(runs),
        columns: 2,
        choice: None,
        panels: vec![eigenvalues(runs), stability(runs), shares(runs), overlaps(runs)],
    };
    Some(figure.without_empty("No eigenvalue is finite."))
}

/// One row an eigenvalue with its residual; the smallest one has rank 0. What there is only once a
/// spectrum is repeated in each of its rows.
pub(super) fn csv(runs: &[RunData]) -> Result<Option<Csv>, ReportError> {
    let columns = "run,step,epoch,rank,eigenvalue,residual,learning_rate_times_lambda_max,\
                   update_share,overlap,trace,trace_error,products,converged";
    let all = runs.iter().flat_map(|run| run.spectra.iter().map(move |spectrum| (run, spectrum)));
    let rows = all.flat_map(|(run, spectrum)| {
        let SpectrumRecord { step, epoch, products, converged, .. } = spectrum;
        let once = [
            spectrum.learning_rate_times_lambda_max,
            spectrum.update_share,
            spectrum.overlap,
            spectrum.trace,
            spectrum.trace_error,
        ];
        let once = once.map(cell);
        ends(spectrum).map(move |(rank, value, residual)| {
            let end = [value, residual].map(cell);
            (&run.label, step, epoch, rank, end, once, products, converged)
        })
    });
    let is_measured = runs.iter().any(|run| !run.spectra.is_empty());
    is_measured.then(|| Csv::new("spectrum", columns, rows)).transpose()
}

/// Rank, eigenvalue and residual of the largest ones from 1, then of the smallest.
fn ends(spectrum: &SpectrumRecord) -> impl Iterator<Item = (usize, Option<f64>, Option<f64>)> {
    let largest = spectrum.eigenvalues.iter().enumerate();
    let largest =
        largest.map(|(i, &value)| (i + 1, Some(value), spectrum.residuals.get(i).copied()));
    largest.chain([(0, spectrum.lambda_min, spectrum.lambda_min_residual)])
}

fn panel(title: &str, label: &str, zero: bool, series: Vec<Series>) -> Panel {
    Panel {
        title: title.to_owned(),
        in_image: true,
        x: Axis { whole: true, ..Axis::new("epoch", "epochs of training") },
        y: Axis { zero, ..Axis::new(label, label) },
        series,
    }
}

fn eigenvalues(runs: &[RunData]) -> Panel {
    let of_run = |(color, run): (usize, &RunData)| {
        [
            by_epoch(runs, run, "largest, λ_max", (Style::DottedLine, color), largest)
                .detail("residual", residuals(run, |s| s.residuals.first().copied())),
            others(runs, run, color),
            by_epoch(runs, run, "smallest, λ_min", (Style::Dashed, color), |s| s.lambda_min)
                .detail("residual", residuals(run, |s| s.lambda_min_residual)),
        ]
    };
    let series = runs.iter().enumerate().flat_map(of_run).collect();
    panel("Ends of the spectrum", "eigenvalue", true, series)
}

fn stability(runs: &[RunData]) -> Panel {
    let value: Value = |spectrum| spectrum.learning_rate_times_lambda_max;
    let of_run = |(color, run)| by_epoch(runs, run, "η λ_max", (Style::DottedLine, color), value);
    let mut series: Vec<Series> = runs.iter().enumerate().map(of_run).collect();
    let limit = |y| horizontal(BETWEEN, y, &series, Spacing::Linear);
    let limits = [1.0, 2.0].map(limit);
    series.extend(limits);
    panel("Learning rate times the largest", "η λ_max", true, series)
}

fn overlaps(runs: &[RunData]) -> Panel {
    let of_run = |(color, run)| {
        let style = (Style::DottedLine, color);
        by_epoch(runs, run, "overlap with the spectrum before", style, |s| s.overlap)
    };
    let series = runs.iter().enumerate().map(of_run).collect();
    panel("Do the directions stay the same?", "overlap", true, series)
}

fn shares(runs: &[RunData]) -> Panel {
    let mut series = Vec::new();
    let mut color = 0;
    for run in runs {
        for size in share_sizes(run) {
            series.extend(gradient_shares(runs, run, size, color));
            color += 1;
        }
        let style = (Style::Dashed, color);
        series.push(by_epoch(runs, run, "last update", style, |s| s.update_share));
        color += 1;
    }
    panel("Within the largest eigenvectors", "share of the squared norm", true, series)
}

/// The batch sizes whose gradients were compared with the eigenvectors, ascending.
fn share_sizes(run: &RunData) -> Vec<u64> {
    let shares = run.spectra.iter().flat_map(|spectrum| &spectrum.shares);
    let mut sizes: Vec<u64> = shares.map(|share| share.batch_size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

fn gradient_shares(runs: &[RunData], run: &RunData, size: u64, color: usize) -> [Series; 2] {
    let estimate = |spectrum: &SpectrumRecord| {
        let share = spectrum.shares.iter().find(|share| share.batch_size == size)?;
        let deviation = share.deviation.filter(|_| share.batches > 1);
        let x = spectrum.epoch as f64;
        let y = share.mean.unwrap_or(f64::NAN);
        let details = vec![x, share.batches as f64, y, deviation.unwrap_or(f64::NAN)];
        Some(Estimate { x, y, error: deviation, details })
    };
    let estimates: Vec<Estimate> = run.spectra.iter().filter_map(estimate).collect();
    let name = named(runs, run, &format!("gradients of batches of {size}"));
    let details = ["epoch", "batches", "mean", "standard deviation"];
    with_error_bars(&name, color, &details, &estimates)
}

fn largest(spectrum: &SpectrumRecord) -> Option<f64> {
    spectrum.eigenvalues.first().copied()
}

fn residuals(run: &RunData, value: Value) -> impl Iterator<Item = f64> {
    run.spectra.iter().map(move |spectrum| value(spectrum).unwrap_or(f64::NAN))
}

/// One value a measured point.
fn by_epoch(
    runs: &[RunData],
    run: &RunData,
    what: &str,
    (style, color): (Style, usize),
    value: Value,
) -> Series {
    let point = |s: &SpectrumRecord| (s.epoch as f64, value(s).unwrap_or(f64::NAN));
    let points = run.spectra.iter().map(point).collect();
    Series::new(named(runs, run, what), style, color, points)
        .detail("epoch", run.spectra.iter().map(|spectrum| spectrum.epoch as f64))
}

/// The largest eigenvalues but the first.
fn others(runs: &[RunData], run: &RunData, color: usize) -> Series {
    let places = || {
        run.spectra.iter().flat_map(|spectrum| {
            let epoch = spectrum.epoch as f64;
            ends(spectrum).filter(|(rank, ..)| *rank > 1).map(move |end| (epoch, end))
        })
    };
    let points = places().map(|(x, (_, y, _))| (x, y.unwrap_or(f64::NAN))).collect();
    Series::new(named(runs, run, "next largest"), Style::Rings, color, points)
        .detail("epoch", places().map(|(epoch, _)| epoch))
        .detail("rank", places().map(|(_, (rank, ..))| rank as f64))
        .detail("residual", places().map(|(_, (_, _, residual))| residual.unwrap_or(f64::NAN)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{Fixture, TestError};

    #[test]
    fn every_eigenvalue_has_its_residual() -> Result<(), TestError> {
        let run = [Fixture::new("a", 30, 0).with_curvature().load()?];
        let panels = figure(&run).ok_or("no figure")?.panels;
        let read = |series: usize| {
            let series = &panels[0].series[series];
            let residuals = series.details.last().map(|detail| detail.values[0]);
            (series.y[0], residuals)
        };
        assert_eq!(
            [0, 1, 2].map(read),
            [(12.0, Some(1e-6)), (8.0, Some(1e-4)), (-1.0, Some(1e-5))]
        );
        let text = csv(&run)?.ok_or("no table")?;
        let text = String::from_utf8(text.bytes)?;
        assert!(text.contains("\na,0,0,0,-1.0,0.00001,1.2,,,20.0,2.0,40,true\n"), "{text}");
        Ok(())
    }

    #[test]
    fn shares_have_bars_and_the_first_point_no_update() -> Result<(), TestError> {
        let panels = figure(&[Fixture::new("a", 30, 0).with_curvature().load()?]);
        let panels = panels.ok_or("no figure")?.panels;
        let [_, bars, update] = &panels[2].series[..] else { return Err("other series".into()) };
        assert_eq!(bars.y[..4], [0.5, 0.375, 0.625, 0.5]);
        assert!(update.y[0].is_nan() && update.y[1..] == [0.25, 0.25]);
        Ok(())
    }

    #[test]
    fn a_spectrum_that_is_not_exact_enough_is_named() -> Result<(), TestError> {
        let mut run = Fixture::new("a", 30, 0).with_curvature();
        let figure_notes = |run: &Fixture| -> Result<String, TestError> {
            Ok(figure(&[run.load()?]).ok_or("no figure")?.notes.join(" "))
        };
        assert!(!figure_notes(&run)?.contains("ran out"));
        run.spectra[1].converged = false;
        let notes = figure_notes(&run)?;
        assert!(
            notes.contains("1 of 3 spectra ran out") && notes.contains("2 / 7 = 2.9e-1"),
            "{notes}"
        );
        Ok(())
    }
}

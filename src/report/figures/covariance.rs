//! Equation 3 of the paper: the covariance of mini-batch gradients, and what it is large against.

use crate::report::ReportError;
use crate::report::csv::{Csv, cell};
use crate::report::figure::{Axis, Figure, Panel, Series, Spacing};
use crate::report::run_data::RunData;
use crate::report::spread::{significant, with_error};
use crate::run::CovarianceRecord;

use super::by_step::named;
use super::epoch_line::{EpochLine, epoch_lines, epoch_name, note_on_omission};
use super::error_bars::{Estimate, with_error_bars};
use super::reference::horizontal;

/// A number of a record, and its standard error.
type Value = fn(&CovarianceRecord) -> (Option<f64>, Option<f64>);

/// Measured over predicted covariance, signal and noise, and the gradient noise scale; `None` where
/// no covariance was measured.
pub(super) fn figure(runs: &[RunData]) -> Option<Figure> {
    let lines = epoch_lines(runs, epochs);
    if lines.is_empty() {
        return None;
    }
    let figure = Figure {
        id: "covariance".to_owned(),
        title: "Covariance of mini-batch gradients".to_owned(),
        what: "The measured covariance of gradients of mini-batches of B samples over that which \
               equation 3 predicts from single samples, (1/B − 1/N) tr C; the squared norm of the full \
               gradient g against tr C; and their ratio tr C / ‖g‖², the gradient noise scale. Bars are \
               ± one standard error."
            .to_owned(),
        look_for: "A ratio of one confirms equation 3. The paper finds that the mean gradient dominates \
                   early in training: there the noise scale lies below the size of the mini-batches."
            .to_owned(),
        notes: notes(runs),
        columns: 2,
        choice: None,
        panels: vec![ratios(&lines), norms(runs), noise_scales(runs)],
    };
    Some(figure.without_empty("No covariance is finite."))
}

/// Every record, with all errors.
pub(super) fn csv(runs: &[RunData]) -> Result<Option<Csv>, ReportError> {
    let columns = "run,step,epoch,batch_size,batches,trace,trace_error,predicted,ratio,\
                   ratio_error,sample_trace,sample_trace_error,squared_grad_norm,noise_scale";
    let rows = runs.iter().flat_map(|run| {
        run.covariances.iter().map(|record| {
            let CovarianceRecord { step, epoch, batch_size, batches, .. } = record;
            let values = [
                record.trace,
                record.trace_error,
                record.predicted,
                record.ratio,
                record.ratio_error,
                record.sample_trace,
                record.sample_trace_error,
                record.squared_grad_norm,
                record.noise_scale,
            ];
            (&run.label, step, epoch, batch_size, batches, values.map(cell))
        })
    });
    let is_measured = runs.iter().any(|run| !run.covariances.is_empty());
    is_measured.then(|| Csv::new("covariance", columns, rows)).transpose()
}

fn epochs(run: &RunData) -> Vec<u64> {
    run.covariances.iter().map(|record| record.epoch).collect()
}

fn ratios(lines: &[EpochLine<'_>]) -> Panel {
    let of_line = |line: &EpochLine<'_>| {
        let records = line.run.covariances.iter().filter(|record| record.epoch == line.epoch);
        let place = |r: &CovarianceRecord| r.batch_size as f64 * line.shift;
        let value: Value = |record| (record.ratio, record.ratio_error);
        series(&line.name, line.color, records, place, value)
    };
    let mut all: Vec<Series> = lines.iter().flat_map(of_line).collect();
    all.push(horizontal("equation 3", 1.0, &all, Spacing::Log));
    let x = log("batch size", "samples in a mini-batch, B");
    panel("tr cov(g_B), measured / predicted", x, Axis::new("ratio", "measured / predicted"), all)
}

fn norms(runs: &[RunData]) -> Panel {
    let of_run = |(i, run)| {
        let signal = named(runs, run, "‖g‖²");
        let noise = named(runs, run, "tr C");
        let [first, second] = [2 * i + 3, 2 * i + 4];
        let mut all = by_epoch(run, &signal, first, |r| (r.squared_grad_norm, None)).to_vec();
        all.extend(by_epoch(run, &noise, second, |r| (r.sample_trace, r.sample_trace_error)));
        all
    };
    let series = runs.iter().enumerate().flat_map(of_run).collect();
    let y = log("squared norm", "squared norm");
    panel("Mean and noise of gradients", training(), y, series)
}

fn noise_scales(runs: &[RunData]) -> Panel {
    let of_run = |(i, run)| {
        let name = named(runs, run, "gradient noise scale");
        by_epoch(run, &name, i, |record| (record.noise_scale, None))
    };
    let mut all: Vec<Series> = runs.iter().enumerate().flat_map(of_run).collect();
    let mut sizes: Vec<u64> = runs.iter().filter_map(|run| run.steps[0].batch_size).collect();
    sizes.dedup();
    if let [size] = sizes[..] {
        let name = format!("mini-batches of training ({size})");
        all.push(horizontal(&name, size as f64, &all, Spacing::Linear));
    }
    let y = log("noise scale", "tr C / ‖g‖²");
    panel("Gradient noise scale", training(), y, all)
}

/// Without a switch: one switch turns all panels of a figure, and these differ.
fn log(name: &str, label: &str) -> Axis {
    Axis { spacing: Spacing::Log, ..Axis::new(name, label) }
}

fn training() -> Axis {
    Axis { whole: true, ..Axis::new("epoch", "epochs of training") }
}

fn panel(title: &str, x: Axis, y: Axis, series: Vec<Series>) -> Panel {
    Panel { title: title.to_owned(), in_image: true, x, y, series }
}

/// A value of a measured point, which all its records share.
fn by_epoch(run: &RunData, name: &str, color: usize, value: Value) -> [Series; 2] {
    let points = run.covariances.chunk_by(|a, b| a.step == b.step).filter_map(<[_]>::first);
    series(name, color, points, |record| record.epoch as f64, value)
}

fn series<'a>(
    name: &str,
    color: usize,
    records: impl Iterator<Item = &'a CovarianceRecord>,
    place: impl Fn(&CovarianceRecord) -> f64,
    value: Value,
) -> [Series; 2] {
    let estimate = |record: &CovarianceRecord| {
        let (y, error) = value(record);
        let y = y.unwrap_or(f64::NAN);
        let (epoch, size) = (record.epoch as f64, record.batch_size as f64);
        let details = vec![epoch, size, y, error.unwrap_or(f64::NAN)];
        Estimate { x: place(record), y, error, details }
    };
    let estimates: Vec<Estimate> = records.map(estimate).collect();
    with_error_bars(name, color, &["epoch", "batch size", "value", "standard error"], &estimates)
}

fn notes(runs: &[RunData]) -> Vec<String> {
    let last = |run: &RunData| Some(named(runs, run, &last_point(run.covariances.last()?)));
    let mut notes: Vec<String> = runs.iter().filter_map(last).collect();
    notes.extend(note_on_omission(runs, epochs));
    notes
}

/// Signal, noise and their ratio at a point, in words.
fn last_point(record: &CovarianceRecord) -> String {
    let known = |value: Option<f64>| value.map_or("unknown".to_owned(), significant);
    let noise = match (record.sample_trace, record.sample_trace_error) {
        (Some(trace), Some(error)) => with_error(trace, error),
        (trace, _) => known(trace),
    };
    format!(
        "Last measured, {}: tr C = {noise}, ‖g‖² = {}, noise scale {}.",
        epoch_name(record.epoch),
        known(record.squared_grad_norm),
        known(record.noise_scale)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{Fixture, TestError};

    #[test]
    fn what_the_batch_sizes_share_stands_once_an_epoch() -> Result<(), TestError> {
        let mut run = Fixture::new("a", 30, 0).with_curvature();
        let larger =
            |record: &CovarianceRecord| CovarianceRecord { batch_size: 50, ..record.clone() };
        run.covariances = run.covariances.iter().flat_map(|r| [r.clone(), larger(r)]).collect();
        let panels = figure(&[run.load()?]).ok_or("no figure")?.panels;
        let [first, norm, scale] = [0, 1, 2].map(|panel| &panels[panel].series[0]);
        assert_eq!(first.y, [1.05, 1.05]);
        assert_eq!((&norm.x, &norm.y), (&vec![0.0, 1.0, 2.0], &vec![4.0; 3]));
        assert_eq!(scale.y, [5.5; 3]);
        let references = [0, 2].map(|panel| panels[panel].series.last().map(|line| line.y.clone()));
        assert_eq!(references, [Some(vec![1.0; 2]), Some(vec![10.0; 2])]);
        Ok(())
    }
}

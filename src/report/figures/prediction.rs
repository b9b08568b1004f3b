//! How well slope and curvature at an update's start foretell what the loss does along it.

use crate::report::ReportError;
use crate::report::csv::{Csv, cell};
use crate::report::figure::{Axis, Figure, Panel, Series, Spacing, Style};
use crate::report::run_data::RunData;
use crate::report::statistics::median;
use crate::run::LineRecord;

use super::by_step::named;
use super::reference::diagonal;

/// A number of an update.
type Value = fn(&LineRecord) -> Option<f64>;

/// Measured against predicted: the change of the loss, and where it is back at its start; `None`
/// where no update has its second order.
pub(super) fn figure(runs: &[RunData]) -> Option<Figure> {
    runs.iter().flat_map(|run| &run.lines).find(|line| line.slope.is_some())?;
    let change = panel(
        "Change of the loss over an update",
        ["predicted: slope + curvature / 2", "measured: L(1) − L(0)"],
        scatter(runs, |line| line.predicted_change, measured_change),
    );
    let critical = panel(
        "Critical α: the loss is back at its start",
        ["predicted: −2 slope / curvature", "measured α"],
        scatter(runs, predicted_critical_alpha, measured_critical_alpha),
    );
    // Without a switch: one switch turns all panels of a figure, and changes are below zero.
    let log = |axis| Axis { spacing: Spacing::Log, ..axis };
    let critical = Panel { x: log(critical.x), y: log(critical.y), ..critical };
    let figure = Figure {
        id: "prediction".to_owned(),
        title: "What second order predicts".to_owned(),
        what: "Each measured update against its prediction from the slope d·∇L and the curvature d·Hd of \
               the full training loss along the update d at its start: by how much the loss changes, and \
               after how many times the update it is back where it started."
            .to_owned(),
        look_for: "Points on the dashed diagonal mean that the loss is a parabola along the update. A \
                   critical α above it means that the loss flattens out and bears longer steps than its \
                   curvature suggests."
            .to_owned(),
        notes: runs.iter().flat_map(|run| notes(runs, run)).collect(),
        columns: 2,
        choice: None,
        panels: vec![change, critical],
    };
    Some(figure.without_empty("No prediction is finite."))
}

/// Every update with its second order or with the loss beyond its end.
pub(super) fn csv(runs: &[RunData]) -> Result<Option<Csv>, ReportError> {
    let columns = "run,step,epoch,iteration,slope,curvature,predicted_change,measured_change,\
                   predicted_critical_alpha,critical_alpha";
    let rows = runs.iter().flat_map(|run| {
        known(run).map(|line| {
            let values = [
                line.slope,
                line.curvature,
                line.predicted_change,
                measured_change(line),
                predicted_critical_alpha(line),
                measured_critical_alpha(line),
            ];
            (&run.label, line.step, line.epoch, line.iteration, values.map(cell))
        })
    });
    let is_measured = runs.iter().any(|run| known(run).next().is_some());
    is_measured.then(|| Csv::new("prediction", columns, rows)).transpose()
}

fn known(run: &RunData) -> impl Iterator<Item = &LineRecord> {
    run.lines.iter().filter(|line| line.slope.is_some() || line.reach.is_some())
}

/// L_K - L_0.
fn measured_change(line: &LineRecord) -> Option<f64> {
    Some((*line.losses.last()?)? - (*line.losses.first()?)?)
}

/// The alpha > 0 at which the parabola is back at L_0; none if it does not first fall, then rise.
fn predicted_critical_alpha(line: &LineRecord) -> Option<f64> {
    let (slope, curvature) = (line.slope?, line.curvature?);
    (slope < 0.0 && curvature > 0.0).then_some(-2.0 * slope / curvature)
}

fn measured_critical_alpha(line: &LineRecord) -> Option<f64> {
    line.reach.as_ref()?.critical_alpha
}

/// A panel with the diagonal.
fn panel(title: &str, [x, y]: [&str; 2], mut series: Vec<Series>) -> Panel {
    series.push(diagonal("measured = predicted", &series));
    let axis = |label| Axis::new(label, label);
    Panel { title: title.to_owned(), in_image: true, x: axis(x), y: axis(y), series }
}

fn scatter(runs: &[RunData], predicted: Value, measured: Value) -> Vec<Series> {
    let of_run = |(color, run): (usize, &RunData)| {
        let known: Vec<(&LineRecord, f64, f64)> = run
            .lines
            .iter()
            .filter_map(|line| Some((line, predicted(line)?, measured(line)?)))
            .collect();
        let points = known.iter().map(|(_, x, y)| (*x, *y)).collect();
        let detail =
            |value: fn(&LineRecord) -> f64| known.iter().map(move |(line, ..)| value(line));
        Series::new(named(runs, run, "updates"), Style::Dots, color, points)
            .detail("step", detail(|line| line.step as f64))
            .detail("epoch", detail(|line| line.epoch as f64))
            .detail("iteration", detail(|line| line.iteration as f64))
            .detail("slope", detail(|line| line.slope.unwrap_or(f64::NAN)))
            .detail("curvature", detail(|line| line.curvature.unwrap_or(f64::NAN)))
            .detail("predicted", known.iter().map(|(_, x, _)| *x))
    };
    runs.iter().enumerate().map(of_run).collect()
}

/// Medians of measured / predicted, and how many updates have no measured critical alpha.
fn notes(runs: &[RunData], run: &RunData) -> Vec<String> {
    let mut notes = Vec::new();
    let mut ratio = |what: &str, predicted: Value, measured: Value| {
        let ratio = |line: &LineRecord| Some(measured(line)? / predicted(line)?);
        let ratios: Vec<f64> = run.lines.iter().filter_map(ratio).collect();
        notes.extend(median(&ratios).map(|median| {
            let count = ratios.len();
            format!(
                "{what}: the median of measured / predicted is {median:.3} over {count} updates."
            )
        }));
    };
    ratio("Change of the loss", |line| line.predicted_change, measured_change);
    ratio("Critical α", predicted_critical_alpha, measured_critical_alpha);
    let open = |line: &&LineRecord| line.reach.is_some() && measured_critical_alpha(line).is_none();
    let open = run.lines.iter().filter(open).count();
    if open > 0 {
        notes.push(format!("The loss of {open} updates was not back as far out as was measured."));
    }
    notes.into_iter().map(|note| named(runs, run, &note)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{Fixture, TestError};

    #[test]
    fn measured_stands_against_predicted() -> Result<(), TestError> {
        let figure = figure(&[Fixture::new("a", 30, 20).with_curvature().load()?]);
        let figure = figure.ok_or("no figure")?;
        let [change, critical] = [&figure.panels[0].series[0], &figure.panels[1].series[0]];
        assert!(change.points().all(|(x, y)| (x - 0.75 * y).abs() < 1e-12));
        assert!(critical.points().all(|place| place == (2.0, 2.0)));
        assert_eq!((change.x.len(), critical.x.len()), (20, 20));
        assert!(figure.notes[0].contains("1.333 over 20") && figure.notes[1].contains("1.000"));
        Ok(())
    }

    #[test]
    fn a_parabola_that_never_comes_back_has_no_critical_alpha() -> Result<(), TestError> {
        let mut line = Fixture::new("a", 30, 1).with_curvature().lines.remove(0);
        assert!(predicted_critical_alpha(&line).is_some());
        line.curvature = Some(-1.0);
        assert_eq!(predicted_critical_alpha(&line), None);
        (line.slope, line.curvature) = (Some(1.0), Some(1.0));
        assert_eq!(predicted_critical_alpha(&line), None);
        Ok(())
    }

    #[test]
    fn updates_that_stay_below_their_start_are_counted() -> Result<(), TestError> {
        let mut run = Fixture::new("a", 30, 20).with_curvature();
        for reach in run.lines.iter_mut().take(3).filter_map(|line| line.reach.as_mut()) {
            reach.critical_alpha = None;
        }
        let notes = figure(&[run.load()?]).ok_or("no figure")?.notes;
        assert!(notes[2].contains("loss of 3 updates"), "{notes:?}");
        Ok(())
    }
}

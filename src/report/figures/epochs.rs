//! Loss and accuracy on the training set and on the test split, epoch after epoch.

use crate::report::ReportError;
use crate::report::csv::{Csv, cell};
use crate::report::figure::{Axis, Figure, Panel, Series, Style};
use crate::report::run_data::RunData;
use crate::run::EpochRecord;

use super::by_step::named;

/// A column of the records.
type Column = fn(&EpochRecord) -> Option<f64>;

/// Losses beside accuracies; none where no run has recorded them.
pub(super) fn figure(runs: &[RunData]) -> Option<Figure> {
    if runs.iter().all(|run| run.epochs.is_empty()) {
        return None;
    }
    let loss = Axis { switch: true, ..Axis::new("loss", "mean loss") };
    let accuracy = Axis::new("accuracy", "share classified right");
    let panels = vec![
        panel(runs, "Loss", loss, [|record| record.loss, |record| record.test_loss]),
        panel(
            runs,
            "Accuracy",
            accuracy,
            [|record| record.accuracy, |record| record.test_accuracy],
        ),
    ];
    let figure = Figure {
        id: "epochs".to_owned(),
        title: "Loss and accuracy by epoch".to_owned(),
        what: "The mean loss over the full training set at the end of every epoch and the share of it \
               that is classified right, and both over the test split where there is one (dashed)."
            .to_owned(),
        look_for: "Training and test that part tell of overfitting; epoch 0 is the initialisation."
            .to_owned(),
        notes: Vec::new(),
        columns: 2,
        choice: None,
        panels,
    };
    Some(figure.without_empty("No finite loss is recorded."))
}

/// The same numbers as a table; none where no run has recorded them.
pub(super) fn csv(runs: &[RunData]) -> Result<Option<Csv>, ReportError> {
    if runs.iter().all(|run| run.epochs.is_empty()) {
        return Ok(None);
    }
    let columns = "run,epoch,step,loss,accuracy,test_loss,test_accuracy";
    let rows = runs.iter().flat_map(|run| {
        run.epochs.iter().map(|record| {
            let EpochRecord { loss, accuracy, test_loss, test_accuracy, .. } = *record;
            let scores = [loss, accuracy, test_loss, test_accuracy].map(cell);
            (&run.label, record.epoch, record.step, scores)
        })
    });
    Csv::new("epochs", columns, rows).map(Some)
}

fn panel(runs: &[RunData], title: &str, y: Axis, [train, test]: [Column; 2]) -> Panel {
    let series = runs.iter().enumerate().flat_map(|(color, run)| {
        [("training set", Style::DottedLine, train), ("test split", Style::Dashed, test)].map(
            |(what, style, column)| series(run, named(runs, run, what), (style, color), column),
        )
    });
    let x = Axis { whole: true, ..Axis::new("epoch", "epochs") };
    Panel { title: title.to_owned(), in_image: true, x, y, series: series.collect() }
}

fn series(run: &RunData, name: String, (style, color): (Style, usize), column: Column) -> Series {
    let point = |record: &EpochRecord| (record.epoch as f64, column(record).unwrap_or(f64::NAN));
    Series::new(name, style, color, run.epochs.iter().map(point).collect())
        .detail("step", run.epochs.iter().map(|record| record.step as f64))
}

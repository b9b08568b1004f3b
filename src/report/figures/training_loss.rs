//! The loss over the whole run: of each mini-batch, and of the full training set where it was measured.

use crate::report::ReportError;
use crate::report::csv::{Csv, cell};
use crate::report::figure::{Axis, Figure, Panel, Series, Style};
use crate::report::run_data::RunData;

use super::by_step::{by_step, named, updates};

/// Both losses against the update.
pub(super) fn figure(runs: &[RunData]) -> Figure {
    let batches = runs.iter().enumerate().map(|(i, run)| batch(runs, run, i));
    let fulls = runs.iter().enumerate().map(|(i, run)| full(runs, run, i));
    let panel = Panel {
        title: String::new(),
        in_image: true,
        x: updates(runs),
        y: Axis { switch: true, ..Axis::new("loss", "training loss") },
        series: batches.chain(fulls).collect(),
    };
    Figure {
        id: "training-loss".to_owned(),
        title: "Training loss".to_owned(),
        what: "The loss that training sees on its mini-batch (pale) and the loss on the full training \
               set at the updates that were measured."
            .to_owned(),
        look_for: "The full loss should run through the middle of the mini-batch losses; a rise of both \
                   means that training became unstable."
            .to_owned(),
        notes: Vec::new(),
        columns: 1,
        choice: None,
        panels: vec![panel],
    }
    .without_empty("No finite loss is recorded.")
}

/// The losses as a table; the full loss is empty where it was not measured.
pub(super) fn csv(runs: &[RunData]) -> Result<Csv, ReportError> {
    let columns = "run,step,epoch,iteration,batch_loss,full_loss";
    let rows = runs.iter().flat_map(|run| {
        run.steps.iter().map(|step| {
            let at = run.lines.binary_search_by_key(&step.step, |line| line.step);
            let full = at.ok().and_then(|i| run.lines[i].losses.first().copied().flatten());
            let losses = [step.batch_loss, full].map(cell);
            (&run.label, step.step, step.epoch, step.iteration, losses)
        })
    });
    Csv::new("training-loss", columns, rows)
}

fn batch(runs: &[RunData], run: &RunData, color: usize) -> Series {
    let value = |step: &crate::run::StepRecord| step.batch_loss.unwrap_or(f64::NAN);
    let points = run.steps.iter().map(|step| (step.step as f64, value(step))).collect();
    by_step(run, named(runs, run, "mini-batch"), (Style::PaleLine, color), points)
}

/// L(theta_t) of every measured update, and L(theta_{t+1}) of the last one before a gap.
fn full(runs: &[RunData], run: &RunData, color: usize) -> Series {
    let mut points = Vec::new();
    for (i, line) in run.lines.iter().enumerate() {
        let end = |loss: Option<&Option<f64>>| loss.copied().flatten().unwrap_or(f64::NAN);
        points.push((line.step as f64, end(line.losses.first())));
        if run.lines.get(i + 1).is_none_or(|next| next.step != line.step + 1) {
            let after = line.step as f64 + 1.0;
            points.extend([(after, end(line.losses.last())), (after, f64::NAN)]);
        }
    }
    let color = if runs.len() == 1 { color + 3 } else { color };
    let steps: Vec<f64> = points.iter().map(|(step, _)| *step).collect();
    let name = named(runs, run, "full training set");
    Series::new(name, Style::Line, color, points).detail("t", steps)
}

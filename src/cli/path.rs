//! `losswalk path`.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Exit;
use super::arguments::PathArgs;
use super::measured::{Measured, Subject};
use super::output::show;
use crate::measure::{self, Movement, Segment};

/// What `--json` prints for each segment, under the names of `steps.jsonl` and `line.jsonl`.
#[derive(Serialize)]
struct Row<'a> {
    step: usize,
    from: &'a Path,
    to: &'a Path,
    #[serde(flatten)]
    line: Measured,
    #[serde(flatten)]
    movement: Movement,
}

pub(super) fn run(arguments: PathArgs) -> anyhow::Result<Exit> {
    let subject = Subject::open(&arguments.measure)?;
    subject.check_points(arguments.points)?;
    let files = &arguments.checkpoints;
    // All are read once before anything is measured: a mistake shows at once, not after hours.
    for file in &files[1..] {
        subject.read(file)?;
    }
    let start = subject.read(&files[0])?;
    let points = arguments.points.into();
    let mut path = measure::Path::new(&subject.objective, start, points, subject.precision);
    for (step, pair) in files.windows(2).enumerate() {
        let segment = path.advance(subject.read(&pair[1])?)?;
        let row = Row::new(step, pair, &subject, segment);
        if arguments.measure.json {
            show(serde_json::to_string(&row)?)?;
        } else {
            if step == 0 {
                show(heading(&row))?;
            }
            show(row.text())?;
        }
    }
    Ok(Exit::Done)
}

impl<'a> Row<'a> {
    fn new(step: usize, files: &'a [PathBuf], subject: &Subject, segment: Segment) -> Self {
        let Segment { line, movement } = segment;
        Self { step, from: &files[0], to: &files[1], line: subject.judge(line, None), movement }
    }

    fn text(&self) -> String {
        let optional = |value: Option<f64>, decimals: usize| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
        };
        format!(
            "{:>6}  {:>11.8}  {:>10}  {:>11}  {:>5}  {:>10.3e}  {:>7}  {:>10.3e}  {:>10.3e}  {}",
            self.step,
            self.line.losses.last().unwrap_or(&f64::NAN),
            self.line
                .verdict
                .barrier_height
                .map_or_else(|| "-".to_owned(), |height| format!("{height:+.2e}")),
            optional(self.line.verdict.floor_loss, 8),
            optional(self.line.verdict.floor_alpha, 2),
            self.movement.update_norm,
            optional(self.movement.update_cosine, 4),
            self.movement.distance,
            self.movement.path_length,
            self.to.display(),
        )
    }
}

/// The columns, and the first point as a row of its own.
fn heading(first: &Row) -> String {
    format!(
        "{:>6}  {:>11}  {:>10}  {:>11}  {:>5}  {:>10}  {:>7}  {:>10}  {:>10}  to ({} samples)\n\
         {:>6}  {:>11.8}{:74}{}",
        "step",
        "loss",
        "barrier",
        "floor",
        "at",
        "update",
        "cosine",
        "distance",
        "length",
        first.line.all_samples(),
        "",
        first.line.losses.first().unwrap_or(&f64::NAN),
        "",
        first.from.display(),
    )
}

//! `losswalk path`.

use std::path::Path;
use std::slice;

use serde::Serialize;

use super::arguments::{MeasureArgs, PathArgs};
use super::expect::expect;
use super::measured::{Measured, Subject};
use super::output::show;
use super::{Exit, inferred};
use crate::choice::Choice;
use crate::measure::certified::Rule;
use crate::measure::{self, Movement, Segment};
use crate::objective::Point;
use crate::ranks::Job;
use crate::report;
use crate::walk::PathRun;

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

pub(super) fn run(arguments: PathArgs, job: &Job) -> anyhow::Result<Exit> {
    let MeasureArgs { model, run, .. } = &arguments.measure;
    if let (None, None, Some(last)) = (model, run, arguments.checkpoints.last()) {
        return inferred::show_network(last);
    }
    let mut subject = Subject::open(&arguments.measure, job)?;
    subject.check_points(arguments.points)?;
    let files = &arguments.checkpoints;
    // All are read once before anything is measured: a mistake shows at once, not after hours.
    for file in &files[1..] {
        subject.read(file)?;
    }
    let start = subject.read(&files[0])?;
    if let (Some(expected), Some(last)) = (arguments.measure.expect_loss, files.last()) {
        expect(&mut subject, last, expected)?;
    }
    let rule = arguments.certified.rule();
    let folder = arguments.out.as_ref().map(|out| {
        let names = files.iter().map(|file| name(file)).collect();
        subject.prepared.open_path(out, names)
    });
    let folder = folder.transpose()?;
    let plan = &subject.prepared.plan;
    let mut records = folder.as_ref().map(|folder| PathRun::begin(folder, plan)).transpose()?;
    // A certified decision takes less than a pass over the training set.
    let accuracy = |at: &Point| if rule.is_some() { Ok(None) } else { subject.accuracy(at) };
    let mut accuracies = [None, accuracy(&start)?];
    let points = arguments.points.into();
    let loss = subject.loss();
    let mut path = measure::Path::new(&loss, start, points, subject.precision);
    if let Some(rule) = rule {
        path = path.certified(rule, subject.seed);
    }
    for (step, pair) in files.windows(2).enumerate() {
        let to = subject.read(&pair[1])?;
        accuracies = [accuracies[1], accuracy(&to)?];
        let segment = path.advance(to)?;
        if let Some(records) = &mut records {
            records.segment(step as u64, &segment, rule)?;
        }
        let Segment { line, movement } = segment;
        let line = subject.judge(line, accuracies, rule);
        let row = Row { step, from: &pair[0], to: &pair[1], line, movement };
        if arguments.measure.json {
            show(serde_json::to_string(&row)?)?;
        } else {
            if step == 0 {
                show(subject.head())?;
                if let Some(rule) = rule {
                    show(certified(rule))?;
                }
                show(row.heading())?;
            }
            show(row.text())?;
        }
    }
    if let (Some(records), Some(folder)) = (records, &folder) {
        records.finish()?;
        let written = report::write(slice::from_ref(folder), folder.path())?;
        eprintln!("report: {}", written.page.display());
    }
    Ok(Exit::Done)
}

/// What the decisions of a table are worth.
fn certified(Rule { error, assume }: Rule) -> String {
    format!(
        "certified: each decision is wrong with probability {error} at most (assume {}); losses are \
         estimates",
        assume.name()
    )
}

impl Row<'_> {
    fn text(&self) -> String {
        let Measured { verdict, losses, accuracies, .. } = &self.line;
        let barrier = match (verdict.barrier, verdict.barrier_height) {
            (Some(true), Some(height)) => format!("{height:.2e}"),
            (Some(false), _) => "none".to_owned(),
            _ => "-".to_owned(),
        };
        let Movement { update_norm, update_cosine, distance, .. } = self.movement;
        format!(
            "{:>5} {:>9.6} {:>8} {:>8} {:>9} {:>5} {:>8} {:>7} {:>8}  {}",
            self.step,
            losses.last().unwrap_or(&f64::NAN),
            optional(accuracies[1], 4),
            barrier,
            optional(verdict.floor_loss, 6),
            optional(verdict.floor_alpha, 2),
            length(update_norm),
            optional(update_cosine, 4),
            length(distance),
            name(self.to),
        )
    }

    /// The columns, and the first point as a row of its own.
    fn heading(&self) -> String {
        format!(
            "{:>5} {:>9} {:>8} {:>8} {:>9} {:>5} {:>8} {:>7} {:>8}  to\n{:>5} {:>9.6} {:>8}{:52}{}",
            "step",
            "loss",
            "accuracy",
            "barrier",
            "floor",
            "at",
            "update",
            "cosine",
            "distance",
            "",
            self.line.losses.first().unwrap_or(&f64::NAN),
            optional(self.line.accuracies[0], 4),
            "",
            name(self.from),
        )
    }
}

fn optional(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
}

/// Five digits, or an exponent where these would not show them.
fn length(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        small if small < 1e-3 => format!("{small:.2e}"),
        large if large >= 1e5 => format!("{large:.2e}"),
        usual => {
            let whole = usual.max(1.0).log10() as usize;
            format!("{usual:.0$}", 4usize.saturating_sub(whole))
        }
    }
}

/// The file's name without its folder.
fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

//! Figure 1 of the paper: the loss along every update, iteration after iteration.
//!
//! The point alpha of the update in iteration i stands at i + alpha.

use crate::report::ReportError;
use crate::report::csv::{Csv, cell};
use crate::report::figure::{Axis, Figure, Panel, Series, Style};
use crate::report::run_data::RunData;
use crate::run::LineRecord;

use super::epoch_line::chosen_for_image;

/// Iterations of an epoch that the image shows, as in the paper.
const ITERATIONS_IN_IMAGE: usize = 40;

const LOSS: usize = 0;
const FLOOR: usize = 1;
const BARRIER: usize = 3;

/// The walk of the run with this index.
pub(super) fn figure(runs: &[RunData], index: usize) -> Figure {
    let run = &runs[index];
    let epochs = run.measured_epochs();
    let chosen = chosen_for_image(epochs.len());
    let panel = |(i, &epoch)| panel(run, epoch, chosen.contains(&i));
    let points = run.lines.first().map_or(0, |line| line.alphas.len());
    let several = runs.len() > 1;
    Figure {
        id: if several { format!("walk-{}", index + 1) } else { "walk".to_owned() },
        title: format!("The walk through the loss: {}", run.label),
        what: format!(
            "Between two grey lines lies one update of SGD: the loss on the full training set at \
             {points} points of the straight line from the parameters before to those after it."
        ),
        look_for: "A triangle marks a barrier: a loss between two iterates that is higher than at both. \
                   Where the dashed valley floor (the lowest loss of each update) rises, SGD has moved \
                   over a barrier that no single update crossed."
            .to_owned(),
        notes: note_on_choice(epochs.len(), chosen.len()),
        columns: 1,
        choice: Some("epoch".to_owned()),
        panels: epochs.iter().enumerate().map(panel).collect(),
    }
    .without_empty(
        "No loss along updates was measured in this run; a [[measure]] section with kind = \"line\" \
         in the experiment asks for it.",
    )
}

/// The points of every measured update.
pub(super) fn csv(runs: &[RunData]) -> Result<Csv, ReportError> {
    let all = runs.iter().flat_map(|run| run.lines.iter().map(move |line| (run, line)));
    let rows = all.flat_map(|(run, line)| {
        line.alphas.iter().zip(&line.losses).map(move |(&alpha, &loss)| {
            (&run.label, line.step, line.epoch, line.iteration, alpha, cell(loss))
        })
    });
    Csv::new("walk", "run,step,epoch,iteration,alpha,loss", rows)
}

fn note_on_choice(measured: usize, shown: usize) -> Vec<String> {
    if measured == shown {
        return Vec::new();
    }
    vec![format!("{measured} epochs were measured; the image shows {shown} of them, the page all.")]
}

fn panel(run: &RunData, epoch: u64, in_image: bool) -> Panel {
    let lines: Vec<&LineRecord> = run.lines_of(epoch).collect();
    let first = lines.first().map_or(0, |line| line.iteration);
    let shown = lines.len().min(ITERATIONS_IN_IMAGE);
    let last = lines[..shown].last().map_or(0, |line| line.iteration);
    Panel {
        title: format!("Epoch {epoch}"),
        in_image,
        x: Axis {
            whole: true,
            every_whole: true,
            view: (shown < lines.len()).then_some((first as f64, last as f64 + 1.0)),
            ..Axis::new("iteration", "iteration within the epoch")
        },
        y: Axis { switch: true, ..Axis::new("loss", "full training loss") },
        series: vec![losses(&lines), floor(&lines), barriers(&lines)],
    }
}

/// A point of a series of this figure.
struct Point {
    step: f64,
    iteration: f64,
    alpha: f64,
    loss: f64,
}

impl Point {
    fn of(line: &LineRecord, alpha: f64, loss: Option<f64>) -> Self {
        let loss = loss.unwrap_or(f64::NAN);
        Self { step: line.step as f64, iteration: line.iteration as f64, alpha, loss }
    }
}

fn series(name: &str, (style, color): (Style, usize), points: &[Point]) -> Series {
    let places = points.iter().map(|point| (point.iteration + point.alpha, point.loss)).collect();
    Series::new(name, style, color, places)
        .detail("step", points.iter().map(|point| point.step))
        .detail("iteration", points.iter().map(|point| point.iteration))
        .detail("alpha", points.iter().map(|point| point.alpha))
}

fn losses(lines: &[&LineRecord]) -> Series {
    let of_line = |line: &LineRecord| -> Vec<Point> {
        let points = line.alphas.iter().zip(&line.losses);
        points.map(|(&alpha, &loss)| Point::of(line, alpha, loss)).collect()
    };
    series("loss", (Style::DottedLine, LOSS), &with_gaps(lines, of_line))
}

fn floor(lines: &[&LineRecord]) -> Series {
    let of_line = |line: &LineRecord| {
        let alpha = line.verdict.floor_alpha.unwrap_or(0.5);
        vec![Point::of(line, alpha, line.verdict.floor_loss)]
    };
    series("valley floor", (Style::Dashed, FLOOR), &with_gaps(lines, of_line))
}

/// Points of all lines, with a gap where iterations between two measured ones were not measured.
fn with_gaps(lines: &[&LineRecord], of_line: impl Fn(&LineRecord) -> Vec<Point>) -> Vec<Point> {
    let mut points = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        if i > 0 && lines[i - 1].iteration + 1 != line.iteration {
            points.push(Point::of(line, 0.0, None));
        }
        points.extend(of_line(line));
    }
    points
}

/// The highest interior point of every line with a barrier.
fn barriers(lines: &[&LineRecord]) -> Series {
    let with_barrier = lines.iter().filter(|line| line.verdict.barrier == Some(true));
    let points: Vec<Point> = with_barrier.clone().filter_map(|line| highest_inside(line)).collect();
    let heights = with_barrier.map(|line| line.verdict.barrier_height.unwrap_or(f64::NAN));
    series("barrier", (Style::Triangles, BARRIER), &points).detail("height", heights)
}

fn highest_inside(line: &LineRecord) -> Option<Point> {
    let inside = 1..line.losses.len().saturating_sub(1);
    let losses = inside.filter_map(|k| Some((k, line.losses[k]?)));
    let (k, loss) = losses.max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(Point::of(line, line.alphas[k], Some(loss)))
}

//! What is drawn of the measured updates of one epoch: losses, floor, barriers and bounds; the cosines
//! and distances of their steps.

use crate::report::figure::{Series, Style};
use crate::report::run_data::RunData;
use crate::run::{LineRecord, StepRecord};

const LOSS: usize = 0;
const FLOOR: usize = 1;
const BARRIER: usize = 3;
const BOUNDS: usize = 6;

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

/// Everything about the loss.
pub(super) fn losses(lines: &[&LineRecord]) -> Vec<Series> {
    vec![along(lines), floor(lines), barriers(lines), bounds(lines)]
}

/// What the bounds mean, if any are drawn.
pub(super) fn note_on_bounds(lines: &[LineRecord]) -> Option<String> {
    let errors = lines.iter().filter_map(|line| Some(line.certificate.as_ref()?.error));
    let error = errors.reduce(f64::max)?;
    Some(format!(
        "Certified losses are estimates from a part of the training set. Grey bars bound how far the loss \
         lies above or below that at the update's start, with probability {} if what the run assumes of \
         the units holds; those that leave the frame go on beyond it.",
        1.0 - error
    ))
}

/// The cosines of consecutive gradients, or of consecutive updates where no gradient is recorded, from
/// the first of the lines to the last; and which of the two they are of.
pub(super) fn cosines(run: &RunData, lines: &[&LineRecord]) -> (Series, &'static str) {
    let steps = steps(run, lines);
    let of_gradients = steps.iter().any(|step| step.cosine.is_some());
    let (what, value): (_, fn(&StepRecord) -> Option<f64>) = if of_gradients {
        ("gradients", |step| step.cosine)
    } else {
        ("updates", |step| step.update_cosine)
    };
    (by_iteration("cosine", steps, 0.0, value), what)
}

/// The distance after each of the steps.
pub(super) fn distances(run: &RunData, lines: &[&LineRecord]) -> Series {
    by_iteration("distance", steps(run, lines), 1.0, |step| step.distance)
}

/// The steps from the first line to the last.
fn steps<'a>(run: &'a RunData, lines: &[&LineRecord]) -> &'a [StepRecord] {
    let [first, .., last] = lines else {
        return lines.first().map_or(&[], |only| run.steps_between(only.step, only.step));
    };
    run.steps_between(first.step, last.step)
}

/// A value of each step, `after` its iteration.
fn by_iteration(
    name: &str,
    steps: &[StepRecord],
    after: f64,
    value: impl Fn(&StepRecord) -> Option<f64>,
) -> Series {
    let points = steps
        .iter()
        .map(|step| (step.iteration as f64 + after, value(step).unwrap_or(f64::NAN)))
        .collect();
    Series::new(name, Style::DottedLine, LOSS, points)
        .detail("step", steps.iter().map(|step| step.step as f64))
        .detail("iteration", steps.iter().map(|step| step.iteration as f64))
}

fn series(name: &str, (style, color): (Style, usize), points: &[Point]) -> Series {
    let places = points.iter().map(|point| (point.iteration + point.alpha, point.loss)).collect();
    Series::new(name, style, color, places)
        .detail("step", points.iter().map(|point| point.step))
        .detail("iteration", points.iter().map(|point| point.iteration))
        .detail("alpha", points.iter().map(|point| point.alpha))
}

fn along(lines: &[&LineRecord]) -> Series {
    let of_line = |line: &LineRecord| -> Vec<Point> {
        let points = line.alphas.iter().zip(&line.losses);
        points.map(|(&alpha, &loss)| Point::of(line, alpha, loss)).collect()
    };
    series("loss", (Style::DottedLine, LOSS), &with_gaps(lines, of_line))
}

/// Where a certificate bounds L(alpha) - L(0), a bar from the lower bound to the upper one. An end
/// without a bound is the estimate.
fn bounds(lines: &[&LineRecord]) -> Series {
    let of_line = |line: &&LineRecord| -> Vec<Point> {
        let start = line.losses.first().copied().flatten();
        let bounds = line.certificate.iter().flat_map(|certificate| &certificate.bounds);
        let points = line.alphas.iter().zip(&line.losses).zip(bounds);
        let bar = |((&alpha, &loss), bound): ((&f64, &Option<f64>), &[Option<f64>; 2])| {
            let end =
                |rise: Option<f64>| rise.zip(start).map(|(rise, start)| start + rise).or(loss);
            let ends = if *bound == [None, None] { [None, None] } else { bound.map(end) };
            [ends[0], ends[1], None].map(|loss| Point::of(line, alpha, loss))
        };
        points.flat_map(bar).collect()
    };
    let points: Vec<Point> = lines.iter().flat_map(of_line).collect();
    series("bounds", (Style::Whiskers, BOUNDS), &points)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{Fixture, TestError};

    #[test]
    fn bounds_go_from_the_estimate_to_the_loss_at_the_start_plus_the_bound() -> Result<(), TestError>
    {
        let run = Fixture::new("a", 30, 3).certified().load()?;
        let (start, middle, end) = (2.0 / 3.0, 2.0 / 3.0 + 0.25, 0.5);
        let expected = [(2.5, start - 0.5), (2.5, middle), (3.0, end), (3.0, start + 0.75)];
        let drawn: Vec<_> =
            bounds(&[&run.lines[2]]).points().filter(|(_, loss)| loss.is_finite()).collect();
        assert_eq!(drawn.len(), expected.len(), "{drawn:?}");
        for ((x, loss), (at, expected)) in drawn.into_iter().zip(expected) {
            assert!(x == at && (loss - expected).abs() < 1e-12, "{x} {loss} {expected}");
        }
        assert!(note_on_bounds(&run.lines).is_some_and(|note| note.contains("0.9999")));
        assert_eq!(note_on_bounds(&Fixture::new("a", 30, 3).load()?.lines), None);
        Ok(())
    }
}

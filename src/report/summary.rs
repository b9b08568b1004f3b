//! The short text at the end of a run.

use crate::precision::Precision;
use crate::run::{EpochRecord, LineRecord, RunFolder, StepRecord};

use super::ReportError;
use super::curvature_summary::of_curvature;
use super::facts::{Time, duration, status};
use super::run_data::RunData;
use super::statistics::mean;
use super::ticks::number;

/// Steps that the mean cosine looks back on in a run of a single epoch.
const LAST_STEPS: usize = 100;

/// About ten lines on what a run found, for the terminal.
///
/// # Errors
/// If the run cannot be read or has no step.
pub fn summary(folder: &RunFolder) -> Result<String, ReportError> {
    let run = RunData::load(folder)?;
    let mut rows = vec![("steps", steps(&run))];
    if run.lines.is_empty() {
        rows.push(("loss along updates", "not measured".to_owned()));
    } else {
        // Losses after epochs say more: they are of the whole way.
        rows.extend(run.epochs.is_empty().then(|| loss_of_lines(&run.lines)));
        rows.extend(of_lines(&run.lines));
    }
    rows.extend(of_epochs(&run.epochs));
    rows.extend(of_steps(&run));
    rows.extend(of_curvature(&run));
    rows.extend(of_time(&run));
    let problems = run.manifest.problems.iter();
    rows.extend(
        problems.map(|problem| ("note", format!("step {}: {}", problem.step, problem.message))),
    );
    let text = rows.iter().map(|(name, value)| format!("  {name:<20} {value}\n"));
    Ok(format!("{} ({})\n{}", run.manifest.name, status(&run), text.collect::<String>()))
}

fn steps(run: &RunData) -> String {
    let (recorded, total) = (run.steps.len(), run.manifest.total_steps);
    let samples = number(run.manifest.samples as f64, 0);
    format!("{recorded} of {total}, {} measured on all {samples} samples", run.lines.len())
}

/// The loss where the first and the last measured update began and ended.
fn loss_of_lines(lines: &[LineRecord]) -> (&'static str, String) {
    let end = |loss: Option<&Option<f64>>| digits(loss.copied().flatten());
    let first = end(lines.first().and_then(|line| line.losses.first()));
    let last = end(lines.last().and_then(|line| line.losses.last()));
    let of = |line: Option<&LineRecord>| line.map_or(0, |line| line.step);
    let (start, end) = (of(lines.first()), of(lines.last()) + 1);
    ("full training loss", format!("{first} -> {last} (measured at steps {start} and {end})"))
}

fn of_lines(lines: &[LineRecord]) -> Vec<(&'static str, String)> {
    vec![
        ("barriers crossed", barriers(lines)),
        ("highest barrier", highest(lines)),
        ("valley floor", floor(lines)),
    ]
}

/// From the first point that is recorded to the last one: theta_0 and theta_T of a run that ended.
fn of_epochs(epochs: &[EpochRecord]) -> Vec<(&'static str, String)> {
    let (Some(first), Some(last)) = (epochs.first(), epochs.last()) else { return Vec::new() };
    let way = |value: fn(&EpochRecord) -> Option<f64>, text: fn(Option<f64>) -> String| {
        let has_value = value(first).or(value(last)).is_some();
        has_value.then(|| format!("{} -> {}", text(value(first)), text(value(last))))
    };
    let pair = |loss: Option<String>, accuracy: Option<String>| match (loss, accuracy) {
        (Some(loss), Some(accuracy)) => Some(format!("{loss}, accuracy {accuracy}")),
        (loss, _) => loss,
    };
    let train = pair(way(|record| record.loss, digits), way(|record| record.accuracy, percent));
    let test =
        pair(way(|record| record.test_loss, digits), way(|record| record.test_accuracy, percent));
    let steps = format!("(steps {} and {})", first.step, last.step);
    let rows = [("full training loss", train), ("test loss", test)];
    rows.into_iter().filter_map(|(name, way)| Some((name, format!("{} {steps}", way?)))).collect()
}

fn percent(share: Option<f64>) -> String {
    share.map_or("unknown".to_owned(), |share| format!("{:.2} %", 100.0 * share))
}

fn barriers(lines: &[LineRecord]) -> String {
    let crossed = lines.iter().filter(|line| line.verdict.barrier == Some(true)).count();
    let decided = lines.iter().filter(|line| line.verdict.barrier.is_some()).count();
    let in_f64 = lines.iter().filter(|line| line.verdict.precision == Precision::F64).count();
    let unresolved = lines.iter().filter(|line| !line.verdict.resolved).count();
    let doubts = [(in_f64, "decided in f64"), (unresolved, "unresolved")];
    let doubts = doubts.iter().filter(|(count, _)| *count > 0);
    let doubts: Vec<_> = doubts.map(|(count, what)| format!("{count} {what}")).collect();
    let doubts =
        if doubts.is_empty() { String::new() } else { format!(" ({})", doubts.join(", ")) };
    format!("{crossed} of {decided} measured steps{doubts}")
}

fn highest(lines: &[LineRecord]) -> String {
    highest_barrier(lines).map_or("none".to_owned(), |(share, height, step)| {
        format!("{height:.2e}, {:.2} % of the loss there (step {step})", 100.0 * share)
    })
}

/// The barrier that is the highest in relation to the higher end of its update: that share, its height
/// above that end, and its step.
pub(super) fn highest_barrier(lines: &[LineRecord]) -> Option<(f64, f64, u64)> {
    let relative = |line: &LineRecord| {
        let (first, last) = ((*line.losses.first()?)?, (*line.losses.last()?)?);
        let height = line.verdict.barrier_height.filter(|_| line.verdict.barrier == Some(true))?;
        Some((height / first.max(last), height, line.step))
    };
    lines.iter().filter_map(relative).max_by(|a, b| a.0.total_cmp(&b.0))
}

/// How often the floor rose from one measured step to the next.
fn floor(lines: &[LineRecord]) -> String {
    let neighbours = lines.windows(2).filter(|pair| pair[0].step + 1 == pair[1].step);
    let floors = neighbours
        .filter_map(|pair| Some((pair[0].verdict.floor_loss?, pair[1].verdict.floor_loss?)));
    let (rises, pairs) = floors.fold((0, 0), |(rises, pairs), (before, after)| {
        (rises + u32::from(after > before), pairs + 1)
    });
    format!("rose after {rises} of {pairs} steps (SGD moved over a barrier)")
}

fn of_steps(run: &RunData) -> Vec<(&'static str, String)> {
    let steps = &run.steps;
    let last = |value: fn(&StepRecord) -> Option<f64>| digits(steps.iter().rev().find_map(value));
    let (distance, path) = (last(|step| step.distance), last(|step| step.path_length));
    vec![
        ("mean cosine", cosine(steps)),
        ("distance", format!("{distance} from {}, along a path of {path}", run.start())),
    ]
}

fn cosine(steps: &[StepRecord]) -> String {
    let (mean, span) = mean_cosine(steps);
    let mean = mean.map_or("unknown".to_owned(), |mean| format!("{mean:+.4}"));
    format!("{mean} between consecutive gradients ({span})")
}

/// The mean over the last epoch, or over the last steps of a run of one epoch, and which of them it is.
pub(super) fn mean_cosine(steps: &[StepRecord]) -> (Option<f64>, String) {
    let first_epoch = steps.first().map(|step| step.epoch);
    let last_epoch = steps.last().map(|step| step.epoch);
    let (start, span) = if first_epoch == last_epoch {
        let count = steps.len().min(LAST_STEPS);
        (steps.len() - count, format!("last {count} steps"))
    } else {
        (steps.partition_point(|step| Some(step.epoch) < last_epoch), "last epoch".to_owned())
    };
    let mean = mean(steps[start..].iter().filter_map(|step| step.cosine));
    (Some(mean).filter(|mean| mean.is_finite()), span)
}

fn of_time(run: &RunData) -> Option<(&'static str, String)> {
    let time = Time::of(&run.timings);
    if run.timings.is_empty() || time.seconds() <= 0.0 {
        return None;
    }
    let share = |seconds: f64| 100.0 * seconds / time.seconds();
    let lines = share(time.line_seconds);
    let curvature = (time.curvature_seconds > 0.0)
        .then(|| format!(", {:.1} % on curvature", share(time.curvature_seconds)));
    let speed = time
        .sample_points_per_second()
        .map(|speed| format!(", {} samples × points per second", number(speed, 0)));
    let total = duration(time.seconds());
    let (curvature, speed) = (curvature.unwrap_or_default(), speed.unwrap_or_default());
    Some(("time", format!("{total}, {lines:.1} % on the loss along updates{curvature}{speed}")))
}

fn digits(value: Option<f64>) -> String {
    value.map_or("unknown".to_owned(), short)
}

/// Five decimals, fewer in large numbers, an exponent in very small and very large ones.
fn short(value: f64) -> String {
    if value != 0.0 && !(1e-4..1e6).contains(&value.abs()) {
        return format!("{value:.4e}");
    }
    let whole_digits = value.abs().max(1.0).log10() as usize;
    format!("{value:.0$}", 5 - whole_digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{Fixture, TestError};

    #[test]
    fn the_summary_tells_the_counts() -> Result<(), TestError> {
        let dir = tempfile::tempdir()?;
        let text = summary(&Fixture::new("a", 30, 20).write(dir.path())?)?;
        for part in [
            "a (done)",
            "30 of 30, 20 measured on all 100 samples",
            "2.00000 -> 0.09524",
            "6 of 20 measured steps\n",
            "-0.2500 between consecutive gradients (last epoch)",
            "75.0 % on the loss along updates, 200 samples × points per second",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        Ok(())
    }

    #[test]
    fn the_summary_tells_the_way_from_the_first_point_to_the_last() -> Result<(), TestError> {
        let dir = tempfile::tempdir()?;
        let text = summary(&Fixture::new("a", 30, 20).with_scores().write(dir.path())?)?;
        let ways = [
            "2.00000 -> 0.50000, accuracy 50.00 % -> 87.50 % (steps 0 and 30)",
            "2.20000 -> 0.55000, accuracy 40.00 % -> 77.50 % (steps 0 and 30)",
        ];
        assert!(ways.iter().all(|way| text.contains(way)), "{text}");
        assert!(!text.contains("measured at steps"), "{text}");
        Ok(())
    }

    #[test]
    fn the_summary_tells_the_last_measured_curvature() -> Result<(), TestError> {
        let dir = tempfile::tempdir()?;
        let text = summary(&Fixture::new("a", 30, 20).with_curvature().write(dir.path())?)?;
        for part in [
            "3.0 ± 1.0 over 3 batches of 10 (after epoch 2)",
            "4.000 over 1 batch of 100 (after epoch 2)",
            "12.00 (residual 1.0e-6), eta lambda_max = 1.200 where 2 is the edge of stability (after \
             epoch 2)",
            "1.050 ± 0.080 (B = 10) times equation 3's (after epoch 2)",
            "60.0 % on the loss along updates, 20.0 % on curvature, 200 samples",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        Ok(())
    }

    #[test]
    fn the_summary_of_a_diverged_run_tells_the_last_finite_values() -> Result<(), TestError> {
        let dir = tempfile::tempdir()?;
        let text = summary(&Fixture::new("a", 12, 12).diverged().write(dir.path())?)?;
        assert!(
            text.contains("a (diverged)") && text.contains("step 11: the loss is <not> finite")
        );
        assert!(!text.contains("NaN") && !text.contains("unknown"), "{text}");
        Ok(())
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [0.0, 1.5, 1234.5, 1e-7].map(short),
            ["0.00000", "1.50000", "1234.50", "1.0000e-7"]
        );
    }
}

//! Figure 4 and table 1 of the paper: how many measured updates of each epoch crossed a barrier.

use crate::precision::Precision;
use crate::report::ReportError;
use crate::report::csv::Csv;
use crate::report::figure::{Axis, Figure, Panel, Series, Style};
use crate::report::groups::groups;
use crate::report::repeats::{MEAN, are_repeats, mean_and_margin, mean_name, mean_of, mean_text};
use crate::report::run_data::RunData;
use crate::report::table::Table;

use super::error_bars::{Estimate, with_error_bars};

/// The probability that more certified decisions of an epoch are wrong than the table says.
const DOUBT: f64 = 0.01;

/// What was counted in one epoch of one run.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Count {
    epoch: u64,
    barriers: u64,
    /// Measured steps with a decision; one with a loss that is not finite has none.
    steps: u64,
    in_f64: u64,
    /// Steps whose height is within the rounding error of even that precision.
    unresolved: u64,
    /// Steps whose decision is certified, not exact, and the sum of their stated errors.
    certified: u64,
    stated_error: f64,
}

impl Count {
    fn text(&self) -> String {
        let unresolved = Some(self.unresolved).filter(|&count| count > 0);
        let unresolved = unresolved.map(|count| format!("{count} unresolved"));
        let certified =
            (self.certified > 0).then(|| format!("at most {} wrong", self.most_wrong()));
        let notes: Vec<String> = unresolved.into_iter().chain(certified).collect();
        let text = format!("{} of {}", self.barriers, self.steps);
        if notes.is_empty() { text } else { format!("{text} ({})", notes.join(", ")) }
    }

    /// The number of wrong decisions that is exceeded with a probability of at most [`DOUBT`]. The
    /// decisions are independent, each wrong with at most its stated error, so their number exceeds
    /// any bound no more often than Poisson's with the sum of the errors does.
    fn most_wrong(&self) -> u64 {
        let mut term = (-self.stated_error).exp();
        let (mut within, mut count) = (term, 0);
        while within < 1.0 - DOUBT && count < self.certified {
            count += 1;
            term *= self.stated_error / count as f64;
            within += term;
        }
        count
    }
}

/// The counts as bars.
pub(super) fn figure(runs: &[RunData]) -> Figure {
    let epochs = epochs(runs);
    let panel = Panel {
        title: String::new(),
        in_image: true,
        x: Axis {
            categories: epochs.iter().map(u64::to_string).collect(),
            ..Axis::new("epoch", "measured epoch")
        },
        y: Axis { zero: true, whole: true, ..Axis::new("barriers", "updates with a barrier") },
        series: series(runs, &epochs),
    };
    Figure {
        id: "barriers".to_owned(),
        title: "Barriers crossed in each epoch".to_owned(),
        what: "Of the updates measured in an epoch, how many have a point strictly between their two \
               ends where the full training loss is higher than at both ends."
            .to_owned(),
        look_for: "Few or no barriers mean that SGD goes from one iterate to the next through a valley, \
                   not over a hill; compare the bars with the number of measured updates in the table."
            .to_owned(),
        notes: notes(runs),
        columns: 1,
        choice: None,
        panels: if is_crossed(runs) { vec![panel] } else { Vec::new() },
    }
    .without_empty(if runs.iter().any(|run| !run.lines.is_empty()) {
        "No measured update crossed a barrier."
    } else {
        "No loss along updates was measured, so there is nothing to count."
    })
}

fn notes(runs: &[RunData]) -> Vec<String> {
    let caveats = [(is_crossed(runs), CAVEAT), (counts_certified(runs), CERTIFIED)];
    caveats.iter().filter(|(applies, _)| *applies).map(|(_, note)| (*note).to_owned()).collect()
}

fn is_crossed(runs: &[RunData]) -> bool {
    runs.iter().flat_map(|run| &run.lines).any(|line| line.verdict.barrier == Some(true))
}

fn counts_certified(runs: &[RunData]) -> bool {
    runs.iter().flat_map(|run| &run.lines).any(|line| line.certificate.is_some())
}

/// What makes the counts trustworthy.
const CAVEAT: &str = "Where f32 could not tell a barrier from rounding, the update was measured again \
                      and decided in f64; an update that is still too close to call is named unresolved.";

/// What "at most so many wrong" means.
const CERTIFIED: &str = "Certified updates were decided from a part of the training set. At most so many of \
                         an epoch's decisions are wrong, with a probability of 99 % if what the run \
                         assumes of the units holds (run.toml: error, assume).";

/// Table 1: a run a row, a measured epoch a column.
pub(in crate::report) fn table_one(runs: &[RunData]) -> Option<Table> {
    let epochs = epochs(runs);
    if epochs.is_empty() {
        return None;
    }
    let heads = epochs.iter().map(|epoch| format!("epoch {epoch}"));
    let mut table = Table::new("Barriers of measured updates", "run", heads);
    for run in runs {
        let counts = counts(run);
        let cell = |epoch: &u64| {
            let count = counts.iter().find(|count| count.epoch == *epoch);
            count.map_or("–".to_owned(), Count::text)
        };
        table.row(&run.label, epochs.iter().map(cell));
    }
    let all = groups(runs);
    for group in all.iter().filter(|group| group.runs.len() > 1) {
        let mean = |epoch: &u64| {
            let seeds = group.runs.iter().map(|&run| &runs[run]);
            let measured = seeds.filter(|run| run.measured_epochs().contains(epoch));
            mean_text(measured.map(|run| count(run, *epoch).barriers as f64))
        };
        let name = mean_of(group.runs.len());
        let name = if all.len() > 1 { format!("{}: {name}", group.label) } else { name };
        table.row(&name, epochs.iter().map(mean));
    }
    table.note = match counts_certified(runs) {
        true => format!("{CAVEAT} {CERTIFIED}"),
        false => CAVEAT.to_owned(),
    };
    Some(table)
}

/// The counts as a table.
pub(super) fn csv(runs: &[RunData]) -> Result<Csv, ReportError> {
    let columns =
        "run,epoch,barriers,measured_steps,decided_in_f64,unresolved,certified,most_wrong";
    let rows = runs.iter().flat_map(|run| {
        counts(run).into_iter().map(|count| {
            let Count { epoch, barriers, steps, in_f64, unresolved, certified, .. } = count;
            let most_wrong = count.most_wrong();
            (&run.label, epoch, barriers, steps, in_f64, unresolved, certified, most_wrong)
        })
    });
    Csv::new("barriers", columns, rows)
}

/// Bars, with bounds where a single run is certified; of runs that differ in the seed alone thin lines
/// and their mean.
fn series(runs: &[RunData], epochs: &[u64]) -> Vec<Series> {
    let style = if are_repeats(runs) { Style::PaleLine } else { Style::Bars };
    let of_runs = runs.iter().enumerate().map(|(i, run)| of_run(run, (style, i), epochs));
    match runs {
        [only] => of_runs.chain([bounds(only, epochs)]).collect(),
        _ if are_repeats(runs) => of_runs.chain(mean(runs, epochs)).collect(),
        _ => of_runs.collect(),
    }
}

fn mean(runs: &[RunData], epochs: &[u64]) -> [Series; 2] {
    let counts: Vec<Vec<Count>> = runs.iter().map(counts).collect();
    let estimate = |(place, &epoch): (usize, &u64)| {
        let here = counts.iter().flatten().filter(|count| count.epoch == epoch);
        let (mean, error) = mean_and_margin(here.map(|count| count.barriers as f64));
        Estimate { x: place as f64, y: mean, error, details: vec![epoch as f64] }
    };
    let estimates: Vec<Estimate> = epochs.iter().enumerate().map(estimate).collect();
    with_error_bars(&mean_name(runs), MEAN, &["epoch"], &estimates)
}

/// What the counts may be where some of their decisions are wrong.
fn bounds(run: &RunData, epochs: &[u64]) -> Series {
    let bar = |count: &Count| {
        let (x, wrong) = (place(count, epochs), count.most_wrong());
        let (low, high) = (count.barriers.saturating_sub(wrong), count.barriers + wrong);
        [(x, low as f64), (x, high.min(count.steps) as f64), (x, f64::NAN)]
    };
    let certified = counts(run).into_iter().filter(|count| count.certified > 0);
    let bars = certified.flat_map(|count| bar(&count)).collect();
    Series::new("bounds of the count", Style::Whiskers, MEAN, bars)
}

fn place(count: &Count, epochs: &[u64]) -> f64 {
    epochs.partition_point(|&epoch| epoch < count.epoch) as f64
}

fn of_run(run: &RunData, (style, color): (Style, usize), epochs: &[u64]) -> Series {
    let counts = counts(run);
    let points = counts.iter().map(|count| (place(count, epochs), count.barriers as f64)).collect();
    Series::new(&run.label, style, color, points)
        .detail("epoch", counts.iter().map(|count| count.epoch as f64))
        .detail("measured steps", counts.iter().map(|count| count.steps as f64))
        .detail("unresolved", counts.iter().map(|count| count.unresolved as f64))
        .detail("at most wrong", counts.iter().map(|count| count.most_wrong() as f64))
        .detail("in f64", counts.iter().map(|count| count.in_f64 as f64))
}

fn counts(run: &RunData) -> Vec<Count> {
    run.measured_epochs().into_iter().map(|epoch| count(run, epoch)).collect()
}

fn count(run: &RunData, epoch: u64) -> Count {
    let mut count = Count { epoch, ..Count::default() };
    for line in run.lines_of(epoch) {
        count.steps += u64::from(line.verdict.barrier.is_some());
        count.barriers += u64::from(line.verdict.barrier == Some(true));
        count.unresolved += u64::from(!line.verdict.resolved);
        if let Some(certificate) = &line.certificate {
            count.certified += 1;
            count.stated_error += certificate.error;
        }
        count.in_f64 += u64::from(line.verdict.precision == Precision::F64);
    }
    count
}

/// The epochs that any run measured, ascending.
fn epochs(runs: &[RunData]) -> Vec<u64> {
    let mut epochs: Vec<u64> = runs.iter().flat_map(RunData::measured_epochs).collect();
    epochs.sort_unstable();
    epochs.dedup();
    epochs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{Fixture, TestError};

    #[test]
    fn seeds_are_thin_lines_and_their_mean_has_an_interval() -> Result<(), TestError> {
        let figure = figure(&Fixture::three_seeds()?);
        let [one, two, four, dots, line] = &figure.panels[0].series[..] else {
            return Err("three seeds and their mean".into());
        };
        assert_eq!([&one.y, &two.y, &four.y], [&[3.0, 3.0], &[2.0, 3.0], &[0.0, 3.0]]);
        assert!([one, two, four].iter().all(|run| run.style == Style::PaleLine));
        assert_eq!((dots.style, &dots.x, dots.y[1]), (Style::Dots, &vec![0.0, 1.0], 3.0));
        // 3, 2 and 0: mean 5/3 ± t s / √3 with t = 4.302653 and s² = 7/3.
        let margin = 4.302_653 * (7.0f64 / 9.0).sqrt();
        assert!((line.y[0] - 5.0 / 3.0).abs() < 1e-12);
        assert!((line.y[2] - line.y[0] - margin).abs() < 1e-5, "{:?}", line.y);
        Ok(())
    }

    #[test]
    fn a_certified_count_has_bounds_and_an_exact_one_none() -> Result<(), TestError> {
        let mut run = Fixture::new("a", 30, 20).certified();
        for line in &mut run.lines {
            line.certificate.iter_mut().for_each(|certificate| certificate.error = 0.01);
        }
        // Ten decisions, each wrong with 0.01: more than one with Poisson's 0.0047.
        let drawn = bounds(&run.load()?, &[1, 2]);
        let heights: Vec<f64> = drawn.y.iter().copied().filter(|y| y.is_finite()).collect();
        assert_eq!(heights, [2.0, 4.0, 2.0, 4.0]);
        let figure = figure(&[Fixture::new("a", 30, 20).load()?]);
        assert_eq!(figure.panels[0].series.len(), 1);
        Ok(())
    }
}

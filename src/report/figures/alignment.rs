//! Figures 5 and 6 of the paper: how well mini-batch gradients align with the Hessian, by batch size.

use crate::report::ReportError;
use crate::report::alignment_group::AlignmentGroup;
use crate::report::csv::{Csv, cell};
use crate::report::figure::{Axis, Figure, Panel, Series, Spacing, Style};
use crate::report::repeats::{are_repeats, mean_and_margin};
use crate::report::run_data::RunData;
use crate::report::table::Table;
use crate::run::AlignmentRecord;

use super::epoch_line::{EpochLine, epoch_lines, epoch_name, note_on_omission};
use super::error_bars::{Estimate, with_error_bars};
use super::reference::{highest, horizontal};

/// 2/eta is drawn up to this multiple of the highest value.
const MOST_STRETCH: f64 = 1.5;

/// One alignment of a mini-batch.
type Value = fn(&AlignmentRecord) -> Option<f64>;

/// Mean and standard deviation with the full Hessian and with that of the batch; `None` where no
/// alignment was measured.
pub(super) fn figure(runs: &[RunData]) -> Option<Figure> {
    let lines = lines(runs);
    if lines.is_empty() {
        return None;
    }
    let panels = vec![
        panel("H of the full training loss", "alignment u·Hu", runs, &lines, full),
        panel(
            "H of the batch’s own loss (batch sharpness)",
            "alignment u·H_B u",
            runs,
            &lines,
            own,
        ),
    ];
    let figure = Figure {
        id: "alignment".to_owned(),
        title: "Alignment of gradients with the Hessian".to_owned(),
        what: "How sharply the loss curves along the direction u of a mini-batch gradient, against the \
               size of the mini-batch: the mean over several mini-batches, ± one standard deviation or, \
               of several seeds, the mean over them with its 95 % interval."
            .to_owned(),
        look_for: "The paper finds that alignment grows with the batch size: larger batches point more \
                   into the sharp directions. Where the batch’s own sharpness exceeds 2/η (dashed, if \
                   near), a step raises the loss of its own batch, to second order."
            .to_owned(),
        notes: notes(runs),
        columns: 2,
        choice: None,
        panels,
    };
    Some(figure.without_empty("No alignment is finite."))
}

/// Mean, standard deviation and 95 % confidence interval for every epoch and batch size.
pub(super) fn csv(runs: &[RunData]) -> Result<Option<Csv>, ReportError> {
    let of = |what: &str| {
        ["values", "mean", "deviation", "low_95", "high_95"].map(|part| format!("{what}_{part}"))
    };
    let columns = [of("alignment"), of("alignment_batch")].concat().join(",");
    let columns = format!("run,step,epoch,batch_size,batches,{columns}");
    let rows = runs.iter().flat_map(|run| {
        AlignmentGroup::all(&run.alignments).map(|group| {
            let AlignmentGroup { step, epoch, batch_size, .. } = group;
            let cells = [full, own].map(|value| cells(&group, value));
            (&run.label, step, epoch, batch_size, group.batches(), cells)
        })
    });
    let is_measured = runs.iter().any(|run| !run.alignments.is_empty());
    is_measured.then(|| Csv::new("alignment", &columns, rows)).transpose()
}

/// Mean and standard deviation for reading: an epoch of a run a row, a batch size a column.
pub(in crate::report) fn table(runs: &[RunData]) -> Option<Table> {
    let groups: Vec<(&RunData, AlignmentGroup<'_>)> = runs
        .iter()
        .flat_map(|run| AlignmentGroup::all(&run.alignments).map(move |group| (run, group)))
        .collect();
    let mut sizes: Vec<u64> = groups.iter().map(|(_, group)| group.batch_size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let heads = sizes.iter().map(|size| format!("batches of {size}"));
    let mut table = Table::new("Alignment u·Hu of mini-batch gradients", "run", heads);
    for row in groups.chunk_by(|(run, a), (other, b)| run.label == other.label && a.step == b.step)
    {
        let (run, first) = row.first()?;
        let of_size = |size: &u64| row.iter().find(|(_, group)| group.batch_size == *size);
        let cell = |size| of_size(size).map_or("–".to_owned(), |(_, group)| text(group));
        let name = format!("{}, {}", run.label, epoch_name(first.epoch));
        table.row(&name, sizes.iter().map(cell));
    }
    table.note =
        "Mean ± standard deviation over mini-batches (and their number), with the Hessian of \
                  the full training loss; alignment.csv has 95 % confidence intervals of the means."
            .to_owned();
    (!groups.is_empty()).then_some(table)
}

fn text(group: &AlignmentGroup<'_>) -> String {
    let spread = group.spread(full);
    spread.map_or("–".to_owned(), |spread| format!("{spread} ({})", spread.count))
}

fn full(record: &AlignmentRecord) -> Option<f64> {
    record.alignment
}

fn own(record: &AlignmentRecord) -> Option<f64> {
    record.alignment_batch
}

/// The measured epochs, repeated.
fn epochs(run: &RunData) -> Vec<u64> {
    run.alignments.iter().map(|record| record.epoch).collect()
}

/// Lines of all runs, or of the first of those that differ in the seed alone: all have the same epochs.
fn lines(runs: &[RunData]) -> Vec<EpochLine<'_>> {
    epoch_lines(drawn(runs), epochs)
}

fn drawn(runs: &[RunData]) -> &[RunData] {
    if are_repeats(runs) { &runs[..1] } else { runs }
}

fn panel(
    title: &str,
    label: &str,
    runs: &[RunData],
    lines: &[EpochLine<'_>],
    value: Value,
) -> Panel {
    let mut series: Vec<Series> = match are_repeats(runs) {
        true => lines.iter().flat_map(|line| of_seeds(runs, line, value)).collect(),
        false => lines.iter().flat_map(|line| of_line(line, value)).collect(),
    };
    series.extend(stability_limits(lines, &series));
    Panel {
        title: title.to_owned(),
        in_image: true,
        x: Axis {
            spacing: Spacing::Log,
            switch: true,
            ..Axis::new("batch size", "samples in a mini-batch, B")
        },
        y: Axis { zero: true, ..Axis::new("alignment", label) },
        series,
    }
}

fn of_line(line: &EpochLine<'_>, value: Value) -> [Series; 2] {
    let groups = AlignmentGroup::all(&line.run.alignments).filter(|g| g.epoch == line.epoch);
    let estimate = |group: AlignmentGroup<'_>| {
        let spread = group.spread(value);
        let (mean, deviation) = (spread.map(|s| s.mean), spread.and_then(|s| s.deviation));
        let (mean, count) = (mean.unwrap_or(f64::NAN), spread.map_or(0, |s| s.count));
        let size = group.batch_size as f64;
        let details = vec![size, count as f64, mean, deviation.unwrap_or(f64::NAN)];
        Estimate { x: size * line.shift, y: mean, error: deviation, details }
    };
    let details = ["batch size", "batches", "mean", "standard deviation"];
    with_error_bars(&line.name, line.color, &details, &groups.map(estimate).collect::<Vec<_>>())
}

/// A thin line a seed, through the means over mini-batches, and the mean of those.
fn of_seeds(runs: &[RunData], line: &EpochLine<'_>, value: Value) -> Vec<Series> {
    let means = |run: &RunData| -> Vec<(f64, f64)> {
        let groups = AlignmentGroup::all(&run.alignments).filter(|g| g.epoch == line.epoch);
        let mean = |group: &AlignmentGroup<'_>| group.spread(value).map_or(f64::NAN, |s| s.mean);
        groups.map(|group| (group.batch_size as f64 * line.shift, mean(&group))).collect()
    };
    let of_runs: Vec<Vec<(f64, f64)>> = runs.iter().map(means).collect();
    let sizes = of_runs.iter().max_by_key(|means| means.len()).into_iter().flatten();
    let estimate = |&(x, _): &(f64, f64)| {
        let here = of_runs.iter().flatten().filter(|(place, _)| *place == x);
        let (mean, error) = mean_and_margin(here.map(|(_, mean)| *mean));
        Estimate { x, y: mean, error, details: vec![(x / line.shift).round(), mean] }
    };
    let estimates: Vec<Estimate> = sizes.map(estimate).collect();
    let name = format!("{}: mean of {} seeds", line.name, runs.len());
    let mean = with_error_bars(&name, line.color, &["batch size", "mean"], &estimates);
    let single = format!("{}: single seeds", line.name);
    let thin = |means| Series::new(&single, Style::PaleLine, line.color, means);
    of_runs.into_iter().map(thin).chain(mean).collect()
}

/// 2/eta of the learning rates in use at the measured points, where the panel comes near it.
fn stability_limits(lines: &[EpochLine<'_>], series: &[Series]) -> Vec<Series> {
    let rate = |line: &EpochLine<'_>| {
        let record = line.run.alignments.iter().find(|record| record.epoch == line.epoch)?;
        line.run.learning_rate(record.step)
    };
    let mut rates: Vec<f64> = lines.iter().filter_map(rate).collect();
    rates.sort_by(f64::total_cmp);
    rates.dedup();
    let is_near = |rate: &f64| 2.0 / rate <= MOST_STRETCH * highest(series);
    let limit =
        |rate: f64| horizontal(&format!("2/η at η = {rate}"), 2.0 / rate, series, Spacing::Log);
    rates.into_iter().filter(is_near).map(limit).collect()
}

fn notes(runs: &[RunData]) -> Vec<String> {
    let mut notes = vec![if are_repeats(runs) { OF_SEEDS } else { BARS }.to_owned()];
    notes.extend(note_on_omission(drawn(runs), epochs));
    let decays = runs.iter().flat_map(|run| run.alignments.iter().map(|r| r.weight_decay));
    if decays.into_iter().any(|decay| decay != 0.0) {
        notes.push(
            "Weight decay is part of the loss here and adds its factor to every value.".to_owned(),
        );
    }
    notes
}

/// What the bars are where there are several seeds.
const OF_SEEDS: &str = "Thin lines are single seeds, each point the mean over its mini-batches; bars are the 95 % \
                        interval of the mean over seeds (Student's t). Points of one batch size stand side \
                        by side.";

/// What the bars are, and are not.
const BARS: &str = "The bars show how single mini-batches differ, not how well the mean is known: for \
                    that the table alignment.csv has 95 % confidence intervals. The whole training set \
                    is one direction and has no bar. Points of one batch size stand side by side.";

/// The number of values, and with empty cells where they are unknown the rest of [`csv`]'s columns.
fn cells(group: &AlignmentGroup<'_>, value: Value) -> (usize, [Option<f64>; 4]) {
    let spread = group.spread(value);
    let interval = spread.and_then(|spread| spread.interval());
    let numbers = [
        spread.map(|spread| spread.mean),
        spread.and_then(|spread| spread.deviation),
        interval.map(|(low, _)| low),
        interval.map(|(_, high)| high),
    ];
    let count = spread.map_or(0, |spread| spread.count);
    (count, numbers.map(cell))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{Fixture, TestError};

    fn names(figure: &Figure, panel: usize) -> Vec<&str> {
        figure.panels[panel].series.iter().map(|series| series.name.as_str()).collect()
    }

    #[test]
    fn the_limit_of_stability_is_drawn_where_values_come_near_it() -> Result<(), TestError> {
        let mut run = Fixture::new("a", 30, 0).with_curvature();
        for step in &mut run.steps {
            step.learning_rate = Some(0.15);
        }
        // 2/0.15 = 13.3: within 1.5 times the 10 of batches, not of the 4 with the full Hessian.
        let figure = figure(&[run.load()?]).ok_or("no figure")?;
        assert!(!names(&figure, 0).iter().any(|name| name.starts_with("2/η")));
        assert!(names(&figure, 1).contains(&"2/η at η = 0.15"));
        Ok(())
    }

    #[test]
    fn the_whole_training_set_has_no_error_bar() -> Result<(), TestError> {
        let figure = figure(&[Fixture::new("a", 30, 0).with_curvature().load()?]);
        let panels = figure.ok_or("no figure")?.panels;
        let line = &panels[0].series[1];
        // Batches of 10 with mean 1 ± 1, then the training set.
        assert_eq!(line.y, [1.0, 0.0, 2.0, 1.0, 2.0]);
        assert_eq!(line.details[0].values, [10.0, 10.0, 10.0, 10.0, 100.0]);
        Ok(())
    }

    #[test]
    fn seeds_are_thin_lines_and_their_mean_has_an_interval() -> Result<(), TestError> {
        let figure = figure(&Fixture::three_seeds()?).ok_or("no figure")?;
        let series = &figure.panels[0].series;
        let thin: Vec<_> = series.iter().filter(|series| series.style == Style::PaleLine).collect();
        assert_eq!(thin.len(), 9, "a line for each of three epochs and seeds");
        assert_eq!([&thin[0].y, &thin[1].y, &thin[2].y], [&[1.0, 2.0], &[2.0, 3.0], &[4.0, 5.0]]);
        let name = "initialisation: mean of 3 seeds";
        let mean = series.iter().find(|series| series.name == name && series.style == Style::Line);
        let mean = mean.ok_or("no mean")?;
        // 1, 2, 4: mean 7/3 ± t s / √3 with t = 4.302653 and s² = 7/3.
        let margin = 4.302_653 * (7.0f64 / 9.0).sqrt();
        assert!((mean.y[0] - 7.0 / 3.0).abs() < 1e-12 && mean.details[0].values[0] == 10.0);
        assert!((mean.y[2] - mean.y[0] - margin).abs() < 1e-5, "{:?}", mean.y);
        Ok(())
    }

    #[test]
    fn the_table_has_a_row_an_epoch_and_a_column_a_batch_size() -> Result<(), TestError> {
        let table = table(&[Fixture::new("a", 30, 0).with_curvature().load()?]);
        let html = table.ok_or("no table")?.html().into_string();
        for text in ["a, initialisation", "a, after epoch 2", "batches of 10<", "batches of 100<"] {
            assert_eq!(html.matches(text).count(), 1, "{text} in {html}");
        }
        assert!(html.contains("<td>3.0 ± 1.0 (3)</td><td>4.000 (1)</td>"), "{html}");
        Ok(())
    }
}

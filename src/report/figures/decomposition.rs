//! Equation 2 of the paper: which part of the Hessian the alignment of mini-batch gradients comes from.
//!
//! u·Hu = u·Cu + (u·g)² + u·Ru, with C the covariance of the gradients of single samples, g their
//! mean and R what is left of H.

use crate::report::ReportError;
use crate::report::alignment_group::AlignmentGroup;
use crate::report::csv::{Csv, cell};
use crate::report::figure::{Axis, Figure, Panel, Series, Spacing, Style};
use crate::report::run_data::RunData;
use crate::run::AlignmentRecord;

use super::epoch_line::{EpochLine, epoch_lines, note_on_omission};

/// One term of the equation for a mini-batch.
type Term = fn(&AlignmentRecord) -> Option<f64>;

const TERMS: [(&str, Term); 3] = [
    ("u·Cu, covariance of the gradients", |record| record.covariance),
    ("(u·g)², mean gradient", |record| record.squared_slope),
    ("u·Ru, residual", |record| record.residual),
];

/// The share of each term against the batch size, a panel a measured epoch; `None` where the terms
/// were not measured.
pub(super) fn figure(runs: &[RunData]) -> Option<Figure> {
    let lines = epoch_lines(runs, epochs);
    if lines.is_empty() {
        return None;
    }
    let figure = Figure {
        id: "decomposition".to_owned(),
        title: "What the alignment is made of".to_owned(),
        what: "The curvature u·Hu along mini-batch gradients is the sum of three terms: from the \
               covariance C of single samples’ gradients, from their mean g, and a residual R. Shown is \
               each term’s share of the sum, from means over the mini-batches."
            .to_owned(),
        look_for: "Where the first two shares are close to one together, gradients alone explain the \
                   sharp directions. Larger batches point along g, so the share of (u·g)² grows with B."
            .to_owned(),
        notes: note_on_omission(runs, epochs).into_iter().collect(),
        columns: lines.len().min(2),
        choice: None,
        panels: lines.iter().map(panel).collect(),
    };
    Some(figure.without_empty("No term is finite."))
}

/// Mean and standard deviation of every term.
pub(super) fn csv(runs: &[RunData]) -> Result<Option<Csv>, ReportError> {
    let columns = "run,step,epoch,batch_size,batches,covariance_mean,covariance_deviation,\
                   squared_slope_mean,squared_slope_deviation,residual_mean,residual_deviation";
    let rows = runs.iter().flat_map(|run| {
        groups(run).map(|group| {
            let terms = TERMS.map(|(_, term)| {
                let spread = group.spread(term);
                [spread.map(|s| s.mean), spread.and_then(|s| s.deviation)].map(cell)
            });
            let AlignmentGroup { step, epoch, batch_size, .. } = group;
            (&run.label, step, epoch, batch_size, group.batches(), terms)
        })
    });
    let is_measured = runs.iter().any(|run| groups(run).next().is_some());
    is_measured.then(|| Csv::new("decomposition", columns, rows)).transpose()
}

/// The groups with all three terms.
fn groups(run: &RunData) -> impl Iterator<Item = AlignmentGroup<'_>> {
    AlignmentGroup::all(&run.alignments).filter(|group| means(group).is_some())
}

fn epochs(run: &RunData) -> Vec<u64> {
    groups(run).map(|group| group.epoch).collect()
}

fn means(group: &AlignmentGroup<'_>) -> Option<[f64; 3]> {
    let mean = |term: Term| group.spread(term).map(|spread| spread.mean);
    let [(_, first), (_, second), (_, third)] = TERMS;
    Some([mean(first)?, mean(second)?, mean(third)?])
}

fn panel(line: &EpochLine<'_>) -> Panel {
    let means: Vec<(u64, [f64; 3])> = groups(line.run)
        .filter(|group| group.epoch == line.epoch)
        .filter_map(|group| Some((group.batch_size, means(&group)?)))
        .collect();
    let x = Axis { spacing: Spacing::Log, ..Axis::new("batch size", "samples in a mini-batch, B") };
    Panel {
        title: line.name.clone(),
        in_image: true,
        x: Axis { switch: true, ..x },
        y: Axis { zero: true, ..Axis::new("share", "share of u·Hu") },
        series: (0..TERMS.len()).map(|term| shares(term, &means)).collect(),
    }
}

/// The shares of a term; a sum that is not positive has no shares.
fn shares(term: usize, means: &[(u64, [f64; 3])]) -> Series {
    let share = |(size, terms): &(u64, [f64; 3])| {
        let sum: f64 = terms.iter().sum();
        (*size as f64, if sum > 0.0 { terms[term] / sum } else { f64::NAN })
    };
    let points = means.iter().map(share).collect();
    Series::new(TERMS[term].0, Style::DottedLine, term, points)
        .detail("batch size", means.iter().map(|(size, _)| *size as f64))
        .detail("mean of the term", means.iter().map(|(_, terms)| terms[term]))
        .detail("sum of the terms", means.iter().map(|(_, terms)| terms.iter().sum()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{Fixture, TestError};

    #[test]
    fn the_shares_add_up_to_one() -> Result<(), TestError> {
        let mut run = Fixture::new("a", 30, 0).with_curvature();
        // A sum below zero has no shares.
        for record in run.alignments.iter_mut().filter(|record| record.epoch == 2) {
            record.residual = Some(-20.0);
        }
        let panels = figure(&[run.load()?]).ok_or("no figure")?.panels;
        let shares = |panel: usize| panels[panel].series.iter().map(|series| series.y[1]);
        assert_eq!(shares(1).collect::<Vec<_>>(), [0.75, 0.5, -0.25]);
        assert!(panels.len() == 2, "the panel of epoch 2 has no share");
        Ok(())
    }

    #[test]
    fn the_table_has_means_and_deviations() -> Result<(), TestError> {
        let table = csv(&[Fixture::new("a", 30, 0).with_curvature().load()?])?;
        let text = String::from_utf8(table.ok_or("no table")?.bytes)?;
        assert!(text.contains("\na,10,1,10,3,1.5,0.75,1.0,0.5,-0.5,0.25\n"), "{text}");
        assert!(text.contains("\na,10,1,100,1,2.25,,1.5,,-0.75,\n"), "{text}");
        Ok(())
    }
}

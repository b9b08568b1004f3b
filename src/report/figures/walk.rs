//! The figure of the paper: the loss along every update, iteration after iteration, and below it the
//! cosine of consecutive gradients and the distance from initialisation over the same axis.
//!
//! The point alpha of the update in iteration i stands at i + alpha.

use crate::report::ReportError;
use crate::report::csv::{Csv, cell};
use crate::report::figure::{Axis, Choice, Figure, Panel};
use crate::report::run_data::RunData;
use crate::report::ticks::number;
use crate::run::LineRecord;

use super::bounce::{Stretch, bounciest, opening};
use super::epoch_line::chosen_for_image;
use super::walk_series;

/// Updates of an epoch that are shown at first, as in the paper.
const SHOWN: usize = 40;

/// The measured updates of an epoch, and where to look first.
struct Epoch<'a> {
    number: u64,
    lines: Vec<&'a LineRecord>,
    stretch: Stretch,
}

/// The walk of the run with this index.
pub(super) fn figure(runs: &[RunData], index: usize) -> Figure {
    let run = &runs[index];
    let epochs = epochs(runs, run);
    let chosen = chosen_for_image(epochs.len());
    let stretches: Vec<Stretch> = epochs.iter().map(|epoch| epoch.stretch).collect();
    let opening = opening(&stretches);
    let points = run.lines.first().map_or(0, |line| line.alphas.len());
    let several = runs.len() > 1;
    let mut notes = note_on_choice(epochs.len(), chosen.len());
    if run.manifest.checkpoints.is_empty() {
        notes.extend(epochs.get(opening).and_then(|epoch| note_on_opening(epoch, several)));
    }
    notes.extend(walk_series::note_on_bounds(&run.lines));
    let with_others = epochs.len() == 1;
    let panels = epochs
        .iter()
        .enumerate()
        .map(|(i, epoch)| panels(run, epoch, chosen.contains(&i), with_others));
    let figure = Figure {
        id: if several { format!("walk-{}", index + 1) } else { "walk".to_owned() },
        title: format!("The walk through the loss: {}", run.label),
        what: format!(
            "Between two grey lines lies {}: the loss on the full training set at \
             {points} points of the straight line from the parameters before to those after it.",
            if run.manifest.checkpoints.is_empty() {
                "one update of SGD"
            } else {
                "the way from one checkpoint to the next"
            }
        ),
        look_for: "A triangle marks a barrier: a loss between two iterates that is higher than at both. \
                   Where the dashed valley floor (the lowest loss of each update) rises, SGD has moved \
                   over a barrier that no single update crossed. A cosine below zero means that SGD \
                   bounces from one wall of the valley to the other."
            .to_owned(),
        notes,
        columns: 1,
        choice: Some(Choice { name: "epoch".to_owned(), panels: PANELS, opening }),
        panels: panels.flatten().collect(),
    };
    if figure.panels.is_empty() { without_lines(figure) } else { figure }
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

/// The epochs with a finite loss along some update.
fn epochs<'a>(runs: &[RunData], run: &'a RunData) -> Vec<Epoch<'a>> {
    let epoch = |number| {
        let lines: Vec<&LineRecord> = run.lines_of(number).collect();
        lines.iter().any(|line| line.losses.iter().any(Option::is_some)).then_some(())?;
        Some(Epoch { number, stretch: stretch(runs, &lines)?, lines })
    };
    run.measured_epochs().into_iter().filter_map(epoch).collect()
}

/// Of what the runs would be shown at in an epoch, where a run with these lines was measured: the same for
/// all of them, so that their axes are equal.
fn stretch(runs: &[RunData], lines: &[&LineRecord]) -> Option<Stretch> {
    let (first, last) = (lines.first()?, lines.last()?);
    let of_run = |run: &RunData| {
        let others: Vec<&LineRecord> = run.lines_of(first.epoch).collect();
        bounciest(run, &others, SHOWN)
    };
    let is_measured = |stretch: &Stretch| {
        stretch.iterations.0 >= first.iteration && stretch.iterations.1 <= last.iteration + 1
    };
    let stretches = runs.iter().filter_map(of_run).filter(is_measured).collect::<Vec<_>>();
    stretches.get(opening(&stretches)).copied()
}

fn note_on_choice(measured: usize, shown: usize) -> Vec<String> {
    if measured == shown {
        return Vec::new();
    }
    vec![format!("Of {measured} measured epochs, the image shows {shown}.")]
}

/// Which updates are shown first, and why.
fn note_on_opening(epoch: &Epoch<'_>, several: bool) -> Option<String> {
    let ((first, last), cosine) = (epoch.stretch.iterations, epoch.stretch.cosine?);
    let (measured, number) = (epoch.lines.len(), number(cosine, 2));
    let of_any = if several { " of any run" } else { "" };
    (measured > SHOWN).then(|| {
        format!(
            "Of each epoch, those {SHOWN} updates in a row are shown first that have the lowest mean \
             cosine{of_any}: iterations {first} to {last} of epoch {}, {number}.",
            epoch.number,
        )
    })
}

fn without_lines(figure: Figure) -> Figure {
    figure.without_empty(
        "No loss along updates was measured in this run; a [[measure]] section with kind = \"line\" \
         in the experiment asks for it.",
    )
}

/// Panels of an epoch.
const PANELS: usize = 3;

/// Loss, cosine and distance of an epoch's measured updates.
fn panels(run: &RunData, epoch: &Epoch<'_>, in_image: bool, with_others: bool) -> [Panel; PANELS] {
    let (from, to) = epoch.stretch.iterations;
    let names = run.checkpoints();
    let (title, axis) = if names.is_empty() {
        let axis = Axis::new("iteration", "iteration within the epoch");
        (format!("Epoch {}", epoch.number), axis)
    } else {
        ("Loss".to_owned(), Axis::new("checkpoint", "checkpoint"))
    };
    let view = Some((from as f64, to as f64));
    let x = Axis { whole: true, every_whole: true, view, names, ..axis };
    let panel = |title: String, in_image, y, series| {
        Panel { title, in_image, x: x.clone(), y, series }.with_points_only()
    };
    let others = in_image && with_others;
    let (cosine, what) = walk_series::cosines(run, &epoch.lines);
    [
        panel(
            title,
            in_image,
            Axis { switch: true, ..Axis::new("loss", "full training loss") },
            walk_series::losses(&epoch.lines),
        ),
        panel(
            format!("Cosine of consecutive {what}"),
            others,
            Axis { zero: true, ..Axis::new("cosine", "cosine") },
            vec![cosine],
        ),
        panel(
            format!("Distance from {}", run.start()),
            others,
            Axis::new("distance", "distance"),
            vec![walk_series::distances(run, &epoch.lines)],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{Fixture, TestError};

    #[test]
    fn the_page_opens_where_sgd_bounces() -> Result<(), TestError> {
        let mut fixture = Fixture::new("a", 200, 200);
        for (i, step) in fixture.steps.iter_mut().enumerate() {
            (step.epoch, step.iteration) = (i as u64 / 100 + 1, i as u64 % 100);
            step.cosine = Some(if (130..180).contains(&i) { -0.5 } else { 0.25 });
        }
        for line in &mut fixture.lines {
            (line.epoch, line.iteration) = (line.step / 100 + 1, line.step % 100);
        }
        let figure = figure(&[fixture.load()?], 0);
        assert_eq!(figure.choice.as_ref().map(|choice| choice.opening), Some(1));
        assert_eq!(figure.panels.len(), 2 * PANELS);
        for panel in &figure.panels[PANELS..] {
            assert_eq!(panel.x.view, Some((30.0, 70.0)), "{}", panel.title);
        }
        assert!(
            figure.notes[0].contains("30 to 70 of epoch 2") && figure.notes[0].contains("−0.50")
        );
        Ok(())
    }

    #[test]
    fn the_image_of_one_epoch_has_its_cosines_and_distances() -> Result<(), TestError> {
        let shown = |epochs: u64| -> Result<usize, TestError> {
            let figure = figure(&[Fixture::new("a", 30, 10 * epochs).load()?], 0);
            Ok(figure.panels.iter().filter(|panel| panel.in_image).count())
        };
        assert_eq!((shown(1)?, shown(3)?), (3, 3));
        Ok(())
    }
}

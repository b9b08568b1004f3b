//! A figure's caption, to `\input` into LaTeX: what is drawn, of which run, and what each line is.

use crate::objective::BatchNormPolicy;
use crate::report::figure::{Axis, Figure, Panel, Series, Style};
use crate::report::run_data::RunData;

use super::latex::latex;
use super::setup::setup;

/// The figures of losses along updates.
const OF_LINES: [&str; 4] = ["walk", "barriers", "heights", "prediction"];

/// A `figure` environment that includes the PDF.
pub(super) fn caption(figure: &Figure, runs: &[RunData]) -> String {
    let sentences = sentences(figure, runs);
    let text: Vec<String> = sentences.iter().map(|sentence| latex(sentence)).collect();
    format!(
        "% Written by losswalk {}. LaTeX finds the PDF with \\graphicspath, or by \\import of this file.\n\
         % {}\n\
         \\begin{{figure}}\n  \\centering\n  \\includegraphics{{{id}.pdf}}\n  \
         \\caption{{{}}}\n  \\label{{fig:{id}}}\n\\end{{figure}}\n",
        env!("CARGO_PKG_VERSION"),
        latex(&figure.look_for),
        text.join("\n    "),
        id = figure.id,
    )
}

fn sentences(figure: &Figure, runs: &[RunData]) -> Vec<String> {
    let runs = drawn(figure, runs);
    let mut sentences = vec![format!("{}.", figure.title), figure.what.clone()];
    sentences.extend(looks(figure));
    sentences.extend(setup(runs));
    sentences.extend(points(figure, runs));
    sentences.extend(units(figure, runs));
    sentences.extend(figure.notes.iter().cloned());
    sentences
}

/// The runs that a figure is of: a walk is of one.
fn drawn<'a>(figure: &Figure, runs: &'a [RunData]) -> &'a [RunData] {
    let number = figure.id.strip_prefix("walk-").and_then(|number| number.parse::<usize>().ok());
    number.and_then(|number| runs.get(number - 1..number)).unwrap_or(runs)
}

/// What each name of the legend looks like, where there is more than one.
fn looks(figure: &Figure) -> Option<String> {
    let mut shown: Vec<&Series> = Vec::new();
    let panels = figure.panels.iter().filter(|panel| panel.in_image);
    for series in panels.flat_map(|panel| &panel.series) {
        if !shown.iter().any(|known| known.name == series.name) {
            shown.push(series);
        }
    }
    let look = |series: &&Series| format!("{} ({})", series.name, look(series.style));
    let looks: Vec<String> = shown.iter().map(look).collect();
    (looks.len() > 1).then(|| format!("Shown are {}.", looks.join("; ")))
}

fn look(style: Style) -> &'static str {
    match style {
        Style::Line => "line",
        Style::DottedLine => "line with dots",
        Style::Dashed => "dashed",
        Style::PaleLine => "thin, pale line",
        Style::Whiskers => "thin, pale bars",
        Style::Band => "shaded band",
        Style::Dots => "dots",
        Style::Rings => "rings",
        Style::PaleDots => "small, pale dots",
        Style::Triangles => "triangles",
        Style::Bars => "bars",
    }
}

/// K, where losses along updates are shown.
fn points(figure: &Figure, runs: &[RunData]) -> Option<String> {
    let is_of_lines = OF_LINES.iter().any(|id| figure.id.starts_with(id));
    let lines = runs.iter().flat_map(|run| run.lines.first());
    let mut counts: Vec<usize> = lines.map(|line| line.alphas.len().saturating_sub(1)).collect();
    counts.sort_unstable();
    counts.dedup();
    let [k] = counts[..] else { return None };
    is_of_lines.then(|| format!("K = {k}: the loss at α = 0, 1/{k}, …, 1 of each measured update."))
}

/// What a loss is, where one is shown.
fn units(figure: &Figure, runs: &[RunData]) -> Option<String> {
    let is_of_loss = |axis: &Axis| axis.label.contains("loss") || axis.label.contains("height");
    let shows_loss = |panel: &Panel| is_of_loss(&panel.x) || is_of_loss(&panel.y);
    let has_model = runs.iter().all(|run| run.settings.contains_key("model"));
    let policies: Vec<_> = runs.iter().filter_map(|run| run.lines.first()?.batch_norm).collect();
    let batch_norm = match policies[..] {
        [policy, ref others @ ..] if others.iter().all(|other| *other == policy) => match policy {
            BatchNormPolicy::Batch => {
                ", with the statistics of each evaluation batch in batch norm"
            }
            BatchNormPolicy::Recomputed => ", with statistics of the training set in batch norm",
            BatchNormPolicy::Running => ", with running statistics in batch norm",
        },
        _ => "",
    };
    let is_shown = has_model && figure.panels.iter().any(shows_loss);
    is_shown.then(|| format!("Losses are mean cross-entropies in nats{batch_norm}."))
}

//! The page: one file, no network. Without JavaScript it shows the images; with it, the scripts in
//! `page/` draw the same figures from the same description, to zoom into and to read values from.
//!
//! Text is escaped where it is put into the page; only what `PreEscaped` marks is taken as it is.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::run::Status;

use super::ReportError;
use super::facts::{self, status};
use super::figure::Figure;
use super::figures::{alignment_table, noise_table, table_one};
use super::headline::headline;
use super::palette::{DARK, LIGHT};
use super::run_data::RunData;
use super::subscript::{Piece, pieces};
use super::table::Table;

/// The script, from the elements it draws to the figures that it makes of them.
const SCRIPTS: [&str; 12] = [
    include_str!("page/elements.js"),
    include_str!("page/axes.js"),
    include_str!("page/marks.js"),
    include_str!("page/legend.js"),
    include_str!("page/address.js"),
    include_str!("page/reading.js"),
    include_str!("page/gestures.js"),
    include_str!("page/panel.js"),
    include_str!("page/save.js"),
    include_str!("page/figure.js"),
    include_str!("page/page.js"),
    include_str!("page/live.js"),
];
const STYLE: &str = include_str!("page/page.css");

const INTRODUCTION: &str = "How SGD walked through the loss of this network: the loss on the full training \
    set along its updates, the barriers between them, the directions it took and how far it went.";

/// The whole page, from figures with their images; of this version, if it is served while a run goes on.
pub(super) fn page(
    runs: &[RunData],
    figures: &[(Figure, Option<String>)],
    version: Option<u64>,
) -> Result<String, ReportError> {
    let names = title(runs);
    let plots = figures.iter().map(|(figure, image)| section(figure, image.as_deref()));
    let plots = plots.collect::<Result<Vec<Markup>, _>>()?;
    // What the authors' evaluation makes of the same path comes first, where that is known.
    let results = [noise_table(runs), table_one(runs), alignment_table(runs)];
    let facts = [Some(facts::facts(runs)), facts::times(runs)];
    let content = html! {
        header {
            h1 { (names) }
            p { (INTRODUCTION) }
            (banners(runs))
            (headline(runs))
        }
        (contents(figures))
        main {
            (tables(&results))
            @for plot in &plots { (plot) }
            #facts { (tables(&facts)) (facts::experiments(runs)) }
        }
    };
    Ok(document(&names, version, &content))
}

/// A page that says why there are no figures yet.
pub(super) fn waiting(name: &str, message: &str, version: u64) -> String {
    let content = html! {
        header { h1 { (name) } p { (message) } }
        nav aria-label="Figures" {}
        main {}
    };
    document(name, Some(version), &content)
}

fn document(names: &str, version: Option<u64>, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(names, version))
            body {
                (content)
                script { (PreEscaped(format!("\n\"use strict\";\n{{\n{}}}\n", SCRIPTS.concat()))) }
            }
        }
    };
    page.into_string()
}

/// What the page is on: a run, or several by their names, or of one experiment with what differs in the
/// figures.
fn title(runs: &[RunData]) -> String {
    let labels: Vec<&str> = runs.iter().map(|run| run.label.as_str()).collect();
    let name = runs.first().map_or("", |run| &run.manifest.name);
    let is_one_experiment = runs.iter().all(|run| run.manifest.name == name);
    match runs.len() {
        0..=1 => labels.join(""),
        count if is_one_experiment => format!("{name}: {count} runs"),
        _ => labels.join(", "),
    }
}

fn head(names: &str, version: Option<u64>) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            @if let Some(version) = version { meta name="version" content=(version); }
            link rel="icon" href="data:,";
            title { "losswalk: " (names) }
            style { (PreEscaped(colors())) (PreEscaped(STYLE)) }
        }
    }
}

/// The palette as custom properties, for both colour schemes.
fn colors() -> String {
    let pairs = LIGHT.iter().zip(DARK).enumerate();
    let property = |(i, (light, dark))| format!("--series-{i}: light-dark({light}, {dark}); ");
    format!(":root {{ {}}}\n", pairs.map(property).collect::<String>())
}

fn tables(tables: &[Option<Table>]) -> Markup {
    html! { @for table in tables.iter().flatten() { section { (table.html()) } } }
}

/// What a reader must know about runs that did not simply finish.
fn banners(runs: &[RunData]) -> Markup {
    let eventful =
        |run: &&RunData| run.manifest.status != Status::Done || !run.manifest.problems.is_empty();
    html! { @for run in runs.iter().filter(eventful) { (banner(run)) } }
}

fn banner(run: &RunData) -> Markup {
    let (recorded, total) = (run.steps.len(), run.manifest.total_steps);
    html! {
        aside.banner {
            strong { (run.label) ": " (status(run)) } ", " (recorded) " of " (total) " steps recorded."
            ul {
                @for problem in &run.manifest.problems {
                    li { "Step " (problem.step) ": " (problem.message) }
                }
            }
        }
    }
}

/// Links to the figures and to the tables below them.
fn contents(figures: &[(Figure, Option<String>)]) -> Markup {
    html! {
        nav aria-label="Figures" {
            @for (figure, _) in figures { a href={ "#" (figure.id) } { (figure.title) } }
            a href="#facts" { "What ran" }
        }
    }
}

/// A figure with its words; of one that cannot be drawn, the reason alone.
fn section(figure: &Figure, image: Option<&str>) -> Result<Markup, ReportError> {
    let data = image.map(|image| data(figure, image)).transpose()?;
    Ok(html! {
        section.figure id=(figure.id) {
            h2 { (figure.title) }
            @if let Some(data) = data {
                p { (words(&figure.what)) " " em { (words(&figure.look_for)) } }
                (data)
                @for note in &figure.notes { p.note { (words(note)) } }
            } @else {
                @for note in &figure.notes { p { (words(note)) } }
            }
        }
    })
}

/// Text with its subscripts set.
fn words(text: &str) -> Markup {
    html! {
        @for piece in pieces(text) {
            @match piece {
                Piece::Plain(text) => (text),
                Piece::Subscript(text) => sub { (text) },
            }
        }
    }
}

/// The image to begin with, and the description that the script draws from.
fn data(figure: &Figure, image: &str) -> Result<Markup, ReportError> {
    let json = serde_json::to_string(figure)
        .map_err(|source| ReportError::Json { figure: figure.id.clone(), source })?;
    Ok(html! {
        .plot { (PreEscaped(image)) }
        script type="application/json" { (PreEscaped(json_in_script(&json))) }
    })
}

/// Makes JSON safe inside a `<script>` element: no `<` can start a tag there. JSON has `<` in strings
/// only, where the escape means the same.
fn json_in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_subscripts_and_are_escaped() {
        assert_eq!(words("η λ_max <b>").into_string(), "η λ<sub>max</sub> &lt;b&gt;");
    }

    #[test]
    fn json_cannot_close_its_script_and_keeps_its_meaning() -> Result<(), serde_json::Error> {
        let name = "</script><script>alert(1)</script><!--";
        let safe = json_in_script(&serde_json::to_string(name)?);
        assert!(!safe.contains('<'));
        assert_eq!(serde_json::from_str::<String>(&safe)?, name);
        Ok(())
    }
}

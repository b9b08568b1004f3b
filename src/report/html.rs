//! The page: one file, no network. Without JavaScript it shows the images; with it, the scripts in
//! `page/` draw the same figures from the same description, to zoom into and to read values from.

use crate::run::Status;

use super::ReportError;
use super::escape::{json_in_script, markup};
use super::facts::{self, status};
use super::figure::Figure;
use super::figures::{alignment_table, noise_table, table_one};
use super::palette::{DARK, LIGHT};
use super::run_data::RunData;

/// The script, from the elements it draws to the figures that it makes of them.
const SCRIPTS: [&str; 6] = [
    include_str!("page/elements.js"),
    include_str!("page/axes.js"),
    include_str!("page/marks.js"),
    include_str!("page/gestures.js"),
    include_str!("page/panel.js"),
    include_str!("page/figure.js"),
];
const STYLE: &str = include_str!("page/page.css");

/// The whole page, from figures with their images.
pub(super) fn page(
    runs: &[RunData],
    figures: &[(Figure, Option<String>)],
) -> Result<String, ReportError> {
    let sections = figures.iter().map(|(figure, image)| section(figure, image.as_deref()));
    let sections = sections.collect::<Result<String, _>>()?;
    let names: Vec<&str> = runs.iter().map(|run| run.label.as_str()).collect();
    let names = markup(&names.join(", "));
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <title>losswalk: {names}</title>\n<style>\n{}{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>{names}</h1>\n<p>{INTRODUCTION}</p>\n{}</header>\n{}<main>\n{}{sections}<div id=\"facts\">\n{}</div>\n</main>\n\
         <script>\n\"use strict\";\n{{\n{}}}\n</script>\n</body>\n</html>\n",
        colors(),
        banners(runs),
        contents(figures),
        [table_one(runs), noise_table(runs), alignment_table(runs)].map(table).concat(),
        table(Some(facts::facts(runs))) + &table(facts::times(runs)),
        SCRIPTS.concat(),
    ))
}

const INTRODUCTION: &str = "How SGD walked through the loss of this network: the loss on the full training \
    set along its updates, the barriers between them, the directions it took and how far it went.";

fn table(table: Option<super::table::Table>) -> String {
    table.map(|table| format!("<section>\n{}</section>\n", table.html())).unwrap_or_default()
}

/// The palette as custom properties, for both colour schemes.
fn colors() -> String {
    let properties = |palette: [&str; 8]| -> String {
        palette.iter().enumerate().map(|(i, color)| format!("--series-{i}: {color}; ")).collect()
    };
    format!(
        ":root {{ {}}}\n@media (prefers-color-scheme: dark) {{ :root {{ {}}} }}\n",
        properties(LIGHT),
        properties(DARK)
    )
}

/// What a reader must know about runs that did not simply finish.
fn banners(runs: &[RunData]) -> String {
    let eventful =
        |run: &&RunData| run.manifest.status != Status::Done || !run.manifest.problems.is_empty();
    runs.iter().filter(eventful).map(banner).collect()
}

fn banner(run: &RunData) -> String {
    let problems = run.manifest.problems.iter();
    let problems = problems
        .map(|problem| format!("<li>Step {}: {}</li>\n", problem.step, markup(&problem.message)));
    format!(
        "<aside class=\"banner\"><strong>{}: {}</strong>, {} of {} steps recorded.\n<ul>\n{}</ul></aside>\n",
        markup(&run.label),
        status(run),
        run.steps.len(),
        run.manifest.total_steps,
        problems.collect::<String>()
    )
}

/// Links to the figures and to the tables below them.
fn contents(figures: &[(Figure, Option<String>)]) -> String {
    let links = figures
        .iter()
        .map(|(figure, _)| format!("<a href=\"#{}\">{}</a>\n", figure.id, markup(&figure.title)));
    format!(
        "<nav aria-label=\"Figures\">\n{}<a href=\"#facts\">What ran</a>\n</nav>\n",
        links.collect::<String>()
    )
}

fn section(figure: &Figure, image: Option<&str>) -> Result<String, ReportError> {
    let notes = figure.notes.iter().map(|note| format!("<p class=\"note\">{}</p>\n", markup(note)));
    let data = match image {
        Some(image) => data(figure, image)?,
        None => String::new(),
    };
    Ok(format!(
        "<section class=\"figure\" id=\"{}\">\n<h2>{}</h2>\n<p>{} <em>{}</em></p>\n{data}{}</section>\n",
        figure.id,
        markup(&figure.title),
        markup(&figure.what),
        markup(&figure.look_for),
        notes.collect::<String>()
    ))
}

/// The image to begin with, and the description that the script draws from.
fn data(figure: &Figure, image: &str) -> Result<String, ReportError> {
    let json = serde_json::to_string(figure)
        .map_err(|source| ReportError::Json { figure: figure.id.clone(), source })?;
    let json = json_in_script(&json);
    Ok(format!(
        "<div class=\"plot\">\n{image}</div>\n<script type=\"application/json\">{json}</script>\n"
    ))
}

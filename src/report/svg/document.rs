//! The whole image: title, explanation, legend, panels in a grid, notes.

use super::escape::markup;
use crate::report::figure::{Figure, Panel};

use super::legend;
use super::panel::{self, Frame};
use super::text::{self, Anchor};

const WIDTH: f64 = 860.0;
const EDGE: f64 = 20.0;
/// Left of a plot: the axis's label and its ticks.
const GUTTER: f64 = 66.0;
/// Above a plot: its title.
const PANEL_TITLE: f64 = 30.0;
const TICKS: f64 = 24.0;
const X_LABEL: f64 = 22.0;

/// An image under construction, filled from the top.
struct Page {
    svg: String,
    y: f64,
}

/// Draws the panels that belong into the image. Verdana has the metrics of DejaVu Sans.
pub(in crate::report) fn document(figure: &Figure) -> String {
    let mut page = Page { svg: String::new(), y: EDGE };
    page.text(&figure.title, 17.0, text::INK);
    page.y += 2.0;
    page.text(&figure.what, 12.0, text::MUTED);
    page.y += 8.0;
    let (legend, height) = legend::legend(figure, (EDGE, page.y), WIDTH - 2.0 * EDGE);
    page.svg.push_str(&legend);
    page.y += height + 4.0;
    page.panels(figure);
    for note in &figure.notes {
        page.text(note, 11.0, text::MUTED);
    }
    page.finish(figure)
}

impl Page {
    fn text(&mut self, content: &str, size: f64, fill: &str) {
        for line in text::wrap(content, size, WIDTH - 2.0 * EDGE) {
            self.y += size * 1.35;
            let place = (EDGE, self.y - size * 0.35);
            self.svg.push_str(&text::line(&line, place, size, fill, Anchor::Start));
        }
    }

    fn panels(&mut self, figure: &Figure) {
        let panels: Vec<&Panel> = figure.panels.iter().filter(|panel| panel.in_image).collect();
        let rows: Vec<&[&Panel]> = panels.chunks(figure.columns).collect();
        let height = if rows.len() > 1 { 170.0 } else { 330.0 };
        let column = (WIDTH - 2.0 * EDGE) / figure.columns as f64;
        for (i, row) in rows.iter().enumerate() {
            let is_labelled = |j: usize| {
                let below = rows.get(i + 1).and_then(|row| row.get(j));
                below.is_none_or(|below| below.x.label != row[j].x.label)
            };
            let titled = row.iter().any(|panel| !panel.title.is_empty());
            self.y += if titled { PANEL_TITLE } else { 14.0 };
            for (j, panel) in row.iter().enumerate() {
                let left = EDGE + column * j as f64 + GUTTER;
                let width = column - GUTTER - 6.0;
                let frame = Frame { left, top: self.y, width, height };
                let clip = format!("{}-clip-{i}-{j}", figure.id);
                self.svg.push_str(&panel::clip_path(&clip, frame));
                self.svg.push_str(&panel::panel(panel, frame, &clip, is_labelled(j)));
            }
            let label = if (0..row.len()).any(is_labelled) { X_LABEL } else { 0.0 };
            self.y += height + TICKS + label;
        }
        self.y += 4.0;
    }

    fn finish(self, figure: &Figure) -> String {
        let height = (self.y + EDGE * 0.6).ceil();
        let (title, description) = (markup(&figure.title), markup(&figure.look_for));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
             font-family=\"'DejaVu Sans', Verdana, sans-serif\">\n\
             <title>{title}</title>\n<desc>{description}</desc>\n\
             <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n{}</svg>\n",
            self.svg
        )
    }
}

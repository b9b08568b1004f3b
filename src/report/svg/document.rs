//! The whole image: title, explanation, legend, panels in a grid, notes.

use super::escape::markup;
use crate::report::figure::{Figure, Panel};

use super::layout::Layout;
use super::legend;
use super::panel::{self, Frame, Place};
use super::text::{self, Anchor};

/// Above a plot: its title.
const PANEL_TITLE: f64 = 30.0;
const TICKS: f64 = 24.0;

/// An image under construction, filled from the top.
struct Page<'a> {
    layout: &'a Layout,
    svg: String,
    y: f64,
}

/// Draws the panels that belong into the image. Verdana has the metrics of DejaVu Sans.
pub(in crate::report) fn document(figure: &Figure, layout: &Layout) -> String {
    let mut page = Page { layout, svg: String::new(), y: layout.edge };
    if layout.has_words {
        page.text(&figure.title, 17.0, text::INK);
        page.y += 2.0;
        page.text(&figure.what, 12.0, text::MUTED);
        page.y += 8.0;
    }
    let panels: Vec<&Panel> = figure.panels.iter().filter(|panel| panel.in_image).collect();
    page.panels(figure, &panels);
    if layout.has_words {
        for note in &figure.notes {
            page.text(note, 11.0, text::MUTED);
        }
    }
    page.finish(figure)
}

impl Page<'_> {
    fn text(&mut self, content: &str, size: f64, fill: &str) {
        for line in text::wrap(content, size, self.inner_width()) {
            self.y += size * 1.35;
            let place = (self.layout.edge, self.y - size * 0.35);
            self.svg.push_str(&text::line(&line, place, size, fill, Anchor::Start));
        }
    }

    fn inner_width(&self) -> f64 {
        self.layout.width - 2.0 * self.layout.edge
    }

    /// Rows of panels; one legend above all that share it, else one above each that needs it.
    fn panels(&mut self, figure: &Figure, panels: &[&Panel]) {
        let columns = self.layout.columns(figure.columns.min(panels.len()));
        let rows: Vec<&[&Panel]> = panels.chunks(columns).collect();
        let (alone, below) = self.layout.heights;
        let height = if rows.len() > 1 { below } else { alone };
        let width = self.inner_width() / columns as f64;
        let gutters = panels.iter().map(|panel| panel::gutter(panel, height, self.layout));
        let gutter = gutters.fold(self.layout.gutter, f64::max);
        let is_shared = legend::is_shared(panels);
        if is_shared && panels.iter().any(|panel| legend::is_needed(panel)) {
            self.y += self.legend(panels, self.layout.edge, self.inner_width()) + 4.0;
        }
        for (i, row) in rows.iter().enumerate() {
            let is_labelled = |j: usize| {
                let below = rows.get(i + 1).and_then(|row| row.get(j));
                below.is_none_or(|below| below.x.label != row[j].x.label)
            };
            let titled = row.iter().any(|panel| !panel.title.is_empty());
            self.y += if titled { PANEL_TITLE } else { 14.0 };
            let frame = |j: usize, top: f64| Frame {
                left: self.layout.edge + width * j as f64 + gutter,
                top,
                width: width - gutter - 6.0,
                height,
            };
            let top = self.y;
            let frames: Vec<Frame> = (0..row.len()).map(|j| frame(j, top)).collect();
            if !is_shared {
                let own = row.iter().zip(&frames).filter(|(panel, _)| legend::is_needed(panel));
                let heights =
                    own.map(|(panel, frame)| self.legend(&[*panel], frame.left, frame.width));
                self.y += heights.fold(0.0, f64::max);
            }
            for (j, panel) in row.iter().enumerate() {
                let frame = Frame { top: self.y, ..frames[j] };
                let clip = format!("{}-clip-{i}-{j}", figure.id);
                self.svg.push_str(&panel::title(panel, Frame { top, ..frame }, gutter));
                self.svg.push_str(&panel::clip_path(&clip, frame));
                let place = Place { frame, gutter, clip: &clip, with_x_label: is_labelled(j) };
                self.svg.push_str(&panel::panel(panel, place, self.layout));
            }
            let labelled = (0..row.len()).filter(|&j| is_labelled(j));
            let labels = labelled.map(|j| panel::label_height(row[j], frames[j].width));
            self.y += height + TICKS + labels.fold(0.0, f64::max);
        }
        self.y += 4.0;
    }

    fn finish(self, figure: &Figure) -> String {
        let Layout { width, stated_width, pixel, edge, .. } = self.layout;
        let height = (self.y + edge * 0.6).ceil();
        let stated_height = format!("{}{}", height * pixel.0, pixel.1);
        let (title, description) = (markup(&figure.title), markup(&figure.look_for));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{stated_width}\" \
             height=\"{stated_height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             font-family=\"'DejaVu Sans', Verdana, sans-serif\">\n\
             <title>{title}</title>\n<desc>{description}</desc>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n{}</svg>\n",
            self.svg
        )
    }

    /// A legend from (left, the current height) on; its height.
    fn legend(&mut self, panels: &[&Panel], left: f64, width: f64) -> f64 {
        let (svg, height) = legend::legend(panels, (left, self.y), width);
        self.svg.push_str(&svg);
        height
    }
}

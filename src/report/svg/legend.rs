//! The legend: one entry a name, in rows above the panels.

use crate::report::figure::{Panel, Series};

use super::marks;
use super::text::{self, Anchor};

const SIZE: f64 = 11.5;
const SAMPLE: f64 = 24.0;
const ROW: f64 = 19.0;

/// The legend of some panels from (left, top) on, at most `width` wide, and its height.
pub(super) fn legend(panels: &[&Panel], (left, top): (f64, f64), width: f64) -> (String, f64) {
    let entries = entries(panels);
    if entries.is_empty() {
        return (String::new(), 0.0);
    }
    let mut svg = "<g stroke-linecap=\"round\">\n".to_owned();
    let (mut x, mut y) = (left, top + ROW / 2.0);
    for series in entries {
        let name = text::cut(&series.name, SIZE, width - SAMPLE - 8.0);
        let advance = SAMPLE + 8.0 + text::width(&name, SIZE) + 20.0;
        if x > left && x + advance > left + width + 20.0 {
            (x, y) = (left, y + ROW);
        }
        svg.push_str(&marks::sample(series.style, series.color, (x, y), SAMPLE));
        let place = (x + SAMPLE + 8.0, y + SIZE * 0.36);
        svg.push_str(&text::line(&name, place, SIZE, text::INK, Anchor::Start));
        x += advance;
    }
    (svg + "</g>\n", y + ROW / 2.0 - top)
}

/// True where one legend says it for all panels: each has the same names, drawn the same way.
pub(in crate::report) fn is_shared(panels: &[&Panel]) -> bool {
    let look = |panel: &Panel| -> Vec<_> {
        let entries = entries(&[panel]).into_iter();
        entries.map(|series| (series.name.clone(), series.style, series.color)).collect()
    };
    panels.windows(2).all(|pair| look(pair[0]) == look(pair[1]))
}

/// A panel of one name needs no legend of its own: its axis says what it shows.
pub(in crate::report) fn is_needed(panel: &Panel) -> bool {
    entries(&[panel]).len() > 1
}

/// The first series of each name.
fn entries<'a>(panels: &[&'a Panel]) -> Vec<&'a Series> {
    let mut entries: Vec<&Series> = Vec::new();
    for series in panels.iter().flat_map(|panel| &panel.series) {
        if !entries.iter().any(|entry| entry.name == series.name) {
            entries.push(series);
        }
    }
    entries
}

//! A figure as plain data: what is drawn, with no word on pixels. The SVG writer draws it, and the
//! page embeds it as JSON and draws it again, interactively.
//!
//! A value that is not finite is a gap.

use serde::{Serialize, Serializer};

/// One or several panels under one title.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Figure {
    /// Stem of its files and anchor in the page.
    pub id: String,
    pub title: String,
    /// What is drawn, in one sentence that a newcomer understands.
    pub what: String,
    /// What to look for, in one more.
    pub look_for: String,
    /// Results and reservations in words; the reason where nothing can be drawn.
    pub notes: Vec<String>,
    /// Panels side by side, in the image.
    pub columns: usize,
    /// The page shows some of the panels at a time.
    pub choice: Option<Choice>,
    /// Empty where nothing can be drawn.
    pub panels: Vec<Panel>,
}

/// A choice among equally many panels each, which share their axis of x and are zoomed together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Choice {
    /// What is chosen.
    pub name: String,
    /// Panels of each choice, one below the other.
    pub panels: usize,
    /// The choice that is shown first.
    pub opening: usize,
}

/// One pair of axes and what is drawn in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Panel {
    pub title: String,
    /// Drawn in the image too; the page has every panel.
    pub in_image: bool,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
}

/// How values become places on an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Spacing {
    Linear,
    Log,
}

/// One axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Axis {
    /// The quantity, in a word or two: used where a value is read out.
    pub name: String,
    /// The quantity in full: written along the axis.
    pub label: String,
    pub spacing: Spacing,
    /// The reader may switch between linear and logarithmic.
    pub switch: bool,
    /// The axis includes zero and draws a line there.
    pub zero: bool,
    /// Ticks stand at whole numbers only.
    pub whole: bool,
    /// A grid line stands at every whole number.
    pub every_whole: bool,
    /// The range to start with; all data if absent. That of y holds while that of x does.
    pub view: Option<(f64, f64)>,
    /// Names for the positions 0, 1, ...; numbers if empty.
    pub categories: Vec<String>,
    /// What is written at the whole numbers 0, 1, ... in their place; numbers if empty.
    pub names: Vec<String>,
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Style {
    Line,
    /// A line with a dot at every value.
    DottedLine,
    Dashed,
    /// A thin, pale line: raw values behind their mean.
    PaleLine,
    /// Thin, pale bars between bounds. They do not widen the axis: one that leaves the frame goes on.
    Whiskers,
    /// The area between bounds, filled and pale, below everything else. Points come in pairs, the lower
    /// and the upper bound at one x. As whiskers, it does not widen the axis.
    Band,
    Dots,
    Rings,
    /// Small, pale dots: raw values behind their mean.
    PaleDots,
    Triangles,
    Bars,
}

/// A named sequence of points.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Series {
    pub name: String,
    pub style: Style,
    /// Index into the palette.
    pub color: usize,
    #[serde(serialize_with = "compact")]
    pub x: Vec<f64>,
    #[serde(serialize_with = "compact")]
    pub y: Vec<f64>,
    /// What is read out at a point besides y.
    pub details: Vec<Detail>,
}

/// One more value of every point of a series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Detail {
    pub name: String,
    #[serde(serialize_with = "compact")]
    pub values: Vec<f64>,
}

impl Figure {
    /// Drops series without a finite point, then panels without series; where no panel is left, `why`
    /// becomes the first note.
    pub fn without_empty(mut self, why: &str) -> Self {
        self.panels = self.panels.into_iter().map(Panel::with_points_only).collect();
        self.panels.retain(|panel| !panel.series.is_empty());
        if self.panels.is_empty() {
            self.notes.insert(0, why.to_owned());
        }
        self
    }
}

impl Panel {
    /// Drops series without a finite point.
    pub fn with_points_only(mut self) -> Self {
        self.series.retain(Series::has_point);
        self
    }
}

impl Axis {
    /// A linear axis.
    pub fn new(name: &str, label: &str) -> Self {
        Self {
            name: name.to_owned(),
            label: label.to_owned(),
            spacing: Spacing::Linear,
            switch: false,
            zero: false,
            whole: false,
            every_whole: false,
            view: None,
            categories: Vec::new(),
            names: Vec::new(),
        }
    }

    /// The count of updates.
    pub fn updates() -> Self {
        Self { whole: true, ..Self::new("update", "iteration t (updates since the start)") }
    }
}

impl Series {
    /// A series from its points.
    pub fn new(
        name: impl Into<String>,
        style: Style,
        color: usize,
        points: Vec<(f64, f64)>,
    ) -> Self {
        let (x, y) = points.into_iter().unzip();
        Self { name: name.into(), style, color, x, y, details: Vec::new() }
    }

    /// Adds a value to read out at every point.
    pub fn detail(mut self, name: &str, values: impl IntoIterator<Item = f64>) -> Self {
        let values = values.into_iter().collect();
        self.details.push(Detail { name: name.to_owned(), values });
        self
    }

    /// The points, gaps included.
    pub fn points(&self) -> impl Iterator<Item = (f64, f64)> + Clone {
        self.x.iter().copied().zip(self.y.iter().copied())
    }

    fn has_point(&self) -> bool {
        self.points().any(|(x, y)| x.is_finite() && y.is_finite())
    }
}

/// Nine significant digits, whole numbers without a fraction, gaps as null: enough to read, and short.
fn compact<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(|&value| Compact(value)))
}

struct Compact(f64);

impl Serialize for Compact {
    #[expect(clippy::cast_possible_truncation, reason = "exact: whole and below 1e15")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = self.0;
        if value.fract() == 0.0 && value.abs() < 1e15 {
            return serializer.serialize_i64(value as i64);
        }
        match format!("{value:.8e}").parse::<f64>() {
            Ok(rounded) if rounded.is_finite() => serializer.serialize_f64(rounded),
            _ => serializer.serialize_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(values: &[f64]) -> String {
        let points = values.iter().map(|&y| (0.0, y)).collect();
        let series = Series::new("s", Style::Line, 0, points);
        let value = serde_json::to_value(series).unwrap_or_default();
        value["y"].to_string()
    }

    #[test]
    fn numbers_are_short_and_gaps_are_null() {
        assert_eq!(json(&[3.0, 1.0 / 3.0, f64::NAN, f64::INFINITY]), "[3,0.333333333,null,null]");
        assert_eq!(json(&[-1.5e-12, 2.0e20]), "[-1.5e-12,2e+20]");
    }

    #[test]
    fn a_figure_without_values_says_why() {
        let panel = Panel {
            title: String::new(),
            in_image: true,
            x: Axis::updates(),
            y: Axis::new("y", "y"),
            series: vec![Series::new("s", Style::Line, 0, vec![(0.0, f64::NAN)])],
        };
        let figure = Figure {
            id: "f".into(),
            title: String::new(),
            what: String::new(),
            look_for: String::new(),
            notes: vec![],
            columns: 1,
            choice: None,
            panels: vec![panel],
        };
        let figure = figure.without_empty("nothing was measured");
        assert!(figure.panels.is_empty());
        assert_eq!(figure.notes, ["nothing was measured"]);
    }
}

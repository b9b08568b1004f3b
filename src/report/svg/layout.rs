//! How an image is laid out: its width, and what stands in it besides the panels.

use crate::report::paper::Width;

/// Pixels of a drawing for paper in a point: letters of 12 pixels have 8 points.
const PIXELS_A_POINT: f64 = 1.5;

/// Two panels side by side need this much.
const TWO_COLUMNS: f64 = 600.0;

/// Of an image to look at, or of one in a text.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct Layout {
    /// In pixels of the drawing.
    pub width: f64,
    /// The width as the file states it.
    pub stated_width: String,
    /// The height of a pixel as the file states it: a number and its unit.
    pub pixel: (f64, &'static str),
    /// Around everything.
    pub edge: f64,
    /// Left of a plot, at least: the axis's label and its ticks.
    pub gutter: f64,
    /// Title, explanation and notes are part of the image.
    pub has_words: bool,
    /// The height of a panel alone, and of one of several below each other.
    pub heights: (f64, f64),
    /// Between ticks of x and of y, at least.
    pub tick_room: (f64, f64),
}

impl Layout {
    /// An image that explains itself.
    pub fn screen() -> Self {
        let width = 860.0;
        Self {
            width,
            stated_width: width.to_string(),
            pixel: (1.0, ""),
            edge: 20.0,
            gutter: 66.0,
            has_words: true,
            heights: (330.0, 170.0),
            tick_room: (66.0, 42.0),
        }
    }

    /// An image for a text that explains it: no title, and letters of about 8 points at any width.
    pub fn paper(width: Width) -> Self {
        let points = width.points();
        let width = PIXELS_A_POINT * points;
        Self {
            width,
            stated_width: format!("{points}pt"),
            pixel: (1.0 / PIXELS_A_POINT, "pt"),
            edge: 4.0,
            gutter: 40.0,
            has_words: false,
            heights: ((0.5 * width).clamp(140.0, 330.0), (0.3 * width).clamp(90.0, 170.0)),
            tick_room: (44.0, 24.0),
        }
    }

    /// Panels side by side, of so many that are wanted.
    pub fn columns(&self, wanted: usize) -> usize {
        if self.width < TWO_COLUMNS { 1 } else { wanted }
    }
}

//! Values with an error: dots, and a line through them that goes down and up by the error at each.
//!
//! The bars are part of the line, so the renderers need not know of them.

use crate::report::figure::{Series, Style};

/// One value of a series with what is read out at it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Estimate {
    pub x: f64,
    pub y: f64,
    /// Drawn to both sides of y; none, or not finite, is no bar.
    pub error: Option<f64>,
    pub details: Vec<f64>,
}

impl Estimate {
    /// The heights that the line passes at x: y itself and, with an error, both ends of the bar.
    fn heights(&self) -> Vec<f64> {
        match self.error.filter(|error| error.is_finite()) {
            Some(error) => vec![self.y, self.y - error, self.y + error, self.y],
            None => vec![self.y],
        }
    }
}

/// Dots and line of one name; `details` names what is read out at a point.
pub(super) fn with_error_bars(
    name: &str,
    color: usize,
    details: &[&str],
    estimates: &[Estimate],
) -> [Series; 2] {
    let dots = estimates.iter().map(|estimate| (estimate, estimate.y));
    let heights = |estimate| Estimate::heights(estimate).into_iter().map(move |y| (estimate, y));
    let line = estimates.iter().flat_map(heights);
    [
        series(name, (Style::Dots, color), details, &dots.collect::<Vec<_>>()),
        series(name, (Style::Line, color), details, &line.collect::<Vec<_>>()),
    ]
}

fn series(
    name: &str,
    (style, color): (Style, usize),
    details: &[&str],
    places: &[(&Estimate, f64)],
) -> Series {
    let points = places.iter().map(|(estimate, y)| (estimate.x, *y)).collect();
    let series = Series::new(name, style, color, points);
    let value = |i: usize, estimate: &Estimate| estimate.details.get(i).copied();
    details.iter().enumerate().fold(series, |series, (i, detail)| {
        series.detail(detail, places.iter().map(|(e, _)| value(i, e).unwrap_or(f64::NAN)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_goes_down_and_up_where_there_is_an_error() {
        let estimate = |x, error| Estimate { x, y: 3.0, error, details: vec![10.0 * x] };
        let estimates = [estimate(1.0, Some(0.5)), estimate(2.0, None)];
        let [dots, line] = with_error_bars("s", 2, &["ten x"], &estimates);
        assert_eq!((dots.x, dots.y), (vec![1.0, 2.0], vec![3.0, 3.0]));
        assert_eq!(line.y, [3.0, 2.5, 3.5, 3.0, 3.0]);
        assert_eq!(line.details[0].values, [10.0, 10.0, 10.0, 10.0, 20.0]);
    }
}

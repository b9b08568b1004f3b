//! From values to places on an axis.

use super::figure::{Axis, Panel, Series, Spacing, Style};

/// An interval of values, drawn over an interval of pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    pub spacing: Spacing,
    /// The values at both ends, ascending.
    pub values: (f64, f64),
    /// The pixels at both ends.
    pub pixels: (f64, f64),
}

impl Scale {
    /// The pixel of a value; NaN where there is none (zero on a logarithmic axis).
    pub fn at(&self, value: f64) -> f64 {
        let place = |value: f64| match self.spacing {
            Spacing::Linear => value,
            Spacing::Log if value > 0.0 => value.ln(),
            Spacing::Log => f64::NAN,
        };
        let (low, high) = (place(self.values.0), place(self.values.1));
        let share = (place(value) - low) / (high - low);
        self.pixels.0 + share * (self.pixels.1 - self.pixels.0)
    }

    /// True for a pixel between the ends or on one of them.
    pub fn contains(&self, pixel: f64) -> bool {
        let (low, high) = (self.pixels.0.min(self.pixels.1), self.pixels.0.max(self.pixels.1));
        (low - 0.5..=high + 0.5).contains(&pixel)
    }
}

/// The range of x: the axis's view, else all data.
pub(super) fn x_range(panel: &Panel) -> (f64, f64) {
    if let Some(view) = panel.x.view {
        return view;
    }
    if !panel.x.categories.is_empty() {
        return (-0.5, panel.x.categories.len() as f64 - 0.5);
    }
    let values = panel.series.iter().flat_map(|series| series.x.iter().copied());
    let scattered = panel.series.iter().any(|s| matches!(s.style, Style::Dots | Style::Rings));
    widened(&panel.x, values, if scattered { 0.04 } else { 0.0 })
}

/// The range of y at the start: the axis's view, if it has one. Else, and elsewhere, what lies within the range of x, with some air. Bounds do not widen it.
pub(super) fn y_range(panel: &Panel, (low, high): (f64, f64)) -> (f64, f64) {
    if let Some(view) = panel.y.view
        && panel.x.view == Some((low, high))
    {
        return view;
    }
    let is_bound = |series: &&Series| matches!(series.style, Style::Whiskers | Style::Band);
    let shown = panel.series.iter().filter(|series| !is_bound(series));
    let values = shown
        .flat_map(|series| series.points())
        .filter(|(x, _)| (low..=high).contains(x))
        .map(|(_, y)| y);
    widened(&panel.y, values, 0.06)
}

/// The range of values on an axis, widened by a share of itself where it does not end at zero.
pub(super) fn widened(axis: &Axis, values: impl Iterator<Item = f64>, air: f64) -> (f64, f64) {
    let log = axis.spacing == Spacing::Log;
    let shown = values.filter(|value| value.is_finite() && (!log || *value > 0.0));
    let start = (f64::INFINITY, f64::NEG_INFINITY);
    let (mut low, mut high) = shown.fold(start, |(l, h), value| (l.min(value), h.max(value)));
    if low > high {
        return (0.1, 1.0);
    }
    if log {
        let factor = if low == high { 2.0 } else { (high / low).powf(air) };
        // Zero and infinity are no ends of a logarithmic axis: it would have ticks without number.
        return ((low / factor).max(f64::MIN_POSITIVE), (high * factor).min(f64::MAX));
    }
    if axis.zero {
        (low, high) = (low.min(0.0), high.max(0.0));
    }
    let margin = match (high - low) * air {
        _ if low == high => (low.abs() * 0.1).max(if axis.whole { 1.0 } else { 0.5 }),
        margin => margin,
    };
    let bottom = if axis.zero && low == 0.0 { 0.0 } else { low - margin };
    let top = if axis.zero && high == 0.0 && low < 0.0 { 0.0 } else { high + margin };
    (bottom, top)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logarithmic_axis_ends_within_what_numbers_hold() {
        let axis = Axis { spacing: Spacing::Log, ..Axis::new("a", "a") };
        let range = widened(&axis, [1e-307, 1e307].into_iter(), 0.06);
        assert_eq!(range, (f64::MIN_POSITIVE, f64::MAX));
    }

    #[test]
    fn a_logarithmic_scale_has_equal_decades_and_no_zero() {
        let scale = Scale { spacing: Spacing::Log, values: (1.0, 100.0), pixels: (0.0, 200.0) };
        assert!((scale.at(10.0) - 100.0).abs() < 1e-9);
        assert!(scale.at(0.0).is_nan() && scale.at(-1.0).is_nan());
    }

    #[test]
    fn a_range_of_one_value_is_not_empty() {
        for axis in [Axis::new("y", "y"), Axis { zero: true, ..Axis::new("y", "y") }] {
            for value in [0.0, -3.0, 1e9] {
                let (low, high) = widened(&axis, [value].into_iter(), 0.06);
                assert!(low < high && (low..=high).contains(&value));
            }
        }
    }

    #[test]
    fn a_range_of_nothing_is_still_a_range() {
        let axis = Axis { spacing: Spacing::Log, ..Axis::new("y", "y") };
        assert_eq!(widened(&axis, [f64::NAN, -1.0].into_iter(), 0.06), (0.1, 1.0));
    }
}

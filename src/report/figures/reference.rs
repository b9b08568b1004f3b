//! Dashed lines that values are compared with.

use crate::report::figure::{Series, Spacing, Style};

/// Their colour, next to series of any other.
const COLOR: usize = 7;

/// A horizontal line across all points of some series; a bit to both sides of a single one, and
/// nothing where there is none.
pub(super) fn horizontal(name: &str, y: f64, series: &[Series], spacing: Spacing) -> Series {
    let x = extent(points(series).map(|(x, _)| x));
    let (low, high) = match spacing {
        _ if x.0 < x.1 => x,
        Spacing::Log => (x.0 / 2.0, x.1 * 2.0),
        Spacing::Linear => (x.0 - 0.5, x.1 + 0.5),
    };
    Series::new(name, Style::Dashed, COLOR, vec![(low, y), (high, y)])
}

/// The diagonal y = x through the range of all values of some series.
pub(super) fn diagonal(name: &str, series: &[Series]) -> Series {
    let (low, high) = extent(points(series).flat_map(|(x, y)| [x, y]));
    Series::new(name, Style::Dashed, COLOR, vec![(low, low), (high, high)])
}

/// The largest y of some series; minus infinity where there is none.
pub(super) fn highest(series: &[Series]) -> f64 {
    extent(points(series).map(|(_, y)| y)).1
}

/// All points but gaps.
fn points(series: &[Series]) -> impl Iterator<Item = (f64, f64)> {
    let is_finite = |(x, y): &(f64, f64)| x.is_finite() && y.is_finite();
    series.iter().flat_map(Series::points).filter(is_finite)
}

fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let start = (f64::INFINITY, f64::NEG_INFINITY);
    values.fold(start, |(low, high), value| (low.min(value), high.max(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: &[(f64, f64)]) -> [Series; 1] {
        [Series::new("s", Style::Dots, 0, points.to_vec())]
    }

    #[test]
    fn a_horizontal_line_crosses_all_points_or_a_single_one() {
        let several = series(&[(1.0, 5.0), (4.0, 6.0), (9.0, f64::NAN)]);
        assert_eq!(horizontal("h", 2.0, &several, Spacing::Log).x, [1.0, 4.0]);
        let single = series(&[(4.0, 5.0)]);
        assert_eq!(horizontal("h", 2.0, &single, Spacing::Log).x, [2.0, 8.0]);
        assert_eq!(horizontal("h", 2.0, &single, Spacing::Linear).x, [3.5, 4.5]);
        let nothing = horizontal("h", 2.0, &series(&[(4.0, f64::NAN)]), Spacing::Linear);
        assert!(!nothing.x.iter().any(|x| x.is_finite()));
    }

    #[test]
    fn the_diagonal_spans_both_axes_without_gaps() {
        let line = diagonal("d", &series(&[(-1.0, 2.0), (0.0, 7.0), (-9.0, f64::NAN)]));
        assert_eq!(line.points().collect::<Vec<_>>(), [(-1.0, -1.0), (7.0, 7.0)]);
        assert!(!diagonal("d", &[]).points().any(|(x, _)| x.is_finite()));
    }
}

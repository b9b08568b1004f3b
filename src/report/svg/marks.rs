//! What a series looks like: lines, dots, triangles and bars, and the same in small for the legend.

use crate::report::decimate::{self, Point};
use crate::report::figure::{Series, Spacing, Style};
use crate::report::palette::LIGHT;
use crate::report::scale::Scale;

use super::text::pixel;

/// A series inside a panel: what is clipped to it, and marks, which stand on its edge whole or not at
/// all.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Drawn {
    pub lines: String,
    pub marks: String,
}

/// Draws a series. A line goes on to its next point beyond the panel, where it is clipped.
pub(super) fn series(series: &Series, x: &Scale, y: &Scale) -> Drawn {
    let points: Vec<(f64, f64)> = series.points().collect();
    let is_line =
        !matches!(series.style, Style::Dots | Style::Rings | Style::PaleDots | Style::Triangles);
    let inside = |value: f64| (x.values.0..=x.values.1).contains(&value);
    let shown = |i: usize| {
        let (here, before) = (points[i].0, points[i.saturating_sub(1)].0);
        let next = points.get(i + 1).map_or(here, |next| next.0);
        let enters = here < x.values.0 && next >= x.values.0;
        let leaves = here > x.values.1 && before <= x.values.1;
        series.style == Style::Band || inside(here) || (is_line && (enters || leaves))
    };
    let shown = (0..points.len()).filter(|&i| shown(i));
    // A bound below all that a logarithmic axis has is one at its very end.
    let least = match (series.style, y.spacing) {
        (Style::Band, Spacing::Log) => f64::MIN_POSITIVE,
        _ => f64::NEG_INFINITY,
    };
    let bounded = |value: f64| if value < least { least } else { value };
    let places = shown.map(|i| (x.at(points[i].0), y.at(bounded(points[i].1))));
    let color = LIGHT[series.color % LIGHT.len()];
    draw(series.style, color, &places.collect::<Vec<_>>(), |place| {
        x.contains(place.0) && y.contains(place.1)
    })
}

/// A sample of a style, from (x, y) to (x + width, y).
pub(super) fn sample(style: Style, color: usize, (x, y): Point, width: f64) -> String {
    let (left, middle, right) = ((x, y), (x + width / 2.0, y), (x + width, y));
    let band = [(x, y - 5.0), (x, y + 5.0), (x + width, y - 5.0), (x + width, y + 5.0)];
    let points: &[Point] = match style {
        Style::Band => &band,
        Style::Line | Style::Dashed | Style::PaleLine | Style::Whiskers => &[left, right],
        Style::DottedLine => &[left, middle, right],
        Style::PaleDots => &[left, middle, right],
        Style::Dots | Style::Rings => &[middle],
        Style::Triangles => &[(middle.0, y + 7.0)], // It stands above its point.
        Style::Bars => &[],
    };
    if style == Style::Bars {
        return bar((x + width / 2.0 - 5.0, y - 5.0), 10.0, 10.0, color);
    }
    let Drawn { lines, marks } = draw(style, LIGHT[color % LIGHT.len()], points, |_| true);
    lines + &marks
}

/// A bar with its top left corner.
pub(super) fn bar((x, y): Point, width: f64, height: f64, color: usize) -> String {
    format!(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>\n",
        pixel(x),
        pixel(y),
        pixel(width),
        pixel(height),
        LIGHT[color % LIGHT.len()]
    )
}

fn draw(style: Style, color: &str, points: &[Point], inside: impl Fn(Point) -> bool) -> Drawn {
    let marks = || points.iter().copied().filter(|&point| inside(point));
    let line = |width, more| lines(points.iter().copied(), color, width, more);
    let (lines, marks) = match style {
        Style::Line => (line(1.6, ""), String::new()),
        Style::Dashed => (line(1.8, " stroke-dasharray=\"5 3.5\""), String::new()),
        Style::PaleLine | Style::Whiskers => (line(0.8, " stroke-opacity=\"0.35\""), String::new()),
        Style::Band => (band(points, color), String::new()),
        Style::DottedLine => (line(1.2, ""), stroke(&dots(marks()), color, 3.0, "")),
        Style::Dots => (String::new(), stroke(&dots(marks()), color, 5.5, "")),
        Style::PaleDots => {
            (String::new(), stroke(&dots(marks()), color, 2.4, " stroke-opacity=\"0.35\""))
        }
        Style::Rings => (String::new(), stroke(&rings(marks()), color, 1.3, "")),
        Style::Triangles => (String::new(), filled(&triangles(marks()), color)),
        Style::Bars => Default::default(),
    };
    Drawn { lines, marks }
}

/// Nothing where there is no path.
fn filled(path: &str, color: &str) -> String {
    match path {
        "" => String::new(),
        _ => {
            format!("<path d=\"{path}\" fill=\"{color}\" stroke=\"#fff\" stroke-width=\"0.8\"/>\n")
        }
    }
}

fn stroke(path: &str, color: &str, width: f64, more: &str) -> String {
    if path.is_empty() {
        return String::new();
    }
    format!(
        "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\"{more}/>\n"
    )
}

/// Lines between points, broken at gaps; a point between two gaps is a dot.
fn lines(points: impl Iterator<Item = Point>, color: &str, width: f64, more: &str) -> String {
    let (lone, pieces): (Vec<_>, Vec<_>) =
        decimate::line(points).into_iter().partition(|piece| piece.len() == 1);
    let line =
        stroke(&pieces.iter().map(|piece| polyline(piece)).collect::<String>(), color, width, more);
    if lone.is_empty() {
        return line;
    }
    line + &stroke(&dots(lone.into_iter().flatten()), color, 2.0 * width, "")
}

fn band(points: &[Point], color: &str) -> String {
    let outlines = decimate::band(points);
    if outlines.is_empty() {
        return String::new();
    }
    let path: String = outlines.iter().map(|outline| polyline(outline) + "z").collect();
    format!("<path d=\"{path}\" fill=\"{color}\" fill-opacity=\"0.2\"/>\n")
}

fn polyline(piece: &[Point]) -> String {
    let places = piece.iter().map(|(x, y)| format!("{},{}", pixel(*x), pixel(*y)));
    format!("M{}", places.collect::<Vec<_>>().join("L"))
}

/// Lines of no length, which round caps turn into dots: far shorter than a circle each.
fn dots(points: impl Iterator<Item = Point>) -> String {
    outline(points, |x, y| format!("M{},{}h0", pixel(x), pixel(y)))
}

fn rings(points: impl Iterator<Item = Point>) -> String {
    let ring = |x: f64, y| format!("M{},{}a3,3 0 1,0 6,0a3,3 0 1,0 -6,0", pixel(x - 3.0), pixel(y));
    outline(points, ring)
}

/// Triangles that point down at their point from just above it.
fn triangles(points: impl Iterator<Item = Point>) -> String {
    outline(points, |x, y| format!("M{},{}l-4.5,-8h9z", pixel(x), pixel(y - 3.0)))
}

fn outline(points: impl Iterator<Item = Point>, shape: impl Fn(f64, f64) -> String) -> String {
    decimate::cloud(points).into_iter().map(|(x, y)| shape(x, y)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_is_filled_and_goes_on_below_a_logarithmic_axis() {
        let points = vec![(0.0, -1.0), (0.0, 2.0), (1.0, 0.5), (1.0, 3.0)];
        let band = Series::new("s", Style::Band, 0, points);
        let x = Scale { spacing: Spacing::Linear, values: (0.0, 1.0), pixels: (0.0, 10.0) };
        let y = Scale { spacing: Spacing::Log, values: (0.1, 10.0), pixels: (100.0, 0.0) };
        let Drawn { lines, marks } = series(&band, &x, &y);
        assert!(lines.contains("fill-opacity=\"0.2\"") && marks.is_empty(), "{lines}");
        let start = lines.split("M0,").nth(1).and_then(|rest| rest.split('L').next());
        let lowest: f64 = start.and_then(|text| text.parse().ok()).unwrap_or_default();
        assert!(lowest > 1e4, "{lines}");
    }

    #[test]
    fn gaps_break_lines_and_single_points_show() {
        let points = [(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, 4.0)];
        let svg = lines(points.into_iter(), "#000", 1.0, "");
        assert!(svg.contains("\"M0,1L1,2\"") && svg.contains("\"M3,4h0\""), "{svg}");
    }
}

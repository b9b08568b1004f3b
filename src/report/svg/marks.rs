//! What a series looks like: lines, dots, triangles and bars, and the same in small for the legend.

use crate::report::decimate::{self, Point};
use crate::report::figure::{Series, Style};
use crate::report::palette::LIGHT;
use crate::report::scale::Scale;

use super::text::pixel;

/// A series inside a panel.
pub(super) fn series(series: &Series, x: &Scale, y: &Scale) -> String {
    let inside = |value: f64| (x.values.0..=x.values.1).contains(&value);
    let shown = series.points().filter(|(value, _)| inside(*value));
    let points = shown.map(|(a, b)| (x.at(a), y.at(b)));
    draw(series.style, LIGHT[series.color % LIGHT.len()], points)
}

/// A sample of a style, from (x, y) to (x + width, y).
pub(super) fn sample(style: Style, color: usize, (x, y): Point, width: f64) -> String {
    let (left, middle, right) = ((x, y), (x + width / 2.0, y), (x + width, y));
    let points: &[Point] = match style {
        Style::Line | Style::Dashed | Style::PaleLine => &[left, right],
        Style::DottedLine => &[left, middle, right],
        Style::PaleDots => &[left, middle, right],
        Style::Dots | Style::Rings => &[middle],
        Style::Triangles => &[(middle.0, y + 7.0)], // It stands above its point.
        Style::Bars => &[],
    };
    if style == Style::Bars {
        return bar((x + width / 2.0 - 5.0, y - 5.0), 10.0, 10.0, color);
    }
    draw(style, LIGHT[color % LIGHT.len()], points.iter().copied())
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

fn draw(style: Style, color: &str, points: impl Iterator<Item = Point> + Clone) -> String {
    match style {
        Style::Line => lines(points, color, 1.6, ""),
        Style::Dashed => lines(points, color, 1.8, " stroke-dasharray=\"5 3.5\""),
        Style::PaleLine => lines(points, color, 0.8, " stroke-opacity=\"0.35\""),
        Style::DottedLine => {
            lines(points.clone(), color, 1.2, "") + &stroke(&dots(points), color, 3.0, "")
        }
        Style::Dots => stroke(&dots(points), color, 5.5, ""),
        Style::PaleDots => stroke(&dots(points), color, 2.4, " stroke-opacity=\"0.35\""),
        Style::Rings => stroke(&rings(points), color, 1.3, ""),
        Style::Triangles => format!(
            "<path d=\"{}\" fill=\"{color}\" stroke=\"#fff\" stroke-width=\"0.8\"/>\n",
            triangles(points)
        ),
        Style::Bars => String::new(),
    }
}

fn stroke(path: &str, color: &str, width: f64, more: &str) -> String {
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
    fn gaps_break_lines_and_single_points_show() {
        let points = [(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, 4.0)];
        let svg = lines(points.into_iter(), "#000", 1.0, "");
        assert!(svg.contains("\"M0,1L1,2\"") && svg.contains("\"M3,4h0\""), "{svg}");
    }
}

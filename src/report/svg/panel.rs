//! One panel: axes, grid and the series inside.

use crate::report::figure::{Axis, Panel, Series, Style};
use crate::report::scale::{self, Scale};
use crate::report::ticks::{self, Tick};

use super::layout::Layout;
use super::marks::{self, Drawn};
use super::text::{self, Anchor, pixel};

const TICK_SIZE: f64 = 11.0;
const LABEL_SIZE: f64 = 12.0;
/// From one line of a label to the next.
const LABEL_LINE: f64 = 15.0;
/// Bars do not grow wider, however few there are.
const MAX_BAR: f64 = 56.0;

/// What an image has at least right of a plot.
const RIGHT: f64 = 10.0;

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Frame {
    fn right(&self) -> f64 {
        self.left + self.width
    }

    fn bottom(&self) -> f64 {
        self.top + self.height
    }
}

/// Where a panel is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// Of its plot; ticks and labels lie outside.
    pub frame: Frame,
    /// The room for them at the left.
    pub gutter: f64,
    /// The name of the clip path.
    pub clip: &'a str,
    pub with_x_label: bool,
}

/// Draws a panel.
pub(super) fn panel(panel: &Panel, place: Place<'_>, layout: &Layout) -> String {
    let Place { frame, gutter, clip, with_x_label } = place;
    let (x_room, y_room) = layout.tick_room;
    let x_values = scale::x_range(panel);
    let x =
        Scale { spacing: panel.x.spacing, values: x_values, pixels: (frame.left, frame.right()) };
    let y = Scale {
        spacing: panel.y.spacing,
        values: scale::y_range(panel, x_values),
        pixels: (frame.bottom(), frame.top),
    };
    let mut svg = x_axis(&panel.x, &x, (frame, x_room), with_x_label);
    svg.push_str(&y_axis(&panel.y, &y, (frame, y_room), gutter));
    let mut drawn = grouped_bars(&panel.series, &x, &y);
    // A sort that is stable.
    let mut series: Vec<&Series> = panel.series.iter().collect();
    series.sort_by_key(|series| series.style != Style::Band);
    for series in series {
        let Drawn { lines, marks } = marks::series(series, &x, &y);
        drawn.lines.push_str(&lines);
        drawn.marks.push_str(&marks);
    }
    svg.push_str(&format!(
        "<g stroke-linecap=\"round\" stroke-linejoin=\"round\">\n\
         <g clip-path=\"url(#{clip})\">\n{}</g>\n{}</g>\n",
        drawn.lines, drawn.marks
    ));
    svg
}

/// The clip path that keeps lines inside `frame`, but for half their width.
pub(super) fn clip_path(id: &str, frame: Frame) -> String {
    let (x, y) = (pixel(frame.left), pixel(frame.top - 1.0));
    let (width, height) = (pixel(frame.width), pixel(frame.height + 2.0));
    format!(
        "<clipPath id=\"{id}\"><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/></clipPath>\n"
    )
}

/// The title of a panel above `frame`, from the plot's left on if there is room, else from further left.
pub(super) fn title(panel: &Panel, frame: Frame, gutter: f64) -> String {
    if panel.title.is_empty() {
        return String::new();
    }
    let beyond = text::width(&panel.title, LABEL_SIZE) - frame.width;
    let place = (frame.left - beyond.clamp(0.0, gutter), frame.top - 8.0);
    text::line(&panel.title, place, LABEL_SIZE, text::INK, Anchor::Start)
}

fn x_axis(axis: &Axis, scale: &Scale, (frame, room): (Frame, f64), with_label: bool) -> String {
    let mut svg = String::new();
    let unit = (scale.at(1.0) - scale.at(0.0)).abs();
    if axis.every_whole && unit >= 5.0 {
        let (low, high) = (scale.values.0.ceil() as i64, scale.values.1.floor() as i64);
        let verticals = (low..=high).map(|i| vertical(scale.at(i as f64), frame, "#d4d4d4"));
        svg.extend(verticals);
    }
    let ticks = if axis.categories.is_empty() {
        named_ticks(axis, scale.values, frame.width, room)
    } else {
        category_ticks(&axis.categories, frame.width)
    };
    for tick in &ticks {
        let x = scale.at(tick.at);
        if !axis.every_whole && axis.categories.is_empty() {
            svg.push_str(&vertical(x, frame, "#ececec"));
        }
        svg.push_str(&short_line((x, frame.bottom()), (x, frame.bottom() + 4.0)));
        // The last one stays within the image.
        let most = frame.right() + RIGHT - text::width(&tick.label, TICK_SIZE) / 2.0;
        let place = (x.min(most), frame.bottom() + 17.0);
        svg.push_str(&text::line(&tick.label, place, TICK_SIZE, text::MUTED, Anchor::Middle));
    }
    let base = ((frame.left, frame.bottom()), (frame.right(), frame.bottom()));
    svg.push_str(&short_line(base.0, base.1));
    if with_label {
        for (i, line) in label_lines(axis, frame.width).iter().enumerate() {
            let place =
                (frame.left + frame.width / 2.0, frame.bottom() + 36.0 + LABEL_LINE * i as f64);
            svg.push_str(&text::line(line, place, LABEL_SIZE, text::INK, Anchor::Middle));
        }
    }
    svg
}

/// The label of x, broken where a plot of some width has no room for it in one line.
fn label_lines(axis: &Axis, width: f64) -> Vec<String> {
    text::wrap(&axis.label, LABEL_SIZE, width)
}

/// The height of the label of x below a plot of some width.
pub(super) fn label_height(panel: &Panel, width: f64) -> f64 {
    7.0 + LABEL_LINE * label_lines(&panel.x, width).len() as f64
}

/// Ticks with the axis's names in place of their numbers, as many as have room.
fn named_ticks(axis: &Axis, values: (f64, f64), width: f64, room: f64) -> Vec<Tick> {
    let widest = axis.names.iter().map(|name| text::width(name, TICK_SIZE)).fold(0.0, f64::max);
    let most = ((width / (widest + 12.0).max(room)) as usize).max(1);
    let mut ticks = ticks::ticks(axis.spacing, values, most, axis.whole);
    if !axis.names.is_empty() {
        ticks.retain_mut(|tick| {
            let name = (tick.at >= 0.0 && tick.at.fract() == 0.0)
                .then(|| axis.names.get(tick.at as usize))
                .flatten();
            name.inspect(|name| tick.label.clone_from(name)).is_some()
        });
    }
    ticks
}

/// Every category if there is room, else every so many.
fn category_ticks(categories: &[String], width: f64) -> Vec<Tick> {
    let room = (width / 28.0).max(1.0) as usize;
    let stride = categories.len().div_ceil(room).max(1);
    let ticks = categories.iter().enumerate().step_by(stride);
    ticks.map(|(i, name)| Tick { at: i as f64, label: name.clone() }).collect()
}

fn y_ticks(axis: &Axis, values: (f64, f64), height: f64, room: f64) -> Vec<Tick> {
    let most = ((height / room) as usize).max(3);
    ticks::ticks(axis.spacing, values, most, axis.whole)
}

/// What the ticks and the label of y need at the left of a plot of some height.
pub(super) fn gutter(panel: &Panel, height: f64, layout: &Layout) -> f64 {
    let values = scale::y_range(panel, scale::x_range(panel));
    let ticks = y_ticks(&panel.y, values, height, layout.tick_room.1);
    let widest = ticks.iter().map(|tick| text::width(&tick.label, TICK_SIZE)).fold(0.0, f64::max);
    widest + 30.0
}

fn y_axis(axis: &Axis, scale: &Scale, (frame, room): (Frame, f64), gutter: f64) -> String {
    let mut svg = String::new();
    for tick in y_ticks(axis, scale.values, frame.height, room) {
        let y = scale.at(tick.at);
        let color = if axis.zero && tick.at == 0.0 { "#8a8a8a" } else { "#ececec" };
        svg.push_str(&horizontal(y, frame, color));
        let place = (frame.left - 8.0, y + TICK_SIZE * 0.36);
        svg.push_str(&text::line(&tick.label, place, TICK_SIZE, text::MUTED, Anchor::End));
    }
    let (x, y) = (pixel(frame.left - gutter + 12.0), pixel(frame.top + frame.height / 2.0));
    let label = text::line(&axis.label, (0.0, 0.0), LABEL_SIZE, text::INK, Anchor::Middle);
    svg.push_str(&format!("<g transform=\"translate({x} {y}) rotate(-90)\">{label}</g>\n"));
    svg
}

/// Bars of several series side by side, with their value on top where there is room.
fn grouped_bars(series: &[Series], x: &Scale, y: &Scale) -> Drawn {
    let bars: Vec<&Series> = series.iter().filter(|s| s.style == Style::Bars).collect();
    let group = ((x.at(1.0) - x.at(0.0)) * 0.76).min(MAX_BAR * bars.len() as f64);
    let width = group / bars.len().max(1) as f64;
    let mut drawn = Drawn::default();
    for (i, series) in bars.iter().enumerate() {
        for (at, value) in series.points().filter(|(_, value)| value.is_finite()) {
            let left = x.at(at) - group / 2.0 + width * i as f64;
            let (top, base) = (y.at(value), y.at(0.0));
            drawn.lines.push_str(&marks::bar((left, top), width * 0.94, base - top, series.color));
            if width >= 14.0 {
                let place = (left + width * 0.47, top - 4.0);
                let value = ticks::number(value, 0);
                let text = text::line(&value, place, 10.0, text::MUTED, Anchor::Middle);
                drawn.marks.push_str(&text);
            }
        }
    }
    drawn
}

fn vertical(x: f64, frame: Frame, color: &str) -> String {
    rule((x, frame.top), (x, frame.bottom()), color)
}

fn horizontal(y: f64, frame: Frame, color: &str) -> String {
    rule((frame.left, y), (frame.right(), y), color)
}

fn short_line(from: (f64, f64), to: (f64, f64)) -> String {
    rule(from, to, "#8a8a8a")
}

fn rule((x1, y1): (f64, f64), (x2, y2): (f64, f64), color: &str) -> String {
    let (x1, y1, x2, y2) = (pixel(x1), pixel(y1), pixel(x2), pixel(y2));
    format!("<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"{color}\"/>\n")
}

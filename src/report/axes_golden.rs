//! Ticks, labels, scales, views, legends and subscripts as golden values, which `tests/browser/report.py`
//! holds the page's own implementation to: what is printed and what is drawn on the page have equal axes.
//!
//! `LOSSWALK_WRITE_GOLDEN=1 cargo test --release --lib axes_golden` writes them anew.

use std::path::Path;

use serde_json::{Value, json};

use super::figure::{Axis, Panel, Series, Spacing, Style};
use super::fixture::TestError;
use super::scale::{Scale, widened, x_range, y_range};
use super::subscript::{Piece, pieces};
use super::svg::{needs_legend, shares_legend};
use super::ticks::ticks;

const FILE: &str = "tests/golden/axes.json";

/// Between platforms' logarithms and powers.
const ROUNDING: f64 = 1e-12;

fn golden() -> Value {
    json!({
        "ticks": tick_cases(),
        "scales": scale_cases(),
        "ranges": range_cases(),
        "views": view_cases(),
        "legends": legend_cases(),
        "subscripts": subscript_cases(),
    })
}

/// JSON with a line a case.
fn text(golden: &Value) -> String {
    let kinds = golden.as_object().into_iter().flatten().map(|(kind, cases)| {
        let cases: Vec<String> =
            cases.as_array().into_iter().flatten().map(Value::to_string).collect();
        format!("\"{kind}\": [\n{}\n]", cases.join(",\n"))
    });
    format!("{{\n{}\n}}\n", kinds.collect::<Vec<_>>().join(",\n"))
}

fn tick_cases() -> Vec<Value> {
    let linear = [
        (0.0, 40.0),
        (0.0, 1.5),
        (-0.3, 0.1),
        (1.05, 9.02),
        (-1.0, 1.0),
        (0.123, 0.1231),
        (2.3, 2.3000001),
        (-7.5, 20_000.0),
        (0.0, 9_999_999.0),
        (0.0, 1e7),
        (-3.2e9, 1.1e9),
        (1e-5, 9e-5),
        (0.0, 9.99e-5),
        (0.0, 1e-4),
        (-4e-12, 3e-12),
        (99_990.0, 100_010.0),
    ];
    let logarithmic = [
        (0.5, 20.0),
        (1e-9, 1e-5),
        (1e-12, 1e6),
        (1.0, 1.5),
        (3.0, 4.0),
        (0.002, 0.9),
        (900.0, 1e5),
        (2e-4, 7e-3),
        (0.1, 1.0),
        (1e-4, 1e4),
    ];
    let case = |spacing: Spacing, range: (f64, f64), most: usize, whole: bool| {
        let ticks = ticks(spacing, range, most, whole).into_iter();
        let ticks: Vec<Value> = ticks.map(|t| json!({ "at": t.at, "label": t.label })).collect();
        json!({ "spacing": spacing, "range": range, "most": most, "whole": whole, "ticks": ticks })
    };
    let linear = linear.into_iter().flat_map(|range| {
        [(3, false), (8, false), (8, true)]
            .map(|(most, whole)| (Spacing::Linear, range, most, whole))
    });
    // Whole numbers at a spacing of parts of one would be many.
    let linear = linear.filter(|(_, range, _, whole)| !whole || range.1 - range.0 > 1.0);
    let logarithmic = logarithmic
        .into_iter()
        .flat_map(|range| [3, 8].map(|most| (Spacing::Log, range, most, false)));
    linear.chain(logarithmic).map(|(s, range, most, whole)| case(s, range, most, whole)).collect()
}

fn scale_cases() -> Vec<Value> {
    let cases = [
        (Spacing::Linear, (-2.0, 3.0), (60.0, 900.0), [-2.0, 0.0, 0.7, 5.0]),
        (Spacing::Linear, (1e-9, 2e-9), (300.0, 10.0), [1e-9, 1.1e-9, 2e-9, 0.0]),
        (Spacing::Log, (1e-3, 1e4), (300.0, 10.0), [1e-3, 1.0, 20.0, 1e5]),
    ];
    let case = |(spacing, values, pixels, at): (_, _, _, [f64; 4])| {
        let scale = Scale { spacing, values, pixels };
        let places = at.map(|value| json!({ "value": value, "pixel": scale.at(value) }));
        json!({ "spacing": spacing, "values": values, "pixels": pixels, "places": places })
    };
    cases.into_iter().map(case).collect()
}

fn range_cases() -> Vec<Value> {
    let values: [&[f64]; 9] = [
        &[],
        &[0.0],
        &[3.0],
        &[-3.0],
        &[-40.0],
        &[1.0, 4.0],
        &[-4.0, -1.0],
        &[-1.0, 2.0],
        &[1e-9, 1e9],
    ];
    let axes = [(Spacing::Linear, false, false), (Spacing::Linear, true, false)]
        .into_iter()
        .chain([(Spacing::Linear, false, true), (Spacing::Log, false, false)]);
    let cases = axes.flat_map(|axis| values.map(|values| (axis, values)));
    let case = |((spacing, zero, whole), values): (_, &[f64])| {
        let axis = Axis { spacing, zero, whole, ..Axis::new("a", "a") };
        // The page passes over what a logarithmic axis cannot show before it asks for a range.
        let shown =
            values.iter().copied().filter(|&value| spacing == Spacing::Linear || value > 0.0);
        let shown: Vec<f64> = shown.collect();
        let range = widened(&axis, shown.iter().copied(), 0.06);
        let axis = json!({ "spacing": spacing, "zero": zero, "whole": whole });
        json!({ "axis": axis, "values": shown, "air": 0.06, "range": range })
    };
    cases.map(case).collect()
}

/// A series of one style, named and coloured.
fn series(name: &str, style: Style, color: usize, points: &[(f64, f64)]) -> Series {
    Series::new(name, style, color, points.to_vec())
}

fn panel(series: Vec<Series>, x: Axis, y: Axis) -> Panel {
    Panel { title: String::new(), in_image: true, x, y, series }
}

/// What panels show of their series: all of x, then y within the middle half of it.
fn view_cases() -> Vec<Value> {
    let gap = f64::NAN;
    let points = [(1.0, 2.0), (3.0, -1.0), (4.0, gap), (gap, 9.0), (7.0, 5.0), (9.0, 0.5)];
    let other = [(0.0, 4.0), (5.0, 0.25), (12.0, 3e3)];
    let log = |axis| Axis { spacing: Spacing::Log, ..axis };
    let axis = || Axis::new("a", "a");
    let names = ["1", "2", "5"].map(str::to_owned).to_vec();
    let axes = [
        (axis(), axis()),
        (log(axis()), axis()),
        (Axis { whole: true, ..axis() }, log(axis())),
        (Axis { categories: names, ..axis() }, Axis { zero: true, ..axis() }),
        (Axis { view: Some((2.0, 8.0)), ..axis() }, Axis { view: Some((-9.0, 9.5)), ..axis() }),
    ];
    let cases = axes.into_iter().flat_map(|axes| {
        [Style::Line, Style::Dots, Style::Rings, Style::Whiskers, Style::Band]
            .map(|style| (axes.clone(), style))
    });
    let case = |((x, y), style): ((Axis, Axis), Style)| {
        let series = vec![series("s", style, 0, &points), series("o", Style::Dashed, 1, &other)];
        let panel = panel(series, x, y);
        let (low, high) = x_range(&panel);
        let within = (low + 0.25 * (high - low), high - 0.25 * (high - low));
        json!({
            "panel": panel, "x": (low, high), "y": y_range(&panel, (low, high)), "within": within,
            "y_within": y_range(&panel, within),
        })
    };
    cases.map(case).collect()
}

/// Where legends stand: one for all panels, or one for each that needs it.
fn legend_cases() -> Vec<Value> {
    let one = |name, style, color| series(name, style, color, &[(0.0, 1.0)]);
    let panel = |series| panel(series, Axis::new("x", "x"), Axis::new("y", "y"));
    let loss = || panel(vec![one("loss", Style::Line, 0), one("floor", Style::Dashed, 1)]);
    let floor = || panel(vec![one("floor", Style::Dashed, 1)]);
    let twice = || panel(vec![one("a", Style::Dots, 2), one("a", Style::Line, 2)]);
    let cases = [
        vec![loss()],
        vec![loss(), loss()],
        vec![loss(), floor()],
        vec![twice(), twice()],
        vec![twice(), panel(vec![one("a", Style::Line, 2)])],
        vec![floor(), panel(vec![one("floor", Style::Dashed, 3)])],
    ];
    let case = |panels: Vec<Panel>| {
        let shares = shares_legend(&panels.iter().collect::<Vec<_>>());
        let needs: Vec<bool> = panels.iter().map(needs_legend).collect();
        json!({ "panels": panels, "shares": shares, "needs": needs })
    };
    cases.into_iter().map(case).collect()
}

fn subscript_cases() -> Vec<Value> {
    let texts = [
        "",
        "loss",
        "η λ_max",
        "u·H_B u, λ_min",
        "λ_2, batch_size",
        "a_b",
        "wide_H_1",
        "MLP_L",
        "λ_",
    ];
    let text = |piece| match piece {
        Piece::Plain(text) | Piece::Subscript(text) => text,
    };
    let case = |name| json!({ "text": name, "pieces": pieces(name).into_iter().map(text).collect::<Vec<_>>() });
    texts.into_iter().map(case).collect()
}

/// The first place where two values differ by more than rounding.
fn difference(place: &str, found: &Value, expected: &Value) -> Option<String> {
    match (found, expected) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64()?, b.as_f64()?);
            let close = (a - b).abs() <= ROUNDING * a.abs().max(b.abs());
            (!close).then(|| format!("{place}: {a}, but {FILE} has {b}"))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(i, (a, b))| difference(&format!("{place}[{i}]"), a, b))
        }
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            let mut pairs = a.iter().zip(b.values());
            pairs.find_map(|((key, a), b)| difference(&format!("{place}.{key}"), a, b))
        }
        _ => (found != expected).then(|| format!("{place}: {found}, but {FILE} has {expected}")),
    }
}

#[test]
fn axes_are_the_golden_ones() -> Result<(), TestError> {
    let (path, found) = (Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE), golden());
    if std::env::var_os("LOSSWALK_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, text(&found))?;
    }
    let expected: Value = serde_json::from_slice(&std::fs::read(path)?)?;
    assert_eq!(difference("axes", &found, &expected), None);
    Ok(())
}

#[test]
fn another_number_or_label_is_a_difference() {
    let golden = json!([{ "at": 0.1, "label": "0.1" }]);
    for other in
        [json!([{ "at": 0.1 + 1e-10, "label": "0.1" }]), json!([{ "at": 0.1, "label": "0.10" }])]
    {
        assert!(difference("axes", &other, &golden).is_some());
    }
    assert_eq!(difference("axes", &json!([{ "at": 0.1 + 1e-15, "label": "0.1" }]), &golden), None);
}

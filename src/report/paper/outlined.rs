//! An SVG whose letters are paths, so that it looks the same wherever it is put.

use resvg::usvg::{Tree, WriteOptions};

/// The tree as SVG, which states its size in points.
pub(super) fn outlined(tree: &Tree) -> String {
    let options = WriteOptions { coordinates_precision: 3, ..WriteOptions::default() };
    let svg = tree.to_string(&options);
    let (width, height) = (tree.size().width(), tree.size().height());
    // The writer states pixels of CSS, which not every program takes for 1/96 inch.
    let of_writer = format!("width=\"{width}\" height=\"{height}\"");
    let [wide, high] = [width, height].map(|side| side * 0.75);
    let stated = format!("width=\"{wide}pt\" height=\"{high}pt\" viewBox=\"0 0 {width} {height}\"");
    svg.replacen(&of_writer, &stated, 1)
}

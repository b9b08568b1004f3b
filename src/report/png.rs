//! An SVG as pixels, with the font that is built in: equal figures give equal bytes on any machine.

use std::sync::Arc;

use flate2::Crc;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::ReportError;

/// Latin, Greek and signs of mathematics of DejaVu Sans (made by `font/subset.py`).
const FONT: &[u8] = include_bytes!("font/DejaVuSans-subset.ttf");

/// Pixels of the PNG for one pixel of the SVG.
const SCALE: f32 = 2.0;

/// Signature and first chunk of a PNG.
const END_OF_HEAD: usize = 8 + 25;

/// Turns SVGs into PNGs.
pub(super) struct Rasteriser {
    options: Options<'static>,
}

impl Rasteriser {
    /// With the built-in font and no other.
    pub fn new() -> Self {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_data(FONT.to_vec());
        fonts.set_sans_serif_family("DejaVu Sans");
        let options = Options {
            font_family: "DejaVu Sans".to_owned(),
            fontdb: Arc::new(fonts),
            ..Options::default()
        };
        Self { options }
    }

    /// The bytes of a PNG file; `figure` is named if that fails.
    pub fn png(&self, svg: &str, figure: &str) -> Result<Vec<u8>, ReportError> {
        png(&self.tree(svg, figure)?, SCALE, figure)
    }

    /// The shapes of a drawing, letters among them; `figure` is named if that fails.
    pub fn tree(&self, svg: &str, figure: &str) -> Result<Tree, ReportError> {
        Tree::from_str(svg, &self.options).map_err(|error| failed(figure, error.to_string()))
    }
}

/// The bytes of a PNG file with `scale` pixels for one of the tree, which states its size.
pub(super) fn png(tree: &Tree, scale: f32, figure: &str) -> Result<Vec<u8>, ReportError> {
    let [width, height] =
        [tree.size().width(), tree.size().height()].map(|side| pixels(side * scale));
    let pixels = Pixmap::new(width, height);
    let mut pixels = pixels.ok_or_else(|| failed(figure, "the image has no size".to_owned()))?;
    resvg::render(tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    let png = pixels.encode_png().map_err(|error| failed(figure, error.to_string()))?;
    Ok(with_resolution(png, scale))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size")]
fn pixels(side: f32) -> u32 {
    side.round() as u32
}

/// A PNG that says how large it is: the chunk pHYs (PNG specification, 11.3.5.3), after the head, which
/// has a fixed length.
fn with_resolution(mut png: Vec<u8>, scale: f32) -> Vec<u8> {
    let pixels_a_metre = pixels(scale * 96.0 / 0.0254).to_be_bytes();
    let chunk = [&b"pHYs"[..], &pixels_a_metre, &pixels_a_metre, &[1]].concat();
    let mut sum = Crc::new();
    sum.update(&chunk);
    let chunk = [&9u32.to_be_bytes()[..], &chunk, &sum.sum().to_be_bytes()].concat();
    png.splice(END_OF_HEAD..END_OF_HEAD, chunk);
    png
}

fn failed(figure: &str, problem: String) -> ReportError {
    ReportError::Image { figure: figure.to_owned(), format: "PNG", problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_drawn_with_the_built_in_font() -> Result<(), ReportError> {
        let svg = |text: &str| {
            format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"60\" height=\"20\">\
                 <text x=\"2\" y=\"15\" font-family=\"'DejaVu Sans'\">{text}</text></svg>"
            )
        };
        let rasteriser = Rasteriser::new();
        let blank = rasteriser.png(&svg(""), "blank")?;
        let written = rasteriser.png(&svg("θ·∇L"), "written")?;
        assert!(written.starts_with(b"\x89PNG") && written != blank);
        assert_eq!(written, rasteriser.png(&svg("θ·∇L"), "again")?);
        Ok(())
    }

    #[test]
    fn a_broken_image_names_the_figure() {
        let error = Rasteriser::new().png("<svg", "walk").err().map(|error| error.to_string());
        assert!(error.is_some_and(|text| text.starts_with("figure walk:")));
    }
}

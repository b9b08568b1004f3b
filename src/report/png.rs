//! An SVG as pixels, with the font that is built in: equal figures give equal bytes on any machine.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::ReportError;

/// Latin, Greek and signs of mathematics of DejaVu Sans (made by `font/subset.py`).
const FONT: &[u8] = include_bytes!("font/DejaVuSans-subset.ttf");

/// Pixels of the PNG for one pixel of the SVG.
const SCALE: f32 = 2.0;

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
        let failed = |problem: String| ReportError::Png { figure: figure.to_owned(), problem };
        let tree = Tree::from_str(svg, &self.options).map_err(|error| failed(error.to_string()))?;
        let size = tree.size().to_int_size().scale_by(SCALE);
        let pixels = size.and_then(|size| Pixmap::new(size.width(), size.height()));
        let mut pixels = pixels.ok_or_else(|| failed("the image has no size".to_owned()))?;
        let transform = Transform::from_scale(SCALE, SCALE);
        resvg::render(&tree, transform, &mut pixels.as_mut());
        pixels.encode_png().map_err(|error| failed(error.to_string()))
    }
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

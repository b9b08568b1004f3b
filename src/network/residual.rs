//! A residual block: the sum of two paths.

use super::{Layer, Pass, Shape, ShapeError, Stage};
use crate::taylor::Series;

/// y = main(s) + shortcut(s) with s = stem(x); an empty path leaves s as it is.
#[derive(Debug, Default)]
pub struct Residual {
    /// Layers before the paths part; empty for a shortcut on the raw input.
    pub stem: Vec<Box<dyn Layer>>,
    /// The path with the non-linearities.
    pub main: Vec<Box<dyn Layer>>,
    /// A projection where the shape changes; empty otherwise.
    pub shortcut: Vec<Box<dyn Layer>>,
}

impl Layer for Residual {
    fn output_shape(&self, input: Shape) -> Result<Shape, ShapeError> {
        let through = |layers: &[Box<dyn Layer>], input| {
            layers.iter().try_fold(input, |shape, layer| layer.output_shape(shape))
        };
        let stem = through(&self.stem, input)?;
        let main = through(&self.main, stem)?;
        let shortcut = through(&self.shortcut, stem)?;
        if main == shortcut {
            return Ok(main);
        }
        Err(ShapeError::new(format!(
            "the paths of the residual block end in {main} (main) and {shortcut} (shortcut)"
        )))
    }

    fn stage(&self) -> Option<Stage<'_>> {
        let Self { stem, main, shortcut } = self;
        Some(Stage::Residual { stem, main, shortcut })
    }

    fn forward(&self, input: Series<4>, pass: &mut Pass) -> Series<4> {
        let through = |layers: &[Box<dyn Layer>], input, pass: &mut Pass| {
            layers.iter().fold(input, |x, layer| layer.forward(x, pass))
        };
        let stem = through(&self.stem, input, pass);
        let main = through(&self.main, stem.clone(), pass);
        main + through(&self.shortcut, stem, pass)
    }
}

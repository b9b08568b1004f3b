//! A residual block: the sum of two paths.

use super::{Layer, Pass, Shape, ShapeError};
use crate::taylor::Series;

/// y = main(s) + shortcut(s) with s = stem(x); without a shortcut layer, y = main(s) + s.
#[derive(Debug, Default)]
pub struct Residual {
    /// Layers before the paths part; empty for a shortcut on the raw input.
    pub stem: Vec<Box<dyn Layer>>,
    /// The path with the non-linearities.
    pub main: Vec<Box<dyn Layer>>,
    /// A projection where the shape changes.
    pub shortcut: Option<Box<dyn Layer>>,
}

impl Layer for Residual {
    fn output_shape(&self, input: Shape) -> Result<Shape, ShapeError> {
        let through = |layers: &[Box<dyn Layer>], input| {
            layers.iter().try_fold(input, |shape, layer| layer.output_shape(shape))
        };
        let stem = through(&self.stem, input)?;
        let main = through(&self.main, stem)?;
        let shortcut = match &self.shortcut {
            Some(layer) => layer.output_shape(stem)?,
            None => stem,
        };
        if main == shortcut {
            return Ok(main);
        }
        Err(ShapeError::new(format!("the paths of a residual block end in {main} and {shortcut}")))
    }

    fn forward(&self, input: Series<4>, pass: &mut Pass) -> Series<4> {
        let through = |layers: &[Box<dyn Layer>], input, pass: &mut Pass| {
            layers.iter().fold(input, |x, layer| layer.forward(x, pass))
        };
        let stem = through(&self.stem, input, pass);
        let main = through(&self.main, stem.clone(), pass);
        let shortcut = match &self.shortcut {
            Some(layer) => layer.forward(stem, pass),
            None => stem,
        };
        main + shortcut
    }
}

//! Convolution of images, 3x3 or 1x1.

use super::{Initial, Layer, Layout, ParameterId, Pass, Shape, ShapeError, Stage};
use crate::taylor::{Series, convolve2d};

/// y = x * W (+ b), with W [k, k, in, out] in memory and [out, in, k, k] in files.
///
/// Padding keeps the size at stride 1: (k - 1) / 2 zeros on each side.
#[derive(Debug)]
pub struct Convolution {
    kernel_size: usize,
    stride: usize,
    inputs: usize,
    outputs: usize,
    weight: ParameterId,
    bias: Option<ParameterId>,
}

/// What a convolution looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvolutionConfig {
    /// k, an odd number.
    pub kernel_size: usize,
    /// Step between windows.
    pub stride: usize,
    /// Channels out.
    pub outputs: usize,
    /// Add a bias.
    pub bias: bool,
}

impl ConvolutionConfig {
    /// Declares `name.weight`, drawn from N(0, 2/(k² out)), and `name.bias` = 0.
    pub fn declare(self, layout: &mut Layout, name: &str, input: Shape) -> Convolution {
        let Self { kernel_size: k, stride, outputs, bias } = self;
        let std = (2.0 / (k * k).saturating_mul(outputs) as f64).sqrt();
        let shape = [k, k, input.channels, outputs];
        let weight = format!("{name}.weight");
        let weight = layout.parameter(weight, &shape, &[3, 2, 0, 1], Initial::Normal { std });
        let bias = bias.then(|| {
            layout.parameter(format!("{name}.bias"), &[outputs], &[0], Initial::Constant(0.0))
        });
        Convolution { kernel_size: k, stride, inputs: input.channels, outputs, weight, bias }
    }
}

impl Layer for Convolution {
    fn output_shape(&self, input: Shape) -> Result<Shape, ShapeError> {
        // With (k - 1) / 2 zeros on each side, windows start at 0, stride, ... below the size.
        let size = |input: usize| input.div_ceil(self.stride);
        let (height, width) = (size(input.height), size(input.width));
        Ok(Shape { height, width, channels: self.outputs })
    }

    fn forward(&self, input: Series<4>, pass: &mut Pass) -> Series<4> {
        let k = self.kernel_size;
        let weight = pass.parameter(self.weight, [k, k, self.inputs, self.outputs]);
        let output = pass.product(&input, &weight, |images, kernel| {
            convolve2d(images, kernel, self.stride, (k - 1) / 2)
        });
        match self.bias {
            Some(bias) => output + pass.parameter(bias, [1, 1, 1, self.outputs]),
            None => output,
        }
    }

    fn is_linear_in_parameters(&self) -> bool {
        true
    }

    fn stage(&self) -> Option<Stage<'_>> {
        let Self { kernel_size, stride, outputs, weight, bias, .. } = *self;
        Some(Stage::Convolution { kernel_size, stride, outputs, weight, bias })
    }
}

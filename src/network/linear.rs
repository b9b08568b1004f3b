//! Fully connected layer: y = x W + b.

use super::{Initial, Layer, Layout, ParameterId, Pass, Shape, ShapeError, Stage};
use crate::taylor::Series;

/// y = x W + b with W [h, w, c, outputs] in memory and [outputs, c h w] in files.
///
/// The input [n, h, w, c] is flattened to [n, h w c]; files flatten channels first.
#[derive(Debug)]
pub struct Linear {
    inputs: usize,
    outputs: usize,
    weight: ParameterId,
    bias: ParameterId,
}

impl Linear {
    /// Declares `name.weight` and `name.bias`, uniform in ±1/sqrt(inputs) (PyTorch's default).
    pub fn new(layout: &mut Layout, name: &str, input: Shape, outputs: usize) -> Self {
        let inputs = input.size();
        let initial = Initial::Uniform { bound: 1.0 / (inputs as f64).sqrt() };
        let weight = format!("{name}.weight");
        let shape = [input.height, input.width, input.channels, outputs];
        let weight = layout.flattened(weight, &shape, &[3, 2, 0, 1], 2, initial);
        let bias = layout.parameter(format!("{name}.bias"), &[outputs], &[0], initial);
        Self { inputs, outputs, weight, bias }
    }
}

impl Layer for Linear {
    fn output_shape(&self, _: Shape) -> Result<Shape, ShapeError> {
        Ok(Shape::flat(self.outputs))
    }

    fn forward(&self, input: Series<4>, pass: &mut Pass) -> Series<4> {
        let [n, ..] = input.dims();
        let weight = pass.parameter(self.weight, [self.inputs, self.outputs]);
        let output = pass.product(&input.reshape([n, self.inputs]), &weight, |x, weight| {
            x.matmul(weight).reshape([n, 1, 1, self.outputs])
        });
        output + pass.parameter(self.bias, [1, 1, 1, self.outputs])
    }

    fn is_linear_in_parameters(&self) -> bool {
        true
    }

    fn stage(&self) -> Option<Stage<'_>> {
        let Self { outputs, weight, bias, .. } = *self;
        Some(Stage::Linear { outputs, weight, bias })
    }
}

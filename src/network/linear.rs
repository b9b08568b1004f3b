//! Fully connected layer: y = x W + b.

use super::{Initial, Layer, Layout, ParameterId, Pass, Shape};
use crate::taylor::Series;

/// y = x W + b with W [inputs, outputs] in memory and [outputs, inputs] in files.
///
/// The input [n, h, w, c] is flattened to [n, h w c].
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
        let weight = layout.parameter(weight, &[inputs, outputs], &[1, 0], initial);
        let bias = layout.parameter(format!("{name}.bias"), &[outputs], &[0], initial);
        Self { inputs, outputs, weight, bias }
    }
}

impl Layer for Linear {
    fn forward(&self, input: Series<4>, pass: &mut Pass) -> Series<4> {
        let [n, ..] = input.dims();
        let weight = pass.parameter(self.weight, [self.inputs, self.outputs]);
        let bias = pass.parameter(self.bias, [1, self.outputs]);
        let output = input.reshape([n, self.inputs]).matmul(&weight) + bias;
        output.reshape([n, 1, 1, self.outputs])
    }

    fn is_linear_in_parameters(&self) -> bool {
        true
    }
}

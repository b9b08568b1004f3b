//! Batch normalisation (Ioffe & Szegedy 2015), channel by channel over batch and pixels.
//!
//! y = gamma (x - mean) / sqrt(variance + eps) + beta. The statistics are those of the batch, as
//! functions of theta with all their derivatives, or given from outside.

use super::layer::rows;
use super::{
    Initial, Layer, Layout, Normalisation, ParameterId, Pass, Shape, ShapeError, Statistics,
};
use crate::taylor::Series;

/// Added to the variance (PyTorch's default).
pub const EPSILON: f64 = 1e-5;

/// Weight of the newest batch in the running statistics (PyTorch's default).
pub const RUNNING_MOMENTUM: f64 = 0.1;

/// Batch norm over `channels` channels.
#[derive(Debug)]
pub struct BatchNorm {
    channels: usize,
    /// Which norm of the network this is, counted from 0.
    index: usize,
    weight: ParameterId,
    bias: ParameterId,
}

impl BatchNorm {
    /// Declares `name.weight` = 1, `name.bias` = 0 and the running statistics.
    pub fn new(layout: &mut Layout, name: &str, channels: usize) -> Self {
        let index = layout.norms();
        layout.norm(name, channels);
        let mut parameter = |kind: &str, value| {
            let initial = Initial::Constant(value);
            layout.parameter(format!("{name}.{kind}"), &[channels], &[0], initial)
        };
        let (weight, bias) = (parameter("weight", 1.0), parameter("bias", 0.0));
        Self { channels, index, weight, bias }
    }

    fn apply(&self, centred: Series<2>, variance: Series<2>, pass: &Pass) -> Series<2> {
        let shape = [1, self.channels];
        let scale = variance.add_scalar(EPSILON).powf(-0.5) * pass.parameter(self.weight, shape);
        centred * scale + pass.parameter(self.bias, shape)
    }
}

impl Layer for BatchNorm {
    fn output_shape(&self, input: Shape) -> Result<Shape, ShapeError> {
        Ok(input)
    }

    fn forward(&self, input: Series<4>, pass: &mut Pass) -> Series<4> {
        let shape = input.dims();
        let input = rows(input);
        let output = match pass.normalisation {
            Normalisation::Frozen(all) => {
                let Statistics { mean, variance, .. } = all[self.index].clone();
                self.apply(input - mean, variance, pass)
            }
            Normalisation::Batch => {
                let [count, _] = input.dims();
                let mean = input.clone().mean_dim(0);
                let centred = input - mean.clone();
                let variance = (centred.clone() * centred.clone()).mean_dim(0);
                pass.observed.push(Statistics { mean, variance: variance.clone(), count });
                self.apply(centred, variance, pass)
            }
        };
        output.reshape(shape)
    }
}

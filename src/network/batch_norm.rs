//! Batch normalisation (Ioffe & Szegedy 2015), channel by channel over batch and pixels.
//!
//! y = gamma (x - mean) / sqrt(variance + eps) + beta. The statistics are those of the batch, as
//! functions of theta with all their derivatives, or given from outside.

use super::{
    Initial, Layer, Layout, Normalisation, ParameterId, Pass, Shape, ShapeError, Stage, Statistics,
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

    /// Norms activations by their own statistics over some dimensions.
    fn by_own(&self, input: Series<4>, over: &[usize], pass: &mut Pass) -> Series<4> {
        let dims = input.dims();
        let count = over.iter().map(|&dim| dims[dim]).product();
        let mean_input = mean(input.clone(), over);
        let centred = input - mean_input.clone();
        let variance = mean(centred.clone().square(), over);
        pass.observed.push(Statistics { mean: mean_input, variance: variance.clone(), count });
        self.apply(centred, variance, pass)
    }

    fn apply(&self, centred: Series<4>, variance: Series<4>, pass: &mut Pass) -> Series<4> {
        let shape = [1, 1, 1, self.channels];
        let scale = variance.add_scalar(EPSILON).powf(-0.5) * pass.parameter(self.weight, shape);
        let scale = pass.contract(scale);
        pass.contract(centred * scale) + pass.parameter(self.bias, shape)
    }
}

/// Mean over some dimensions.
///
/// A dimension at a time: the framework adds up a dimension number by number, and over all the
/// pixels of a batch at once the rounding errors of f32 would grow to 1e-5.
fn mean(activation: Series<4>, over: &[usize]) -> Series<4> {
    let dims = activation.dims();
    let long = over.iter().filter(|&&dim| dims[dim] > 1);
    long.fold(activation, |mean, &dim| mean.mean_dim(dim))
}

impl Layer for BatchNorm {
    fn output_shape(&self, input: Shape) -> Result<Shape, ShapeError> {
        Ok(input)
    }

    fn stage(&self) -> Option<Stage<'_>> {
        let Self { index, weight, bias, .. } = *self;
        Some(Stage::BatchNorm { index, weight, bias })
    }

    fn forward(&self, input: Series<4>, pass: &mut Pass) -> Series<4> {
        match pass.normalisation {
            Normalisation::Frozen(all) => {
                let Statistics { mean, variance, .. } = all[self.index].clone();
                self.apply(input - mean, variance, pass)
            }
            Normalisation::Batch => self.by_own(input, &[2, 1, 0], pass),
            Normalisation::Batches(batches) => {
                let shape @ [n, h, w, c] = input.dims();
                let batches = input.reshape([batches, n / batches, h * w, c]);
                self.by_own(batches, &[2, 1], pass).reshape(shape)
            }
        }
    }
}

//! Batch norm: from statistics to what is applied to a channel.

use crate::kernels::Normalise;
use crate::network::EPSILON;

/// Mean and variance of every channel of one norm.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NormStatistics {
    /// Means.
    pub mean: Vec<f64>,
    /// Variances, divided by the number of values.
    pub variance: Vec<f64>,
}

/// (x - mean) scale + offset, channel by channel, ready for the kernels.
#[derive(Debug, Clone, Default)]
pub(super) struct Affine {
    mean: Vec<f32>,
    scale: Vec<f32>,
    offset: Vec<f32>,
}

impl Affine {
    /// Of a norm with weight gamma and bias beta.
    pub fn set(&mut self, statistics: &NormStatistics, gamma: &[f64], beta: &[f64]) {
        let NormStatistics { mean, variance } = statistics;
        let scale = variance.iter().zip(gamma).map(|(v, gamma)| gamma / (v + EPSILON).sqrt());
        self.mean.clear();
        self.mean.extend(mean.iter().map(|&mean| mean as f32));
        self.scale.clear();
        self.scale.extend(scale.map(|scale| scale as f32));
        self.offset.clear();
        self.offset.extend(beta.iter().map(|&beta| beta as f32));
    }

    /// Leaves every channel as it is.
    pub fn identity(channels: usize) -> Self {
        Self { mean: vec![0.0; channels], scale: vec![1.0; channels], offset: vec![0.0; channels] }
    }

    pub fn normalise(&self, channels: usize, rectify: bool) -> Normalise<'_> {
        let Self { mean, scale, offset } = self;
        Normalise {
            mean: &mean[..channels],
            scale: &scale[..channels],
            offset: &offset[..channels],
            rectify,
        }
    }
}

//! Batch norm: from statistics to what is applied to a channel.

use crate::kernels::Normalise;
use crate::network::EPSILON;

/// Square of the distance from shift to mean, in variances, from which on a second pass is made: up to
/// here the sums are five times what they would be about the mean.
const FAR: f64 = 4.0;

/// Mean and variance of every channel of one norm.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NormStatistics {
    /// Means.
    pub mean: Vec<f64>,
    /// Variances, divided by the number of values.
    pub variance: Vec<f64>,
}

impl NormStatistics {
    /// True if no mean is so far from the shift that sums of (x - shift)² lose digits of the variance.
    pub(super) fn are_near(&self, shift: &[f32]) -> bool {
        let pairs = self.mean.iter().zip(&self.variance).zip(shift);
        let is_near = |((mean, variance), &shift): ((&f64, &f64), &f32)| {
            (mean - f64::from(shift)).powi(2) <= FAR * (variance + EPSILON)
        };
        pairs.into_iter().all(is_near)
    }
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

    /// What is taken off.
    pub fn mean(&self) -> &[f32] {
        &self.mean
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

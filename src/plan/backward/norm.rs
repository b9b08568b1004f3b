//! Batch norm backwards, channel by channel, in f64.
//!
//! With the sums S1 of g and S2 of g (x - mean) over a batch, the gradients are S1 for beta,
//! S2 / sqrt(v + eps) for gamma, and for the statistics -a S1 (mean) and -a S2 / (2 (v + eps)) (variance)
//! with a = gamma / sqrt(v + eps). Statistics of the batch pass theirs on to all m of its values x:
//! dL/dx = a g + dL/dmean / m + dL/dvariance 2 (x - mean) / m.

use super::super::NormStatistics;
use crate::kernels::NormCoefficients;
use crate::network::EPSILON;

/// The gradients of a loss with respect to the mean and the variance of every channel of a norm.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cotangents {
    /// Of the means.
    pub mean: Vec<f64>,
    /// Of the variances, divided by the number of values.
    pub variance: Vec<f64>,
}

/// What one norm's way back leaves.
#[derive(Debug, Default)]
pub(in super::super) struct NormBack {
    pub gamma: Vec<f64>,
    pub beta: Vec<f64>,
    /// S2.
    pub products: Vec<f64>,
    pub statistics: Cotangents,
    /// The sum over the batch of the gradients with respect to what the norm reads.
    pub read: Vec<f64>,
    mean: Vec<f32>,
    gradient: Vec<f32>,
    image: Vec<f32>,
    constant: Vec<f32>,
}

/// What a norm was, and how the loss depends on its statistics by other ways.
#[derive(Debug, Clone, Copy)]
pub(super) struct Here<'a> {
    pub gamma: &'a [f64],
    pub statistics: &'a NormStatistics,
    /// The values that the statistics are of, where they are those of the batch.
    pub count: Option<usize>,
    pub cotangents: Option<&'a Cotangents>,
}

impl NormBack {
    /// From the totals [2, channels] of g and g (x - mean).
    pub(super) fn set(&mut self, totals: &[f64], here: Here<'_>) {
        let Here { gamma, statistics, count, cotangents } = here;
        let (sums, products) = totals.split_at(gamma.len());
        self.clear();
        for (channel, gamma) in gamma.iter().enumerate() {
            let (sum, product) = (sums[channel], products[channel]);
            let variance = statistics.variance[channel] + EPSILON;
            let a = gamma / variance.sqrt();
            let given =
                cotangents.map_or([0.0; 2], |given| [given.mean[channel], given.variance[channel]]);
            let of_mean = given[0] - a * sum;
            let of_variance = given[1] - a * product / (2.0 * variance);
            let share = count.map_or(0.0, |count| 1.0 / count as f64);
            self.gamma.push(product / variance.sqrt());
            self.beta.push(sum);
            self.products.push(product);
            self.statistics.mean.push(of_mean);
            self.statistics.variance.push(of_variance);
            // The sum of x - mean is zero for statistics of the batch.
            self.read.push(if count.is_some() { a * sum + of_mean } else { a * sum });
            self.mean.push(statistics.mean[channel] as f32);
            self.gradient.push(a as f32);
            self.image.push((2.0 * share * of_variance) as f32);
            self.constant.push((share * of_mean) as f32);
        }
    }

    fn clear(&mut self) {
        let Self { gamma, beta, products, statistics, read, .. } = self;
        let Cotangents { mean, variance } = statistics;
        [gamma, beta, products, mean, variance, read].into_iter().for_each(Vec::clear);
        let Self { mean, gradient, image, constant, .. } = self;
        [mean, gradient, image, constant].into_iter().for_each(Vec::clear);
    }

    /// What it does with a gradient and its images.
    pub fn coefficients(&self) -> NormCoefficients<'_> {
        let Self { mean, gradient, image, constant, .. } = self;
        NormCoefficients { mean, gradient, image, constant }
    }
}

//! Batch norm along a direction, channel by channel, in f64.
//!
//! y = gamma r (x - m) + beta with r = (v + eps)^(-1/2). To first order y1 = a (x1 - m1) + b (x - m) + beta1
//! with a = gamma r, b = gamma1 r + gamma r1 and r1 = -r³ v1 / 2, where statistics of a batch move by
//! m1 = mean x1 and v1 = 2 mean (x - m) x1. Beside second coefficients of x, which are not passed on, y has
//! b (x1 - m1) + s (x - m) in second order, with s = gamma1 r1 + gamma r2, r2 = -r³ v2 / 2 + 3 r⁵ v1² / 8
//! and, in a batch, v2 = mean (x1 - m1)².

use super::super::NormStatistics;
use super::super::backward::{Cotangents, NormBack};
use crate::kernels::TangentCoefficients;
use crate::network::EPSILON;

/// One norm along a direction.
#[derive(Debug, Default)]
pub(super) struct NormAlong {
    /// The sums over the batch of x1 and, in the second half, of x1 (x - m).
    pub sums: Vec<f64>,
    /// The sums of (x1 - m1)², where they are asked for, and, in the second half, of the adjoint of what it writes times
    /// x1 - m1.
    pub weighed: Vec<f64>,
    /// m1 and v1.
    pub statistics: NormStatistics,
    /// b in f64.
    pub(super) factors: Vec<f64>,
    mean: Vec<f32>,
    pub(super) tangent_mean: Vec<f32>,
    tangent: Vec<f32>,
    image: Vec<f32>,
    constant: Vec<f32>,
}

/// What 32 bits leave out of a mean.
pub(super) fn rest(mean: f64) -> f64 {
    mean - f64::from(mean as f32)
}

/// What a norm is, and how it moves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Here<'a> {
    pub gamma: &'a [f64],
    /// gamma1 and beta1.
    pub direction: &'a [Vec<f64>; 2],
    pub statistics: &'a NormStatistics,
}

impl NormAlong {
    /// From its sums over so many values, or from how the statistics that it was given move.
    pub fn set(&mut self, here: Here<'_>, given: Result<usize, &NormStatistics>) {
        match given {
            Ok(count) => {
                let (sums, products) = self.sums.split_at(here.gamma.len());
                let (NormStatistics { mean, variance }, count) =
                    (&mut self.statistics, count as f64);
                mean.clear();
                mean.extend(sums.iter().map(|sum| sum / count));
                let all = products.iter().zip(sums).zip(&here.statistics.mean);
                let covariances = all.map(|((product, sum), &mean)| product - rest(mean) * sum);
                variance.clear();
                variance.extend(covariances.map(|covariance| 2.0 * covariance / count));
            }
            Err(given) => self.statistics.clone_from(given),
        }
        let Self { factors, mean, tangent_mean, tangent, image, constant, .. } = self;
        factors.clear();
        [mean, tangent_mean, tangent, image, constant].into_iter().for_each(Vec::clear);
        for (channel, &gamma) in here.gamma.iter().enumerate() {
            let [r, r1] = self.roots(here, channel);
            let [gamma1, beta1] = here.direction.each_ref().map(|all| all[channel]);
            let factor = gamma1 * r + gamma * r1;
            self.factors.push(factor);
            let means = [here.statistics.mean[channel], self.statistics.mean[channel]];
            let constant = beta1 - factor * rest(means[0]) - gamma * r * rest(means[1]);
            self.mean.push(means[0] as f32);
            self.tangent_mean.push(means[1] as f32);
            self.tangent.push((gamma * r) as f32);
            self.image.push(factor as f32);
            self.constant.push(constant as f32);
        }
    }

    /// r and r1.
    pub(super) fn roots(&self, here: Here<'_>, channel: usize) -> [f64; 2] {
        let r = (here.statistics.variance[channel] + EPSILON).sqrt().recip();
        [r, -0.5 * r.powi(3) * self.statistics.variance[channel]]
    }

    pub fn coefficients(&self) -> TangentCoefficients<'_> {
        let Self { mean, tangent_mean, tangent, image, constant, .. } = self;
        TangentCoefficients { mean, tangent_mean, tangent, image, constant }
    }

    /// The term of second order. `count` values give the batch's statistics; none where they are given,
    /// which have no second coefficients then. `cotangents` are those by other ways than through the norm.
    pub fn second(
        &self,
        here: Here<'_>,
        count: Option<usize>,
        back: &NormBack,
        cotangents: Option<&Cotangents>,
    ) -> f64 {
        let (squares, products) = self.weighed.split_at(here.gamma.len());
        let of_channel = |(channel, &gamma): (usize, &f64)| {
            let [r, r1] = self.roots(here, channel);
            let v1 = self.statistics.variance[channel];
            let v2 = count.map_or(0.0, |count| squares[channel] / count as f64);
            let r2 = -0.5 * r.powi(3) * v2 + 0.375 * r.powi(5) * v1 * v1;
            let scale = here.direction[0][channel] * r1 + gamma * r2;
            let given = cotangents.map_or(0.0, |given| given.variance[channel]);
            let rests = [here.statistics, &self.statistics].map(|all| rest(all.mean[channel]));
            let sums = [back.products[channel], products[channel]];
            let [image, tangent] = [0, 1].map(|i| sums[i] - rests[i] * back.beta[channel]);
            self.factors[channel] * tangent + scale * image + given * v2
        };
        here.gamma.iter().enumerate().map(of_channel).sum()
    }
}

//! Batch norm back along a direction, channel by channel, in f64.
//!
//! What [`NormBack`] computes has derivatives along the direction: with S1 and S2 the sums of the adjoint g
//! and of g (x - m), T1 and T2 their derivatives, the sums of g' and of g' (x - m) + g (x1 - m1), and
//! a1 = gamma1 r + gamma r1 (see [`NormAlong`]), they are T1 for beta, T2 r + S2 r1 for gamma, and for the
//! statistics -a1 S1 - a T1 (mean) and -((a1 r² + 2 a r r1) S2 + a r² T2) / 2 (variance). The gradient with
//! respect to x moves by a g' + a1 g + c0' + c1' (x - m) + c1 (x1 - m1).

use super::super::backward::{Cotangents, NormBack};
use super::norm::{Here, NormAlong, rest};
use crate::kernels::NormCoefficients;

/// How one norm's way back moves.
#[derive(Debug, Default)]
pub(super) struct NormBackAlong {
    pub gamma: Vec<f64>,
    pub beta: Vec<f64>,
    /// Of the gradients with respect to the statistics.
    pub statistics: Cotangents,
    /// Of the sum over the batch of the gradients with respect to what the norm reads.
    pub read: Vec<f64>,
    gradient: Vec<f32>,
    image: Vec<f32>,
    constant: Vec<f32>,
    zeros: Vec<f32>,
}

/// What a norm is and was, and how the loss depends on its statistics by other ways.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turned<'a> {
    pub here: Here<'a>,
    pub along: &'a NormAlong,
    pub back: &'a NormBack,
    /// The values that the statistics are of, where they are those of the batch.
    pub count: Option<usize>,
    /// How the cotangents move that the way back was given.
    pub cotangents: Option<&'a Cotangents>,
}

impl NormBackAlong {
    /// From the sums over the batch of g' and, in the second half, of g' (x - m).
    pub fn set(&mut self, sums: &[f64], of: Turned<'_>) {
        let Turned { here, along, back, count, cotangents } = of;
        let channels = here.gamma.len();
        let (sums, products) = sums.split_at(channels);
        self.clear();
        for (channel, gamma) in here.gamma.iter().enumerate() {
            let [r, r1] = along.roots(here, channel);
            let (a, a1) = (gamma * r, along.factors[channel]);
            let rests = [here.statistics, &along.statistics].map(|all| rest(all.mean[channel]));
            let (sum, before) = (sums[channel], [back.beta[channel], back.products[channel]]);
            let product = products[channel] - rests[0] * sum + along.weighed[channels + channel]
                - rests[1] * before[0];
            let given =
                cotangents.map_or([0.0; 2], |given| [given.mean[channel], given.variance[channel]]);
            let of_sums = a1 * before[0] + a * sum;
            let of_mean = given[0] - of_sums;
            let of_products = (a1 * r + 2.0 * a * r1) * r * before[1] + a * r * r * product;
            let of_variance = given[1] - of_products / 2.0;
            let share = count.map_or(0.0, |count| 1.0 / count as f64);
            self.gamma.push(product * r + before[1] * r1);
            self.beta.push(sum);
            self.statistics.mean.push(of_mean);
            self.statistics.variance.push(of_variance);
            self.read.push(if count.is_some() { of_sums + of_mean } else { of_sums });
            self.gradient.push(a1 as f32);
            self.image.push((2.0 * share * of_variance) as f32);
            self.constant.push((share * of_mean) as f32);
        }
        self.zeros.resize(channels, 0.0);
    }

    fn clear(&mut self) {
        let Self { gamma, beta, statistics: Cotangents { mean, variance }, read, .. } = self;
        [gamma, beta, mean, variance, read].into_iter().for_each(Vec::clear);
        let Self { gradient, image, constant, .. } = self;
        [gradient, image, constant].into_iter().for_each(Vec::clear);
    }

    /// What it does with g and x1.
    pub fn of_tangents<'a>(
        &'a self,
        along: &'a NormAlong,
        back: &'a NormBack,
    ) -> NormCoefficients<'a> {
        let image = back.coefficients().image;
        NormCoefficients {
            mean: &along.tangent_mean,
            gradient: &self.gradient,
            image,
            constant: &self.zeros,
        }
    }

    /// What it does with g' and x.
    pub fn of_values<'a>(&'a self, back: &'a NormBack) -> NormCoefficients<'a> {
        NormCoefficients { image: &self.image, constant: &self.constant, ..back.coefficients() }
    }
}

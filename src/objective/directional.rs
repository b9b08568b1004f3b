//! The loss along directions, to second order: one forward pass over series of order 2, no backward
//! pass, nothing stored.
//!
//! All directions of a call share what depends on theta alone. Kinks (rectifier, max-pool) have the
//! derivative of the side that the point lies on, at the kink itself that of PyTorch; so u'Hu is the
//! curvature of the smooth piece around theta, without the jumps of the slope at kinks.

use burn::tensor::Tensor;

use super::classification::{Presentation, normalisation};
use super::transfer::host;
use super::{Batch, Classification, Directional, ObjectiveError, Point};
use crate::experiment::{BatchNormPolicy, Precision};
use crate::network::Pass;
use crate::taylor::Series;

/// Sums over samples of one direction: s, 2 c, s², 2 c - s² with the sample's slope s and second
/// coefficient c.
const MOMENTS: usize = 4;

impl Classification {
    pub(super) fn second_order(
        &self,
        at: &Point,
        over: Batch,
        directions: &[&[f64]],
        precision: Precision,
    ) -> Result<Vec<Directional>, ObjectiveError> {
        let (batches, presentation, policy) = self.presented(over);
        let parameters = self.expansion(&at.theta, directions, 2, precision);
        let order = (directions.len(), 2);
        let frozen = self.given_statistics(policy, at, &parameters, order, precision)?;
        let frozen = frozen.map(|flat| self.statistics_series(&flat, 2, precision));
        let sums = self.sum_over(&batches, |batch| {
            let images = Series::constant(self.images(batch, precision, presentation));
            let mut pass = Pass::new(&parameters, normalisation(frozen.as_deref()));
            let logits = self.network.logits(images, &mut pass);
            moments(&self.sample_losses(logits, batch), directions.len())
        })?;
        let samples: usize = batches.iter().map(|batch| batch.len()).sum();
        let means: Vec<f64> = sums.into_iter().map(|sum| sum / samples as f64).collect();
        let (of_directions, _) = means[1..].as_chunks::<MOMENTS>();
        let directional = |&[slope, curvature, square, residual]: &[f64; MOMENTS]| Directional {
            loss: means[0],
            slope,
            curvature,
            covariance: square - slope * slope,
            residual,
        };
        Ok(of_directions.iter().map(directional).collect())
    }

    /// A batch in the pieces that are computed at once, and how they are presented.
    fn presented<'a>(&'a self, over: Batch<'a>) -> (Vec<&'a [u32]>, Presentation, BatchNormPolicy) {
        let chunks = |indices: &'a [u32]| indices.chunks(self.chunk).collect();
        match over {
            Batch::Full => {
                (self.measurement.batches(), Presentation::Plain, self.measurement.policy)
            }
            Batch::Samples { indices, epoch } => {
                (chunks(indices), Presentation::Epoch(epoch), BatchNormPolicy::Batch)
            }
            Batch::Plain(indices) => (chunks(indices), Presentation::Plain, BatchNormPolicy::Batch),
        }
    }

    /// theta + e u for every direction u, entry by entry of the layout.
    fn expansion(
        &self,
        theta: &[f64],
        directions: &[&[f64]],
        order: usize,
        precision: Precision,
    ) -> Vec<Series<1>> {
        let split = |u: &&[f64]| self.split(u, precision);
        let split: Vec<Vec<_>> = directions.iter().map(split).collect();
        let values = self.split(theta, precision).into_iter().enumerate();
        let series = |(entry, value): (usize, Tensor<1>)| {
            let tail = |parts: &Vec<Tensor<1>>| vec![parts[entry].clone()];
            let tails = split.iter().map(tail).collect();
            Series::with_tails(value, tails, order)
        };
        values.map(series).collect()
    }
}

/// The summed loss, and the [`MOMENTS`] of every direction.
fn moments(losses: &Series<2>, directions: usize) -> Result<Vec<f64>, ObjectiveError> {
    let mut sums = vec![host(losses.value().clone())?.into_iter().sum()];
    for i in 0..directions {
        let coefficient = |j| match losses.coefficient(i, j) {
            Some(tensor) => host(tensor.clone()),
            None => Ok(vec![0.0; losses.dims()[0]]),
        };
        let mut moments = [0.0; MOMENTS];
        for (slope, second) in coefficient(1)?.into_iter().zip(coefficient(2)?) {
            let (curvature, square) = (2.0 * second, slope * slope);
            let terms = [slope, curvature, square, curvature - square];
            moments.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
        }
        sums.extend(moments);
    }
    Ok(sums)
}

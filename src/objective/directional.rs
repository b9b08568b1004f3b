//! The loss along directions, to second order: one forward pass over series of order 2, no backward
//! pass, nothing stored.
//!
//! All directions of a call share what depends on theta alone. Kinks (rectifier, max-pool) have the
//! derivative of the side that the point lies on, at the kink itself that of PyTorch; so u'Hu is the
//! curvature of the smooth piece around theta, without the jumps of the slope at kinks.

use burn::tensor::{DType, Device, Tensor};

use super::classification::{Presentation, normalisation};
use super::transfer::host;
use super::{Batch, Classification, Directional, ObjectiveError, Point};
use crate::experiment::{BatchNormPolicy, Precision};
use crate::network::{Normalisation, Pass, Primal, Statistics, cross_entropy};
use crate::taylor::Series;

/// Sums over samples of one direction: s, 2 c, s² with the sample's slope s and the second
/// coefficient c.
const MOMENTS: usize = 3;

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
        let values: Vec<_> = parameters.iter().map(tracked).collect();
        let sums = self.sum_over(&batches, |batch| {
            let images = self.images(batch, precision, presentation);
            let normalisation = normalisation(frozen.as_deref());
            let primal = self.primal(&values, normalisation, &images, batch);
            let mut pass = Pass::contracting(&parameters, normalisation, &primal);
            let logits = self.network.logits(Series::constant(images), &mut pass);
            moments(&self.sample_losses(logits, batch), &pass, directions.len())
        })?;
        let samples: usize = batches.iter().map(|batch| batch.len()).sum();
        let means: Vec<f64> = sums.into_iter().map(|sum| sum / samples as f64).collect();
        let (of_directions, _) = means[1..].as_chunks::<MOMENTS>();
        let directional = |&[slope, curvature, square]: &[f64; MOMENTS]| Directional {
            loss: means[0],
            slope,
            curvature,
            covariance: square - slope * slope,
            residual: curvature - square,
        };
        Ok(of_directions.iter().map(directional).collect())
    }

    /// A batch at theta: its products, and the adjoints of its summed loss.
    fn primal(
        &self,
        parameters: &[Series<1>],
        normalisation: Normalisation,
        images: &Tensor<4>,
        batch: &[u32],
    ) -> Primal {
        let frozen = match normalisation {
            Normalisation::Batch => None,
            Normalisation::Frozen(all) => Some(
                all.iter()
                    .map(|given| Statistics {
                        mean: tracked(&given.mean),
                        variance: tracked(&given.variance),
                        count: given.count,
                    })
                    .collect::<Vec<_>>(),
            ),
        };
        let mut pass =
            Pass::recording(parameters, super::classification::normalisation(frozen.as_deref()));
        let images = Series::constant(Tensor::from_inner(images.clone()));
        let logits = self.network.logits(images, &mut pass).into_value();
        // The loss as a function of the logits is differentiated where it is computed: in f64.
        let cpu = Device::flex().autodiff();
        let leaf = Tensor::from_data(logits.clone().inner().into_data(), (&cpu, DType::F64))
            .require_grad();
        let losses = cross_entropy(Series::constant(leaf.clone()), self.labels(batch, &cpu));
        let adjoint = leaf.grad(&losses.into_value().sum().backward());
        let adjoint = adjoint
            .map(|adjoint| Tensor::from_data(adjoint.into_data(), (&self.device, logits.dtype())));
        let adjoint = adjoint.unwrap_or_else(|| logits.zeros_like().inner());
        pass.into_primal((logits * Tensor::from_inner(adjoint)).sum().backward())
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

/// c_0 alone, where reverse mode sees it.
fn tracked<const D: usize>(series: &Series<D>) -> Series<D> {
    Series::constant(Tensor::from_inner(series.value().clone()))
}

/// The summed loss, and the [`MOMENTS`] of every direction.
fn moments(losses: &Series<2>, pass: &Pass, directions: usize) -> Result<Vec<f64>, ObjectiveError> {
    let mut sums = vec![host(losses.value().clone())?.into_iter().sum()];
    for i in 0..directions {
        let slopes = losses.coefficient(i, 1).map_or(Ok(Vec::new()), |c| host(c.clone()))?;
        let own = losses.coefficient(i, 2).map_or(Ok(Vec::new()), |c| host(c.clone()))?;
        let below = pass.contracted(i).map_or(Ok(Vec::new()), |c| host(c.clone()))?;
        sums.push(slopes.iter().sum());
        sums.push(2.0 * own.iter().chain(&below).sum::<f64>());
        sums.push(slopes.iter().map(|slope| slope * slope).sum());
    }
    Ok(sums)
}

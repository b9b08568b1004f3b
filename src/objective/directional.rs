//! The loss along directions, to second order: for every batch a pass forward and backward that all
//! directions share, then one forward over series of which no second coefficient is passed on.
//!
//! Kinks (rectifier, max-pool) have the derivative of the side that the point lies on, at the kink
//! itself that of PyTorch; so u'Hu is the curvature of the smooth piece around theta, without the
//! jumps of the slope at kinks.

use burn::tensor::Tensor;

use super::classification::normalisation;
use super::contract::separately;
use super::expansion::Leaves;
use super::transfer::host;
use super::{Classification, Directional, Gradient, Line, Loss, ObjectiveError, Point};
use crate::linalg::{norm, normaliser};
use crate::network::{Normalisation, Pass, Statistics};
use crate::plan::Order;
use crate::precision::Precision;
use crate::taylor::Series;

/// Sums over samples of one direction: s, 2 c, s² with the sample's slope s and the second
/// coefficient c.
pub(super) const MOMENTS: usize = 3;

/// A direction in theta and, where they move too, in the running statistics.
#[derive(Debug, Clone, Copy)]
pub(super) struct Direction<'a> {
    pub theta: &'a [f64],
    /// Empty where they are held fixed.
    pub buffers: &'a [f64],
}

/// Directions that hold running statistics fixed.
pub(super) fn in_theta<'a>(directions: &[&'a [f64]]) -> Vec<Direction<'a>> {
    directions.iter().map(|theta| Direction { theta, buffers: &[] }).collect()
}

impl Classification {
    /// A loss along each direction; of order 1, without what is of second order.
    pub(super) fn along(
        &self,
        at: &Point,
        of: Loss,
        directions: &[Direction],
        order: usize,
        precision: Precision,
    ) -> Result<Vec<Directional>, ObjectiveError> {
        let planned_order = if order < 2 { Order::First } else { Order::Second };
        if let Some(planned) = self.gradients.as_ref().filter(|_| precision == Precision::F32) {
            return self.planned_along(planned, at, of, directions, planned_order);
        }
        #[cfg(gpu)]
        if let Some(along) = self.along_on_kernels(at, of, directions, planned_order, precision) {
            return along;
        }
        let (batches, presentation) = self.units(of);
        let theta = self.split(&at.theta, precision);
        let split: Vec<_> = directions.iter().map(|u| self.split(u.theta, precision)).collect();
        let parameters = expansion(&theta, &split, order);
        let buffers: Vec<&[f64]> = directions.iter().map(|u| u.buffers).collect();
        let frozen = self.given_statistics(of, at, &parameters, &buffers, order, precision)?;
        let frozen = frozen.map(|flat| self.statistics_series(&flat, order, precision));
        let values: Vec<_> = parameters.iter().map(tracked).collect();
        let frozen_values: Option<Vec<_>> =
            frozen.as_ref().map(|all| all.iter().map(tracked_statistics).collect());
        let primal = |images: &Tensor<4>, batch: &[u32]| {
            let pass = Pass::new(&values, normalisation(frozen_values.as_deref()));
            let mut pass = pass.recording();
            let (_, gradients) = self.backward(images.clone(), batch, &mut pass);
            pass.into_primal(gradients)
        };
        let sums = self.sum(&batches, |batch| {
            let images = self.images(batch, precision, presentation);
            let pass = Pass::new(&parameters, normalisation(frozen.as_deref()));
            if order < 2 {
                return self.moments(images, batch, pass, directions.len());
            }
            let primal = primal(&images, batch);
            self.moments(images, batch, pass.contracting(&primal), directions.len())
        })?;
        let samples = batches.iter().map(|batch| batch.len()).sum();
        Ok(directionals(&sums, samples))
    }

    /// The measured loss along a line, at its start. Running statistics move as the line moves them.
    pub(super) fn along_line(
        &self,
        line: Line,
        precision: Precision,
    ) -> Result<Directional, ObjectiveError> {
        let Point { theta, buffers } = &Point::difference(line.from, line.to);
        let direction = Direction { theta, buffers };
        let found = self.along(line.from, Loss::Measured, &[direction], 2, precision)?;
        Ok(found[0])
    }

    /// The gradient g of a loss, and that loss along g / ‖g‖. A batch of one chunk goes forward and
    /// backward once for both.
    pub(super) fn gradient_and_along(
        &self,
        at: &Point,
        of: Loss,
        precision: Precision,
    ) -> Result<(Gradient, Option<Directional>), ObjectiveError> {
        if let Some(planned) = self.gradients.as_ref().filter(|_| precision == Precision::F32) {
            return self.planned_gradient_and_along(planned, at, of);
        }
        #[cfg(gpu)]
        if let Some(both) = self.gradient_and_along_on_kernels(at, of, precision) {
            return both;
        }
        let (units, presentation) = self.units(of);
        let (&[samples], Loss::Batch { .. }) = (&units[..], of) else {
            return separately(self, at, of, precision);
        };
        let here = self.expansion(at, None, of, precision)?;
        let images = self.images(samples, precision, presentation);
        let leaves = Leaves::new(&here, self);
        let series = here.series(&leaves.theta);
        let mut pass = Pass::new(&series, Normalisation::Batch).recording();
        let (part, gradients) =
            self.part(&leaves, images.clone(), samples, samples.len(), &mut pass)?;
        let (primal, gradient) = (pass.into_primal(gradients), part.into_gradient(at));
        let Some(factor) = normaliser(norm(&gradient.gradient)) else {
            return Ok((gradient, None));
        };
        let u = self.split_multiple(&gradient.gradient, factor, precision);
        let parameters = expansion(&here.theta, &[u], 2);
        let pass = Pass::new(&parameters, Normalisation::Batch).contracting(&primal);
        let sums = self.moments(images, samples, pass, 1)?;
        Ok((gradient, directionals(&sums, samples.len()).pop()))
    }

    /// The summed loss of a batch, and the [`MOMENTS`] of every direction.
    fn moments(
        &self,
        images: Tensor<4>,
        batch: &[u32],
        mut pass: Pass,
        directions: usize,
    ) -> Result<Vec<f64>, ObjectiveError> {
        let logits = self.network.logits(Series::constant(images), &mut pass);
        let losses = self.sample_losses(logits, batch);
        let mut sums = vec![host(losses.value().clone())?.into_iter().sum()];
        for i in 0..directions {
            let slopes = entries(losses.coefficient(i, 1))?;
            let seconds =
                [entries(losses.coefficient(i, 2))?, entries(pass.contracted(i)?.as_ref())?];
            sums.push(slopes.iter().sum());
            sums.push(2.0 * seconds.iter().flatten().sum::<f64>());
            sums.push(slopes.iter().map(|slope| slope * slope).sum());
        }
        Ok(sums)
    }
}

/// theta + e u for every direction u, entry by entry of the layout.
fn expansion(theta: &[Tensor<1>], directions: &[Vec<Tensor<1>>], order: usize) -> Vec<Series<1>> {
    let series = |(entry, value): (usize, &Tensor<1>)| {
        let tails = directions.iter().map(|u| vec![u[entry].clone()]).collect();
        Series::with_tails(value.clone(), tails, order)
    };
    theta.iter().enumerate().map(series).collect()
}

/// Entries on the host; none for zero.
fn entries<const D: usize>(coefficient: Option<&Tensor<D>>) -> Result<Vec<f64>, ObjectiveError> {
    coefficient.map_or(Ok(Vec::new()), |tensor| host(tensor.clone()))
}

/// What the sums of [`Classification::moments`] over some samples say of every direction.
pub(super) fn directionals(sums: &[f64], samples: usize) -> Vec<Directional> {
    let means: Vec<f64> = sums.iter().map(|sum| sum / samples as f64).collect();
    let (of_directions, _) = means[1..].as_chunks::<MOMENTS>();
    let directional = |&[slope, curvature, square]: &[f64; MOMENTS]| Directional {
        loss: means[0],
        slope,
        curvature,
        covariance: square - slope * slope,
        residual: curvature - square,
    };
    of_directions.iter().map(directional).collect()
}

/// c_0 alone, where reverse mode sees it.
fn tracked<const D: usize>(series: &Series<D>) -> Series<D> {
    Series::constant(Tensor::from_inner(series.value().clone()))
}

fn tracked_statistics(given: &Statistics) -> Statistics {
    let Statistics { mean, variance, count } = given;
    Statistics { mean: tracked(mean), variance: tracked(variance), count: *count }
}

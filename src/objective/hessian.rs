//! H v: reverse mode over series of order 1.
//!
//! H v is the gradient of v'g, and v'g is the first coefficient of the loss along v.

use super::classification::normalisation;
use super::expansion::{Expansion, Leaves};
use super::presentation::Presentation;
use super::tree::Addend;
use super::{BatchNormPolicy, Classification, Loss, ObjectiveError, Point};
use crate::network::{Pass, cross_entropy};
use crate::precision::Precision;
use crate::taylor::Series;
use burn::tensor::Tensor;

impl Classification {
    /// H v of the measured loss. Memory: a gradient in f64 for every level of the tree of units and
    /// every thread.
    pub(super) fn hessian_times(
        &self,
        at: &Point,
        direction: &[f64],
        precision: Precision,
    ) -> Result<Vec<f64>, ObjectiveError> {
        if let Some(planned) = self.gradients.as_ref().filter(|_| precision == Precision::F32) {
            return self.planned_hessian_times(planned, at, direction);
        }
        #[cfg(gpu)]
        if let Some(product) = self.hessian_on_kernels(at, direction, precision) {
            return product;
        }
        let mut expansion = self.expansion(at, Some(direction), Loss::Measured, precision)?;
        let units = self.measured.batches();
        let mut sum = self.sum(&units, |unit| self.slope_gradient(&expansion, unit))?;
        let cotangent = sum.split_off(at.theta.len());
        if self.policy(Loss::Measured) == Some(BatchNormPolicy::Recomputed) {
            expansion.statistics = None;
            sum.add(self.sum(&units, |unit| {
                self.through_statistics(&expansion, unit, &cotangent).map(|(gradient, _)| gradient)
            })?);
        }
        Ok(sum)
    }

    /// The gradient of one unit's part of v'g with respect to theta and to given statistics.
    fn slope_gradient(
        &self,
        expansion: &Expansion,
        unit: &[u32],
    ) -> Result<Vec<f64>, ObjectiveError> {
        let leaves = Leaves::new(expansion, self);
        let given = leaves.given(self.network.layout.buffers.len());
        let series = expansion.series(&leaves.theta);
        let mut pass = Pass::new(&series, normalisation(given.as_deref()));
        let images = self.images(unit, expansion.precision, Presentation::Plain);
        let images = Tensor::from_inner(images);
        let labels = self.labels(unit, &images.device());
        let losses =
            cross_entropy(self.network.logits(Series::constant(images), &mut pass), labels);
        let mut gradients = losses.coefficient(0, 1).map(|slopes| slopes.clone().sum().backward());
        leaves.gradient(gradients.as_mut(), 1.0 / self.data.len() as f64)
    }
}

//! H v: reverse mode over series of order 1.
//!
//! H v is the gradient of v'g, and v'g is the first coefficient of the loss along v. One evaluation
//! batch a thread is held at a time; sums are taken in f64 in the order of the batches.
//!
//! With recomputed statistics S, the loss of a batch depends on theta through the average over all
//! batches too: L(theta) = mean_b l_b(theta, S(theta)), S = mean_b s_b. Then three passes: S with its
//! derivative along v, the gradient with S held fixed together with the cotangent of S, and the
//! gradient of the statistics under that cotangent.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::BatchNormPolicy;
use super::classification::Presentation;
use super::statistics::{Observed, observe};
use super::transfer::{add_all, tensor};
use super::{Classification, ObjectiveError, Point};
use crate::network::{Normalisation, Pass, Statistics, cross_entropy};
use crate::precision::Precision;
use crate::taylor::Series;

/// Theta + e v, and the statistics that batch norm is given: constants of all batches.
struct Expansion {
    theta: Vec<Tensor<1>>,
    direction: Vec<Tensor<1>>,
    /// Flat coefficients of the statistics; none where the batch gives them.
    statistics: Option<Vec<f64>>,
    precision: Precision,
}

impl Classification {
    pub(super) fn hessian_times(
        &self,
        at: &Point,
        direction: &[f64],
        precision: Precision,
    ) -> Result<Vec<f64>, ObjectiveError> {
        let (theta, direction) =
            (self.split(&at.theta, precision), self.split(direction, precision));
        let pairs = theta.iter().cloned().zip(direction.iter().cloned());
        let series: Vec<_> = pairs.map(|(value, v)| Series::line(value, v, 1)).collect();
        let policy = self.measured.policy;
        let statistics = self.given_statistics(policy, at, &series, (1, 1), precision)?;
        let mut expansion = Expansion { theta, direction, statistics, precision };

        let batches = self.measured.batches();
        let slope = |batch: &[u32]| self.slope_gradient(&expansion, batch);
        let mut sum = self.sum_of_gradients(&batches, slope)?;
        let cotangent = sum.split_off(at.theta.len());
        if policy == BatchNormPolicy::Recomputed && expansion.statistics.take().is_some() {
            let through = |batch: &[u32]| self.statistics_gradient(&expansion, batch, &cotangent);
            let through = self.sum_of_gradients(&batches, through)?;
            sum.iter_mut().zip(through).for_each(|(sum, entry)| *sum += entry);
        }
        Ok(sum)
    }

    /// The gradient of one batch's part of v'g with respect to theta and to given statistics.
    fn slope_gradient(&self, expansion: &Expansion, batch: &[u32]) -> Vec<Tensor<1>> {
        let mut leaves: Vec<Tensor<1>> = expansion.theta.iter().map(leaf).collect();
        let parameters = expansion.parameters(&leaves);
        let given = expansion.statistics.as_ref().map(|flat| {
            let slots = flat.chunks(self.network.layout.buffer_dimension());
            let rows = slots.flat_map(|slot| self.statistics_rows(slot, expansion.precision));
            let rows: Vec<_> = rows.map(|row| leaf(&row.flatten(0, 3))).collect();
            leaves.extend(rows.iter().cloned());
            statistics_of(&rows, self.network.layout.buffers.len())
        });
        let normalisation = given.as_deref().map_or(Normalisation::Batch, Normalisation::Frozen);
        let mut pass = Pass::new(&parameters, normalisation);
        let logits = self.forward(expansion, batch, &mut pass);
        let labels = self.labels(batch, &self.device.clone().autodiff());
        let losses = cross_entropy(logits, labels);
        let slope = losses
            .coefficient(0, 1)
            .map(|slopes| slopes.clone().sum().mul_scalar(1.0 / self.data.len() as f64));
        gradient_of(slope, &leaves)
    }

    /// The gradient of cotangent's S with respect to theta, one batch's part.
    fn statistics_gradient(
        &self,
        expansion: &Expansion,
        batch: &[u32],
        cotangent: &[f64],
    ) -> Vec<Tensor<1>> {
        let leaves: Vec<Tensor<1>> = expansion.theta.iter().map(leaf).collect();
        let parameters = expansion.parameters(&leaves);
        let mut pass = Pass::new(&parameters, Normalisation::Batch);
        self.forward(expansion, batch, &mut pass);
        let mut rest = cotangent;
        let term = |Observed { tensor: observed, factor, channels }| {
            let (own, others) = rest.split_at_checked(channels)?;
            rest = others;
            let own: Vec<f64> = own.iter().map(|c| c * factor * self.weight(batch)).collect();
            let own = tensor(&own, &self.device, expansion.precision);
            Some((observed? * Tensor::from_inner(own)).sum())
        };
        let scalar = observe(&pass, 1, 1).into_iter().filter_map(term).reduce(Tensor::add);
        gradient_of(scalar, &leaves)
    }

    fn forward(&self, expansion: &Expansion, batch: &[u32], pass: &mut Pass) -> Series<2> {
        let images = self.images(batch, expansion.precision, Presentation::Plain);
        self.network.logits(Series::constant(Tensor::from_inner(images)), pass)
    }

    /// Adds up one vector for every batch, a batch a thread at a time.
    fn sum_of_gradients(
        &self,
        batches: &[&[u32]],
        gradient: impl Fn(&[u32]) -> Vec<Tensor<1>> + Sync,
    ) -> Result<Vec<f64>, ObjectiveError> {
        let mut sums = Vec::new();
        for window in batches.chunks(rayon::current_num_threads()) {
            let parts = window.par_iter().map(|batch| {
                self.interrupt.check()?;
                Ok(gradient(batch))
            });
            let parts: Result<Vec<_>, _> = parts.collect();
            for part in parts? {
                add_all(&mut sums, 1.0, part)?;
            }
        }
        Ok(sums)
    }
}

impl Expansion {
    fn parameters(&self, leaves: &[Tensor<1>]) -> Vec<Series<1>> {
        let pairs = leaves.iter().zip(&self.direction);
        pairs
            .map(|(leaf, v)| Series::line(leaf.clone(), Tensor::from_inner(v.clone()), 1))
            .collect()
    }
}

fn leaf(tensor: &Tensor<1>) -> Tensor<1> {
    Tensor::from_inner(tensor.clone()).require_grad()
}

/// Rows of c_0 of all norms and, where there are as many again, of c_1, as series of order 1.
fn statistics_of(rows: &[Tensor<1>], buffers: usize) -> Vec<Statistics> {
    let series = |row: usize| {
        let shaped = |tensor: &Tensor<1>| tensor.clone().reshape([1, 1, 1, tensor.dims()[0]]);
        let value = shaped(&rows[row]);
        match rows.get(buffers + row) {
            Some(derivative) => Series::line(value, shaped(derivative), 1),
            None => Series::constant(value),
        }
    };
    let norm =
        |norm| Statistics { mean: series(2 * norm), variance: series(2 * norm + 1), count: 0 };
    (0..buffers / 2).map(norm).collect()
}

/// The gradient of a scalar with respect to all leaves, one after the other; none is zero.
fn gradient_of(scalar: Option<Tensor<1>>, leaves: &[Tensor<1>]) -> Vec<Tensor<1>> {
    let mut gradients = scalar.map(|scalar| scalar.backward());
    let gradient = |leaf: &Tensor<1>| {
        let gradient = gradients.as_mut().and_then(|gradients| leaf.grad_remove(gradients));
        gradient.unwrap_or_else(|| leaf.zeros_like().inner())
    };
    leaves.iter().map(gradient).collect()
}

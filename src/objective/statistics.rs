//! Batch-norm statistics of batches and of the whole training set, as functions of theta.
//!
//! Flat vectors of statistics list, for c_0 and then for every coefficient of every direction, the
//! mean and the variance of each norm in the order of the buffers.

use burn::tensor::Tensor;

use super::BatchNormPolicy;
use super::presentation::Presentation;
use super::transfer::{add_all, host, tensor};
use super::{Classification, Loss, ObjectiveError, Point};
use crate::network::{Normalisation, Pass, Statistics};
use crate::precision::Precision;
use crate::taylor::Series;

/// A coefficient of a batch's mean or variance over one norm's channels.
pub(super) struct Observed {
    /// [c]; none for zero.
    pub tensor: Option<Tensor<1>>,
    /// What it is multiplied by: n / (n - 1) makes the variance unbiased, as in PyTorch.
    pub factor: f64,
    pub channels: usize,
}

/// A batch's statistics in the order of flat vectors, for series along `directions` directions
/// truncated at `order`.
pub(super) fn observe(pass: &Pass, directions: usize, order: usize) -> Vec<Observed> {
    let slots = (0..directions).flat_map(|i| (1..=order).map(move |j| Some((i, j))));
    let slots = std::iter::once(None).chain(slots);
    let observed = |series: &Series<4>, slot: Option<(usize, usize)>, factor: f64| {
        let [.., channels] = series.dims();
        let coefficient = match slot {
            None => Some(series.value()),
            Some((i, j)) => series.coefficient(i, j),
        };
        let tensor = coefficient.map(|tensor| tensor.clone().reshape([channels]));
        Observed { tensor, factor, channels }
    };
    let of_slot = |slot| {
        pass.observed.iter().flat_map(move |Statistics { mean, variance, count }| {
            let count = *count as f64;
            [observed(mean, slot, 1.0), observed(variance, slot, count / (count - 1.0))]
        })
    };
    slots.flat_map(of_slot).collect()
}

/// Statistics that norms are given, in the order of the buffers.
pub(super) fn flat(given: Option<&[Statistics]>) -> Result<Vec<f64>, ObjectiveError> {
    let rows = given.unwrap_or_default().iter().flat_map(|norm| [&norm.mean, &norm.variance]);
    let rows = rows.map(|row| host(row.value().clone())).collect::<Result<Vec<_>, _>>()?;
    Ok(rows.concat())
}

/// A batch's statistics on the host.
pub(super) fn observed(
    pass: &Pass,
    directions: usize,
    order: usize,
) -> Result<Vec<f64>, ObjectiveError> {
    let found = observe(pass, directions, order);
    let tensors = found.iter().filter_map(|observed| observed.tensor.clone()).map(Tensor::inner);
    let (mut values, mut flat) = (Vec::new(), Vec::new());
    add_all(&mut values, 1.0, tensors.collect())?;
    let mut values = values.into_iter();
    for Observed { tensor, factor, channels } in found {
        let there = if tensor.is_some() { channels } else { 0 };
        flat.extend(values.by_ref().take(there).map(|value| value * factor));
        flat.resize(flat.len() + channels - there, 0.0);
    }
    Ok(flat)
}

impl Classification {
    /// Flat running statistics as the network takes them.
    pub(super) fn statistics(&self, buffers: &[f64], precision: Precision) -> Vec<Statistics> {
        let rows = self.statistics_rows(buffers, precision);
        paired(rows.into_iter().map(Series::constant))
    }

    /// Flat coefficients as the network takes them.
    pub(super) fn statistics_series(
        &self,
        flat: &[f64],
        order: usize,
        precision: Precision,
    ) -> Vec<Statistics> {
        let slot = self.network.layout.buffer_dimension().max(1);
        let mut slots = flat.chunks(slot).map(|flat| self.statistics_rows(flat, precision));
        let values = slots.next().unwrap_or_default();
        let slots: Vec<_> = slots.collect();
        let series = values.into_iter().enumerate().map(|(row, value)| {
            let tail =
                |slots: &[Vec<Tensor<4>>]| slots.iter().map(|rows| rows[row].clone()).collect();
            let tails = slots.chunks(order).map(tail).collect();
            Series::with_tails(value, tails, order)
        });
        paired(series)
    }

    /// One [1, 1, 1, c] tensor for every buffer.
    pub(super) fn statistics_rows(&self, buffers: &[f64], precision: Precision) -> Vec<Tensor<4>> {
        let row = |entry: &crate::network::Entry| {
            let row = tensor(&buffers[entry.range()], &self.device, precision);
            row.reshape([1, 1, 1, entry.len()])
        };
        self.network.layout.buffers.iter().map(row).collect()
    }

    /// One batch's part of the average over the training set.
    ///
    /// As PyTorch's `update_bn` does: mean and unbiased variance of every batch, computed with the
    /// batch's own statistics in the layers below, averaged; here weighted by the batches' sizes.
    pub(super) fn weighted_statistics(
        &self,
        pass: &Pass,
        directions: usize,
        order: usize,
        batch: &[u32],
    ) -> Result<Vec<f64>, ObjectiveError> {
        let mut flat = observed(pass, directions, order)?;
        let weight = self.weight(batch);
        flat.iter_mut().for_each(|value| *value *= weight);
        Ok(flat)
    }

    /// The share of the training set that a batch is.
    pub(super) fn weight(&self, batch: &[u32]) -> f64 {
        batch.len() as f64 / self.data.len() as f64
    }

    /// What batch norm is given at `at`, flat, with all derivatives along the directions that
    /// `parameters` has to `order`; none where the batch gives it. `buffers` are the directions' running
    /// statistics, which theta does not move: empty where they are held fixed.
    pub(super) fn given_statistics(
        &self,
        of: Loss,
        at: &Point,
        parameters: &[Series<1>],
        buffers: &[&[f64]],
        order: usize,
        precision: Precision,
    ) -> Result<Option<Vec<f64>>, ObjectiveError> {
        match self.policy(of) {
            Some(BatchNormPolicy::Running) => {
                let mut flat = at.buffers.clone();
                for direction in buffers {
                    flat.extend_from_slice(direction);
                    flat.resize(flat.len() + at.buffers.len() * order - direction.len(), 0.0);
                }
                Ok(Some(flat))
            }
            Some(BatchNormPolicy::Recomputed) => {
                let average = self.sum(&self.measured.batches(), |batch| {
                    let images = self.images(batch, precision, Presentation::Plain);
                    let mut pass = Pass::new(parameters, Normalisation::Batch);
                    self.network.logits(Series::constant(images), &mut pass);
                    self.weighted_statistics(&pass, buffers.len(), order, batch)
                });
                average.map(Some)
            }
            Some(BatchNormPolicy::Batch) | None => Ok(None),
        }
    }
}

/// Means and variances in turn, norm by norm.
pub(super) fn paired(rows: impl Iterator<Item = Series<4>>) -> Vec<Statistics> {
    let rows: Vec<_> = rows.collect();
    let (pairs, _) = rows.as_chunks::<2>();
    let statistics = |[mean, variance]: &[Series<4>; 2]| Statistics {
        mean: mean.clone(),
        variance: variance.clone(),
        count: 0,
    };
    pairs.iter().map(statistics).collect()
}

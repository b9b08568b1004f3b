//! The hot path: the loss of the full training set at many points of one line.
//!
//! Evaluation batches are independent units of work, each computed whole by one thread for all
//! points of the line. What the points share is computed once: a first layer that is linear in its
//! parameters has the output a + alpha b along the line, with a and b from one order-1 pass.
//! Logits are widened to f64 before the softmax, and sums are taken in f64 in the order of the
//! batches.

use burn::tensor::{DType, Device, Tensor};
use rayon::prelude::*;

use super::classification::{Presentation, normalisation};
use super::transfer::host;
use super::{BatchNormPolicy, Protocol};
use super::{Classification, Line, ObjectiveError, Point};
use crate::network::{Pass, Statistics, cross_entropy};
use crate::precision::Precision;
use crate::random::Stream;
use crate::taylor::Series;

/// Evaluation batches of a thread between two additions of their sums.
const BATCHES_PER_THREAD: usize = 16;

/// One point of the line: the parameters there, and statistics unless the batch gives them.
struct Station {
    alpha: f64,
    parameters: Vec<Series<1>>,
    frozen: Option<Vec<Statistics>>,
}

/// Everything that evaluation batches share.
struct Stations {
    /// The parameters as from + alpha (to - from), for the layers that are linear in them.
    line: Vec<Series<1>>,
    points: Vec<Station>,
    precision: Precision,
    presentation: Presentation,
}

impl Classification {
    pub(super) fn losses_on_line(
        &self,
        line: Line,
        alphas: &[f64],
        precision: Precision,
    ) -> Result<Vec<f64>, ObjectiveError> {
        match self.measured.protocol {
            Protocol::Fixed => {
                let batches = self.measured.batches();
                let stations = self.stations(line, alphas, precision, Presentation::Plain);
                self.mean_losses(stations, &batches)
            }
            Protocol::Authors => {
                let loss = |alpha| self.loss_presented_anew(line, alpha, precision);
                alphas.iter().map(|&alpha| loss(alpha)).collect()
            }
        }
    }

    /// The loss at one point, on batches and images drawn for it.
    fn loss_presented_anew(
        &self,
        line: Line,
        alpha: f64,
        precision: Precision,
    ) -> Result<f64, ObjectiveError> {
        let (number, point) = (line.number, alpha.to_bits());
        let order =
            Stream::point_order(self.training.seed, number, point).permutation(self.data.len());
        let batches: Vec<_> = order.chunks(self.measured.batch_size).collect();
        let presentation = Presentation::Point { line: number, point };
        let stations = self.stations(line, &[alpha], precision, presentation);
        Ok(self.mean_losses(stations, &batches)?.into_iter().sum())
    }

    /// The mean loss over all samples of all batches at every station.
    fn mean_losses(
        &self,
        mut stations: Stations,
        batches: &[&[u32]],
    ) -> Result<Vec<f64>, ObjectiveError> {
        if self.measured.policy == BatchNormPolicy::Recomputed {
            self.recompute_statistics(&mut stations, batches)?;
        }
        let sums = self.sum_over(batches, |batch| self.batch_losses(&stations, batch))?;
        Ok(sums.into_iter().map(|sum| sum / self.data.len() as f64).collect())
    }

    fn stations(
        &self,
        line: Line,
        alphas: &[f64],
        precision: Precision,
        presentation: Presentation,
    ) -> Stations {
        let Line { from, to, .. } = line;
        let difference: Vec<f64> = to.theta.iter().zip(&from.theta).map(|(b, a)| b - a).collect();
        let starts = self.split(&from.theta, precision).into_iter();
        let ends = self.split(&difference, precision);
        let line = starts.zip(ends).map(|(start, end)| Series::line(start, end, 1)).collect();
        let station = |&alpha: &f64| {
            let Point { theta, buffers } = between(from, to, alpha);
            let parameters = self.split(&theta, precision).into_iter().map(Series::constant);
            let frozen = (self.measured.policy == BatchNormPolicy::Running)
                .then(|| self.statistics(&buffers, precision));
            Station { alpha, parameters: parameters.collect(), frozen }
        };
        Stations { line, points: alphas.par_iter().map(station).collect(), precision, presentation }
    }

    /// Adds up what `values` yields for every evaluation batch, in f64 and in the batches' order.
    pub(super) fn sum_over(
        &self,
        batches: &[&[u32]],
        values: impl Fn(&[u32]) -> Result<Vec<f64>, ObjectiveError> + Sync,
    ) -> Result<Vec<f64>, ObjectiveError> {
        let of_batch = |batch: &&[u32]| self.interrupt.check().and_then(|()| values(batch));
        let mut sums = Vec::new();
        // A window bounds how many batches' values are held at once.
        let window = BATCHES_PER_THREAD * rayon::current_num_threads();
        for batches in batches.chunks(window) {
            let all: Result<Vec<_>, _> = batches.par_iter().map(of_batch).collect();
            for values in all? {
                sums.resize(values.len(), 0.0);
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
        }
        Ok(sums)
    }

    /// The summed loss of one batch at every point.
    fn batch_losses(&self, stations: &Stations, batch: &[u32]) -> Result<Vec<f64>, ObjectiveError> {
        self.walk_line(stations, batch, |logits, _| {
            Ok(vec![host(self.sample_losses(logits, batch).into_value())?.into_iter().sum()])
        })
    }

    /// The loss of every sample of a batch, [n, 1], in f64 and on the CPU: the softmax of a few
    /// logits needs no device, and not every device has 64-bit floats.
    pub(super) fn sample_losses(&self, logits: Series<2>, batch: &[u32]) -> Series<2> {
        let cpu = Device::flex();
        let logits = logits.map_linear(|z| Tensor::from_data(z.into_data(), (&cpu, DType::F64)));
        cross_entropy(logits, self.labels(batch, &cpu))
    }

    /// Runs one batch through the network at every point and concatenates what `read` makes of the
    /// logits and of the pass.
    fn walk_line(
        &self,
        stations: &Stations,
        batch: &[u32],
        read: impl Fn(Series<2>, &Pass) -> Result<Vec<f64>, ObjectiveError>,
    ) -> Result<Vec<f64>, ObjectiveError> {
        let network = &self.network;
        let images =
            Series::constant(self.images(batch, stations.precision, stations.presentation));
        let shared = network.linear_prefix();
        let mut pass = Pass::new(&stations.line, normalisation(None));
        let prefix = network.forward(0..shared, images, &mut pass);
        let mut values = Vec::new();
        for station in &stations.points {
            let frozen = station.frozen.as_deref();
            let mut pass = Pass::new(&station.parameters, normalisation(frozen));
            let output = prefix.at(station.alpha);
            let output = network.forward(shared..network.depth(), output, &mut pass);
            values.extend(read(network.head(output), &pass)?);
        }
        Ok(values)
    }

    /// Replaces the stations' statistics by averages over the training set at each point.
    fn recompute_statistics(
        &self,
        stations: &mut Stations,
        batches: &[&[u32]],
    ) -> Result<(), ObjectiveError> {
        let averages = self.sum_over(batches, |batch| {
            self.walk_line(stations, batch, |_, pass| self.weighted_statistics(pass, 0, 0, batch))
        })?;
        let buffers = self.network.layout.buffer_dimension();
        let precision = stations.precision;
        for (station, average) in stations.points.iter_mut().zip(averages.chunks(buffers.max(1))) {
            station.frozen = Some(self.statistics(average, precision));
        }
        Ok(())
    }
}

/// (1 - alpha) from + alpha to, which is exact at both ends.
fn between(from: &Point, to: &Point, alpha: f64) -> Point {
    let mix = |from: &[f64], to: &[f64]| {
        from.iter().zip(to).map(|(a, b)| (1.0 - alpha) * a + alpha * b).collect()
    };
    Point { theta: mix(&from.theta, &to.theta), buffers: mix(&from.buffers, &to.buffers) }
}

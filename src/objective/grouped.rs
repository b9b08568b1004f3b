//! Losses on a device that has the images: many evaluation batches at once, because a hundred small
//! images do not fill it.
//!
//! A group is several units behind one another in one batch; under statistics of the batch, norms take
//! each unit's own. Theta at both ends of the line is uploaded once, and mixed there. The logits of a
//! group at all points come back at once, and the softmax is the host's, in f64.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::line::Samples;
#[cfg(gpu)]
use super::planned::norm_statistics;
use super::presentation::Presentation;
use super::transfer::{host, tensor};
use super::{
    BatchNormPolicy, Classification, Line, LineEvaluation, Loss, ObjectiveError, Point, tree,
};
use crate::network::{Network, Normalisation, Pass, Statistics};
#[cfg(gpu)]
use crate::plan::DeviceLine;
use crate::precision::Precision;
use crate::taylor::Series;

/// Bytes on the device that the activations of a group may take.
const GROUP_BYTES: usize = 1 << 30;
/// Units of a group: devices launch no more than 65,535 of anything in one direction.
const GROUP_UNITS: usize = (1 << 16) - 1;
/// Outputs of the largest layer that are held at once: of the first layer two; of others input and
/// output, each once more in the order that a convolution wants; three of a norm.
const OUTPUTS_HELD: usize = 8;

/// A line with everything that its units share.
pub(super) struct GroupedLine<'a> {
    pub(super) objective: &'a Classification,
    pub(super) engine: Engine<'a>,
    pub(super) points: Vec<GroupedPoint>,
    precision: Precision,
    /// What the first point's norms were given, in the order of the buffers.
    pub(super) statistics: Vec<f64>,
}

/// What computes a group.
pub(super) enum Engine<'a> {
    /// The network's own forward pass, with theta at both ends.
    Series(&'a Network, [Tensor<1>; 2]),
    /// Fused kernels, for networks and devices that have them.
    #[cfg(gpu)]
    Kernels(DeviceLine<'a>),
}

/// One point of the line.
pub(super) struct GroupedPoint {
    alpha: f64,
    frozen: Option<Vec<Statistics>>,
    pub(super) samples: Samples,
}

/// What is read of a group's pass at a point, in rows, as many for each unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// A row a sample.
    Logits,
    /// A row a unit: mean and variance of every norm, in the order of the buffers.
    Statistics,
}

/// Waits for the rows of a group that a device is at work on, at one point after the other.
pub(super) type Rows<'a> = Box<dyn FnOnce() -> Result<Vec<f64>, ObjectiveError> + 'a>;

impl Classification {
    /// Opens a line on the device.
    pub(super) fn open_grouped(
        &self,
        line: Line,
        alphas: &[f64],
        precision: Precision,
    ) -> Result<GroupedLine<'_>, ObjectiveError> {
        let policy = self.policy(Loss::Measured);
        let point = |&alpha: &f64| GroupedPoint {
            alpha,
            frozen: None,
            samples: self.samples_of(line.number, alpha),
        };
        let mut open = GroupedLine {
            objective: self,
            engine: self.engine(line, alphas, precision),
            points: alphas.iter().map(point).collect(),
            precision,
            statistics: Vec::new(),
        };
        if policy == Some(BatchNormPolicy::Running) {
            for (point, &alpha) in alphas.iter().enumerate() {
                open.freeze(point, &Point::mix(&line.from.buffers, &line.to.buffers, alpha));
            }
        }
        if policy == Some(BatchNormPolicy::Recomputed) {
            open.recompute_statistics()?;
        }
        Ok(open)
    }

    fn engine(&self, line: Line, alphas: &[f64], precision: Precision) -> Engine<'_> {
        #[cfg(gpu)]
        if let Some(kernels) = self.on_kernels(line, alphas, precision) {
            return Engine::Kernels(kernels);
        }
        let _ = alphas; // These are mixed on the way.
        let ends = [line.from, line.to].map(|end| tensor(&end.theta, &self.device, precision));
        Engine::Series(&self.network, ends)
    }
}

impl LineEvaluation for GroupedLine<'_> {
    fn units(&self) -> usize {
        self.objective.measured.units()
    }

    fn samples(&self, unit: usize) -> usize {
        self.objective.measured.batch(&Samples::Fixed, unit).0.len()
    }

    fn points(&self) -> usize {
        self.points.len()
    }

    fn unit_losses(
        &self,
        units: &[usize],
        points: &[usize],
    ) -> Result<Vec<Vec<f64>>, ObjectiveError> {
        let loss = |logits: &[f64], samples: &[u32]| self.objective.summed_loss(logits, samples);
        self.objective.divided(units, points.len(), |units| self.visit(units, points, loss))
    }
}

impl GroupedLine<'_> {
    /// What `read` makes of each unit's logits and samples at each point.
    pub(super) fn visit<T: Send>(
        &self,
        units: &[usize],
        points: &[usize],
        read: impl Fn(&[f64], &[u32]) -> T + Sync,
    ) -> Result<Vec<Vec<T>>, ObjectiveError> {
        self.visit_rows(units, points, Seen::Logits, read)
    }

    /// What `read` makes of each unit's part of what is seen at each point, and of its samples.
    fn visit_rows<T: Send>(
        &self,
        units: &[usize],
        points: &[usize],
        seen: Seen,
        read: impl Fn(&[f64], &[u32]) -> T + Sync,
    ) -> Result<Vec<Vec<T>>, ObjectiveError> {
        if points.is_empty() {
            return Ok(units.iter().map(|_| Vec::new()).collect());
        }
        let mut found = Vec::with_capacity(units.len());
        let mut take = |group: &[usize], rows: Rows| -> Result<(), ObjectiveError> {
            let numbers = rows()?;
            let parts: Vec<&[f64]> =
                numbers.chunks_exact(numbers.len() / (points.len() * group.len())).collect();
            let of_unit = |(place, &unit): (usize, &usize)| {
                let at = |(row, &point): (usize, &usize)| {
                    let samples =
                        self.objective.measured.batch(&self.points[point].samples, unit).0;
                    read(parts[row * group.len() + place], samples)
                };
                points.iter().enumerate().map(at).collect::<Vec<T>>()
            };
            found.par_extend(group.par_iter().enumerate().map(of_unit));
            Ok(())
        };
        // The device has a group to go on with while the host reads the last one.
        let mut last: Option<(&[usize], Rows)> = None;
        let samples = self.objective.measured.batch_size;
        let numbers = samples * OUTPUTS_HELD * self.objective.network.activations.largest.max(1);
        let most = match &self.engine {
            Engine::Series(..) => GROUP_BYTES / (self.precision.bytes() * numbers),
            #[cfg(gpu)]
            Engine::Kernels(kernels) => kernels.batches_within(GROUP_BYTES, samples),
        };
        let most = most.min(GROUP_UNITS);
        let outcome = groups(units, most, |unit| self.samples(unit)).try_for_each(|group| {
            self.objective.interrupt.check()?;
            let rows = self.start(group, points, seen)?;
            match last.replace((group, rows)) {
                Some((group, rows)) => take(group, rows),
                None => Ok(()),
            }
        });
        let last = last.map_or(Ok(()), |(group, rows)| match &outcome {
            Ok(()) => take(group, rows),
            // What is on its way to the host has memory there until it has arrived.
            Err(_) => rows().map(|_| ()),
        });
        outcome.and(last)?;
        Ok(found)
    }

    /// Starts a group.
    fn start(
        &self,
        group: &[usize],
        points: &[usize],
        seen: Seen,
    ) -> Result<Rows<'_>, ObjectiveError> {
        match &self.engine {
            Engine::Series(network, ends) => {
                let rows = self.run(network, ends, group, points, seen);
                Ok(Box::new(move || host(rows)))
            }
            #[cfg(gpu)]
            Engine::Kernels(kernels) => self.start_on(kernels, group, points, seen),
        }
    }

    /// The rows of a group by the network's own forward pass.
    fn run(
        &self,
        network: &Network,
        ends: &[Tensor<1>; 2],
        group: &[usize],
        points: &[usize],
        seen: Seen,
    ) -> Tensor<2> {
        let shared = network.linear_prefix();
        let line = self.line(ends);
        let prefix = |samples: &Samples| {
            let mut pass = Pass::new(&line, Normalisation::Batch);
            network.forward(0..shared, Series::constant(self.images(samples, group)), &mut pass)
        };
        let mut fixed = None;
        let rows = points.iter().map(|&point| {
            let GroupedPoint { alpha, frozen, samples } = &self.points[point];
            let drawn;
            let prefix = match samples {
                Samples::Fixed => fixed.get_or_insert_with(|| prefix(samples)),
                Samples::Drawn { .. } => {
                    drawn = prefix(samples);
                    &drawn
                }
            };
            let own = Normalisation::Batches(group.len());
            let normalisation = frozen.as_deref().map_or(own, Normalisation::Frozen);
            let parameters = self.parameters(ends, *alpha);
            let mut pass = Pass::new(&parameters, normalisation);
            let output = network.forward(shared..network.depth(), prefix.at(*alpha), &mut pass);
            match seen {
                Seen::Logits => network.head(output).into_value(),
                Seen::Statistics => observed(&pass),
            }
        });
        Tensor::cat(rows.collect(), 0)
    }

    /// A group's images, unit by unit.
    fn images(&self, samples: &Samples, group: &[usize]) -> Tensor<4> {
        let (all, presentation) = self.shown(samples, group);
        self.objective.images(&all, self.precision, presentation)
    }

    /// A group's samples, unit by unit, and how they are presented.
    pub(super) fn shown(&self, samples: &Samples, group: &[usize]) -> (Vec<u32>, Presentation) {
        let all = group.iter().flat_map(|&unit| self.objective.measured.batch(samples, unit).0);
        let (_, presentation) = self.objective.measured.batch(samples, 0);
        (all.copied().collect(), presentation)
    }

    /// The parameters as from + alpha (to - from), for a layer that is linear in them.
    fn line(&self, [from, to]: &[Tensor<1>; 2]) -> Vec<Series<1>> {
        let update = self.objective.entries(&(to.clone() - from.clone()));
        let entries = self.objective.entries(from).into_iter().zip(update);
        entries.map(|(from, update)| Series::line(from, update, 1)).collect()
    }

    /// The parameters at a point; exactly those of an end at 0 and 1.
    fn parameters(&self, ends: &[Tensor<1>; 2], alpha: f64) -> Vec<Series<1>> {
        let [from, to] = ends.clone();
        let theta = match alpha {
            0.0 => from,
            1.0 => to,
            _ => (to - from.clone()).mul_scalar(alpha) + from,
        };
        self.objective.entries(&theta).into_iter().map(Series::constant).collect()
    }

    /// Gives a point's norms statistics, in the order of the buffers.
    fn freeze(&mut self, point: usize, flat: &[f64]) {
        if point == 0 {
            self.statistics = flat.to_vec();
        }
        match &mut self.engine {
            Engine::Series(..) => {
                let frozen = self.objective.statistics(flat, self.precision);
                self.points[point].frozen = Some(frozen);
            }
            #[cfg(gpu)]
            Engine::Kernels(kernels) => {
                kernels.freeze(point, &norm_statistics(&self.objective.network.layout, flat));
            }
        }
    }

    /// Gives each point the statistics that are averages over the training set there.
    fn recompute_statistics(&mut self) -> Result<(), ObjectiveError> {
        let objective = self.objective;
        let points: Vec<usize> = (0..self.points.len()).collect();
        let averages: Vec<f64> = objective.joined(self.units(), |share| {
            let units: Vec<usize> = share.clone().collect();
            let weigh = |row: &[f64], samples: &[u32]| -> Vec<f64> {
                row.iter().map(|value| value * objective.weight(samples)).collect()
            };
            let found = self.visit_rows(&units, &points, Seen::Statistics, weigh)?;
            let of = |unit: usize| Ok(found[unit - units[0]].concat());
            tree::share_in_turn(self.units(), share, &of)
        })?;
        let buffers = objective.network.layout.buffer_dimension().max(1);
        for (point, average) in averages.chunks(buffers).enumerate() {
            self.freeze(point, average);
        }
        Ok(())
    }
}

/// Mean and unbiased variance of every norm, a row for each batch, in the order of the buffers.
fn observed(pass: &Pass) -> Tensor<2> {
    let of_norm = |Statistics { mean, variance, count }: &Statistics| {
        let unbiased = *count as f64 / (*count as f64 - 1.0);
        [mean.value().clone(), variance.value().clone().mul_scalar(unbiased)]
    };
    let rows = pass.observed.iter().flat_map(of_norm).map(|row| {
        let [batches, .., channels] = row.dims();
        row.reshape([batches, channels])
    });
    Tensor::cat(rows.collect(), 1)
}

/// Units in groups of neighbours of one size: at most so many, or one, and about as many in each.
fn groups(
    units: &[usize],
    most: usize,
    samples: impl Fn(usize) -> usize,
) -> impl Iterator<Item = &[usize]> {
    let alike = units.chunk_by(move |&a, &b| samples(a) == samples(b));
    alike.flat_map(move |units| {
        let groups = units.len().div_ceil(most.max(1));
        units.chunks(units.len().div_ceil(groups))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_of_one_size_and_even() {
        let samples = |unit: usize| if unit == 9 { 40 } else { 100 };
        let of = |units: &[usize], most: usize| -> Vec<Vec<usize>> {
            groups(units, most, samples).map(<[usize]>::to_vec).collect()
        };
        let all: Vec<usize> = (0..10).collect();
        assert_eq!(of(&all, 4), [vec![0, 1, 2], vec![3, 4, 5], vec![6, 7, 8], vec![9]]);
        assert_eq!(of(&[9, 2, 5], 100), [vec![9], vec![2, 5]]);
        assert_eq!(of(&[3, 1], 0), [vec![3], vec![1]]);
        assert_eq!(of(&[], 4), Vec::<Vec<usize>>::new());
    }
}

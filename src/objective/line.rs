//! The hot path: the loss of the full training set at many points of one line.
//!
//! Evaluation batches are independent units of work, each computed whole by one thread for all points
//! asked for. What the points share is computed once: a first layer that is linear in its parameters
//! has the output a + alpha b along the line, with a and b from one order-1 pass. Logits are widened
//! to f64 before the softmax.

use burn::tensor::{DType, Device, Tensor};
use rayon::prelude::*;

use super::classification::normalisation;
use super::presentation::Presentation;
use super::statistics::flat;
use super::transfer::host;
use super::{
    BatchNormPolicy, Classification, Line, LineEvaluation, ObjectiveError, Point, Protocol,
};
use crate::network::{Pass, Statistics, cross_entropy};
use crate::precision::Precision;
use crate::random::Stream;
use crate::taylor::Series;

/// One point of the line: the parameters there, and statistics unless the batch gives them.
struct Station {
    alpha: f64,
    parameters: Vec<Series<1>>,
    frozen: Option<Vec<Statistics>>,
    samples: Samples,
}

/// The images that a point is measured on.
#[derive(Clone)]
pub(super) enum Samples {
    /// Those of the measured loss.
    Fixed,
    /// In an order of the point's own, and presented anew.
    Drawn { order: Vec<u32>, presentation: Presentation },
}

/// A line with everything that its units share.
pub(super) struct OpenLine<'a> {
    pub(super) objective: &'a Classification,
    /// The parameters as from + alpha (to - from), for the layers that are linear in them.
    line: Vec<Series<1>>,
    stations: Vec<Station>,
    precision: Precision,
}

impl Classification {
    pub(super) fn open_line(
        &self,
        line: Line,
        alphas: &[f64],
        precision: Precision,
    ) -> Result<OpenLine<'_>, ObjectiveError> {
        let starts = self.split(&line.from.theta, precision).into_iter();
        let ends = self.split(&Point::difference(line.from, line.to).theta, precision);
        let mut open = OpenLine {
            objective: self,
            line: starts.zip(ends).map(|(start, end)| Series::line(start, end, 1)).collect(),
            stations: alphas
                .par_iter()
                .map(|&alpha| {
                    self.interrupt.check()?;
                    Ok(self.station(line, alpha, precision))
                })
                .collect::<Result<_, ObjectiveError>>()?,
            precision,
        };
        if self.measured.policy == BatchNormPolicy::Recomputed {
            open.recompute_statistics()?;
        }
        Ok(open)
    }

    fn station(&self, line: Line, alpha: f64, precision: Precision) -> Station {
        let Point { theta, buffers } = Point::between(line.from, line.to, alpha);
        let parameters = self.split(&theta, precision).into_iter().map(Series::constant);
        let frozen = (self.measured.policy == BatchNormPolicy::Running)
            .then(|| self.statistics(&buffers, precision));
        let samples = self.samples_of(line.number, alpha);
        Station { alpha, parameters: parameters.collect(), frozen, samples }
    }

    /// The images that a point of a line is measured on.
    pub(super) fn samples_of(&self, line: u64, alpha: f64) -> Samples {
        match self.measured.protocol {
            Protocol::Fixed => Samples::Fixed,
            Protocol::Authors => {
                let point = alpha.to_bits();
                let mut order = Stream::point_order(self.training.seed, line, point);
                let presentation = Presentation::Point { line, point };
                Samples::Drawn { order: order.permutation(self.data.len()), presentation }
            }
        }
    }

    /// The loss of every sample of a batch, [n, 1], in f64 and on the CPU: the softmax of a few
    /// logits needs no device, and not every device has 64-bit floats.
    pub(super) fn sample_losses(&self, logits: Series<2>, batch: &[u32]) -> Series<2> {
        let cpu = Device::flex();
        let logits = logits.map_linear(|z| Tensor::from_data(z.into_data(), (&cpu, DType::F64)));
        cross_entropy(logits, self.labels(batch, &cpu))
    }
}

impl LineEvaluation for OpenLine<'_> {
    fn units(&self) -> usize {
        self.objective.measured.units()
    }

    fn samples(&self, unit: usize) -> usize {
        self.objective.measured.batch(&Samples::Fixed, unit).0.len()
    }

    fn points(&self) -> usize {
        self.stations.len()
    }

    fn unit_losses(
        &self,
        units: &[usize],
        points: &[usize],
    ) -> Result<Vec<Vec<f64>>, ObjectiveError> {
        let of_unit = |unit| {
            self.visit(unit, points, |logits, _, batch| {
                let losses = self.objective.sample_losses(logits, batch);
                Ok(host(losses.into_value())?.into_iter().sum())
            })
        };
        let of = |units: &[usize]| self.objective.each(units, of_unit);
        self.objective.divided(units, points.len(), of)
    }
}

impl OpenLine<'_> {
    /// Runs a unit through the network at some points and collects what `read` makes of the logits, of
    /// the pass and of the unit's samples.
    pub(super) fn visit<T>(
        &self,
        unit: usize,
        points: &[usize],
        read: impl Fn(Series<2>, &Pass, &[u32]) -> Result<T, ObjectiveError>,
    ) -> Result<Vec<T>, ObjectiveError> {
        let network = &self.objective.network;
        let shared = network.linear_prefix();
        let prefix = |samples: &Samples| {
            let (batch, presentation) = self.objective.measured.batch(samples, unit);
            let images = self.objective.images(batch, self.precision, presentation);
            let mut pass = Pass::new(&self.line, normalisation(None));
            network.forward(0..shared, Series::constant(images), &mut pass)
        };
        let mut fixed = None;
        let stations = points.iter().map(|&point| &self.stations[point]);
        let values = stations.map(|station| {
            let drawn;
            let prefix = match station.samples {
                Samples::Fixed => fixed.get_or_insert_with(|| prefix(&Samples::Fixed)),
                Samples::Drawn { .. } => {
                    drawn = prefix(&station.samples);
                    &drawn
                }
            };
            let mut pass = Pass::new(&station.parameters, normalisation(station.frozen.as_deref()));
            let output = prefix.at(station.alpha);
            let output = network.forward(shared..network.depth(), output, &mut pass);
            read(
                network.head(output),
                &pass,
                self.objective.measured.batch(&station.samples, unit).0,
            )
        });
        values.collect()
    }

    /// The statistics that the first point was given, in the order of the buffers.
    pub(super) fn statistics(&self) -> Result<Vec<f64>, ObjectiveError> {
        flat(self.stations.first().and_then(|station| station.frozen.as_deref()))
    }

    /// Gives each point the statistics that are averages over the training set there.
    fn recompute_statistics(&mut self) -> Result<(), ObjectiveError> {
        let objective = self.objective;
        let points: Vec<usize> = (0..self.stations.len()).collect();
        let averages = objective.sum_of(self.units(), |unit| {
            let of_points = self.visit(unit, &points, |_, pass, batch| {
                objective.weighted_statistics(pass, 0, 0, batch)
            });
            Ok(of_points?.concat())
        })?;
        let buffers = objective.network.layout.buffer_dimension();
        for (station, average) in self.stations.iter_mut().zip(averages.chunks(buffers.max(1))) {
            station.frozen = Some(objective.statistics(average, self.precision));
        }
        Ok(())
    }
}

//! The covariance of mini-batch gradients, one batch size after the other.

use std::time::Instant;

use super::log::PointLog;
use super::pace::Pace;
use super::{Here, PointMeasurement, Progress};
use crate::experiment::CovarianceSchedule;
use crate::linalg::dot;
use crate::measure::{GradientSpread, Mean, sample_traces};
use crate::objective::{Loss, Objective};
use crate::run::{CovarianceRecord, Journal};
use crate::walk::WalkError;
use crate::walk::cost::{self, Extent};
use crate::walk::memory::Claim;
use crate::walk::walker::finite;

impl PointMeasurement for CovarianceSchedule {
    const NAME: &'static str = "covariance of gradients";

    type Record = CovarianceRecord;

    /// B.
    type Unit = usize;

    fn units(&self, _samples: usize) -> impl Iterator<Item = Self::Unit> {
        self.batch_sizes.iter().copied()
    }

    fn unit(record: &Self::Record) -> Self::Unit {
        record.batch_size as usize
    }

    fn cost(&self, extent: Extent) -> u64 {
        let slopes = extent.slopes(self.probes, extent.calls(self.probes));
        let shared = slopes.saturating_add(cost::gradient(extent.samples));
        let sizes = self.batch_sizes.iter();
        let batches = sizes.map(|&size| cost::product(cost::gradient(size), self.batches));
        batches.fold(shared, u64::saturating_add)
    }

    fn claims(&self, extent: Extent) -> Vec<Claim> {
        let at_once = self.probes.min(extent.directions_at_once());
        vec![
            Claim::vectors("batches", self.batches, "a number of each", [self.batches, 1]),
            Claim::vectors("probes", self.probes, "a number of each", [self.probes, 1]),
            Claim::vectors("probes", self.probes, "directions", [at_once, extent.dimension]),
        ]
    }

    fn measure<O: Objective>(
        &self,
        here: &Here<O>,
        due: &[Self::Unit],
        log: &mut PointLog<Self::Record>,
        progress: &mut Progress,
    ) -> Result<(), WalkError> {
        let (mut journal, state) = here.journal(self)?;
        let mut state = state.into_iter();
        let (traces, g) = match state.next().zip(state.next()) {
            Some(known) => known,
            None => of_samples(here, self.probes, &mut journal, progress)?,
        };
        let of_samples = Mean::of(&traces);
        let mut begun = begun(state);
        for &size in due {
            let known = begun.take_if(|(of, _)| *of == size).map(|(_, spread)| spread);
            let mut spread = known.unwrap_or(GradientSpread::new(g.len()));
            let mut unsaved = 0;
            for index in spread.squares.len()..self.batches {
                here.objective.check()?;
                let indices = here.measured_batch(size, index);
                let (at, batch) = (&here.state.point, Loss::of(&indices));
                let found = here.objective.gradient(at, batch, here.precision())?;
                progress.worked(cost::gradient(size));
                spread.add(&found.gradient, &g);
                unsaved += size;
                if unsaved >= here.plan.samples {
                    let of = [size as f64];
                    journal.restart(&[&traces, &g, &of, &spread.squares, &spread.sum])?;
                    unsaved = 0;
                }
            }
            let of_batches = spread.trace(&g);
            let factor = 1.0 / size as f64 - 1.0 / here.plan.samples as f64;
            let ratio = of_batches.mean / (factor * of_samples.mean);
            let relative = |mean: Mean| mean.error / mean.mean;
            log.append([CovarianceRecord {
                step: here.state.step,
                epoch: here.epoch,
                batch_size: size as u64,
                batches: self.batches as u64,
                trace: finite(of_batches.mean),
                trace_error: finite(of_batches.error),
                predicted: finite(factor * of_samples.mean),
                ratio: finite(ratio),
                ratio_error: finite(ratio * relative(of_batches).hypot(relative(of_samples))),
                sample_trace: finite(of_samples.mean),
                sample_trace_error: finite(of_samples.error),
                squared_grad_norm: finite(dot(&g, &g)),
                noise_scale: finite(of_samples.mean / dot(&g, &g)),
                precision: here.precision(),
                batch_norm: here.plan.batch_norm,
            }])?;
        }
        Ok(journal.remove()?)
    }
}

/// z'Cz of the gradients of single samples for every probe z, and the gradient of the measured loss.
fn of_samples<O: Objective>(
    here: &Here<O>,
    probes: usize,
    journal: &mut Journal,
    progress: &mut Progress,
) -> Result<(Vec<f64>, Vec<f64>), WalkError> {
    let (extent, objective, at) = (here.extent(), here.objective, &here.state.point);
    let mut pace = Pace::new(extent.directions_at_once());
    let mut traces = Vec::new();
    while traces.len() < probes {
        let found = journal.next(&[], || {
            let begin = Instant::now();
            let group = traces.len()..probes.min(traces.len() + pace.group());
            let directions: Vec<_> = group.map(|index| here.direction(index)).collect();
            let directions: Vec<_> = directions.iter().map(Vec::as_slice).collect();
            let found = sample_traces(objective, at, &directions, here.precision())?;
            pace.took(found.len(), begin.elapsed());
            Ok::<_, WalkError>(found)
        })?;
        progress.worked(extent.slopes(found.len(), 1));
        traces.extend(found);
    }
    let g = journal.next(&[], || {
        let found = objective.gradient(at, Loss::Measured, here.precision())?;
        Ok::<_, WalkError>(found.gradient.into_entries())
    })?;
    progress.worked(cost::gradient(here.plan.samples));
    journal.restart(&[&traces, &g])?;
    Ok((traces, g))
}

/// The batch size that an earlier attempt was at, and what it knew of its gradients.
fn begun(mut state: impl Iterator<Item = Vec<f64>>) -> Option<(usize, GradientSpread)> {
    let (size, squares, sum) = (state.next()?, state.next()?, state.next()?);
    Some((*size.first()? as usize, GradientSpread { squares, sum }))
}

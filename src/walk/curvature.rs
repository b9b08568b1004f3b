//! What is measured at single points of the path: alignment, covariance, spectrum.
//!
//! The random draws of a point depend on the seed and its step alone, so what an interrupted run has
//! recorded of a point is kept, and the rest is measured after a resume.

use std::collections::BTreeSet;

use super::plan::{DIRECTION, GRADIENT, SLOPE};
use super::walker::{Walker, finite};
use super::{Observer, WalkError};
use crate::experiment::{AlignmentSchedule, CovarianceSchedule, Measure};
use crate::linalg::dot;
use crate::measure::{Alignment, Mean, alignments, gradient_covariance, sample_covariance};
use crate::objective::{Loss, Objective};
use crate::precision::Precision;
use crate::random::Stream;
use crate::run::{AlignmentRecord, CovarianceRecord, Log};

/// Entries of all directions that are held at once, which bounds their memory to 512 MiB.
const DIRECTION_ENTRIES: usize = 1 << 26;
/// The most directions at once: more would share little that these do not.
const MOST_DIRECTIONS: usize = 10;

impl<O: Objective> Walker<'_, O> {
    /// Measures what is due where the walk stands, as far as no earlier attempt has.
    pub(super) fn measure_here(&mut self, observer: &mut dyn Observer) -> Result<(), WalkError> {
        let place = self.plan.place(self.state.step);
        if place.iteration != 0 {
            return Ok(());
        }
        let epoch = place.epoch - 1;
        let plan = self.plan;
        for measure in plan.points.iter().filter(|measure| measure.is_due_after(epoch)) {
            let what = match measure {
                Measure::Line(_) => continue,
                Measure::Alignment(_) => "alignment",
                Measure::Covariance(_) => "covariance of gradients",
                Measure::Spectrum(_) => "spectrum",
            };
            let what = format!("{what} after epoch {epoch}");
            let mut left = plan.measure_work(measure);
            let mut worked = |work: u64| {
                let work = work.min(left);
                left -= work;
                observer.measuring(&what, work);
            };
            worked(0);
            match measure {
                Measure::Line(_) => {}
                Measure::Alignment(schedule) => self.alignment(epoch, schedule, &mut worked)?,
                Measure::Covariance(schedule) => self.covariance(epoch, schedule, &mut worked)?,
                Measure::Spectrum(schedule) => self.spectrum(epoch, schedule, &mut worked)?,
            }
            // As much as was reckoned, however many products it took.
            worked(u64::MAX);
            self.recorder.lap_curvature();
            self.recorder.sync(self.state.step)?;
        }
        Ok(())
    }

    fn alignment(
        &mut self,
        epoch: u64,
        schedule: &AlignmentSchedule,
        worked: &mut dyn FnMut(u64),
    ) -> Result<(), WalkError> {
        let step = self.state.step;
        let (mut log, before) =
            Log::open::<AlignmentRecord>(&self.recorder.folder.alignment_log())?;
        let of_step = before.into_iter().filter(|record| record.step == step);
        let done: BTreeSet<_> = of_step.map(|record| (record.batch_size, record.batch)).collect();
        let samples = self.plan.samples;
        let numbers = schedule.batch_sizes.iter().flat_map(|&size| {
            // Drawn without replacement, the whole set is always the same batch.
            let count = if size == samples { 1 } else { schedule.batches };
            (0..count).map(move |batch| (size, batch))
        });
        let due: Vec<_> =
            numbers.filter(|&(size, batch)| !done.contains(&(size as u64, batch as u64))).collect();
        for group in due.chunks(self.directions_at_once()) {
            let drawn: Vec<_> =
                group.iter().map(|&(size, batch)| self.measured_batch(size, batch)).collect();
            let batches: Vec<_> = drawn.iter().map(|indices| self.batch(indices)).collect();
            let found = alignments(self.objective, &self.state.point, &batches, self.precision())?;
            let weight_decay = self.added_decay(schedule.include_weight_decay);
            for (&number, found) in group.iter().zip(found) {
                log.append(&self.alignment_record(epoch, number, &found, weight_decay))?;
            }
            log.sync()?;
            let sizes = group.iter().map(|&(size, _)| (GRADIENT + DIRECTION) * size as u64);
            worked(sizes.sum::<u64>() + DIRECTION * (group.len() * samples) as u64);
        }
        Ok(())
    }

    fn alignment_record(
        &self,
        epoch: u64,
        (size, batch): (usize, usize),
        found: &Alignment,
        weight_decay: f64,
    ) -> AlignmentRecord {
        let full = found.full;
        AlignmentRecord {
            step: self.state.step,
            epoch,
            batch_size: size as u64,
            batch: batch as u64,
            grad_norm: finite(found.grad_norm),
            alignment: full.and_then(|along| finite(along.curvature + weight_decay)),
            alignment_batch: found.of_batch.and_then(|value| finite(value + weight_decay)),
            covariance: full.and_then(|along| finite(along.covariance)),
            squared_slope: full.and_then(|along| finite(along.slope * along.slope)),
            residual: full.and_then(|along| finite(along.residual)),
            weight_decay,
            precision: self.precision(),
            batch_norm: self.plan.batch_norm,
        }
    }

    fn covariance(
        &mut self,
        epoch: u64,
        schedule: &CovarianceSchedule,
        worked: &mut dyn FnMut(u64),
    ) -> Result<(), WalkError> {
        let step = self.state.step;
        let (mut log, before) =
            Log::open::<CovarianceRecord>(&self.recorder.folder.covariance_log())?;
        let of_step = before.into_iter().filter(|record| record.step == step);
        let done: BTreeSet<_> = of_step.map(|record| record.batch_size).collect();
        let is_due = |size: &&usize| !done.contains(&(**size as u64));
        let due: Vec<usize> = schedule.batch_sizes.iter().filter(is_due).copied().collect();
        if due.is_empty() {
            return Ok(());
        }
        let of_samples = self.sample_trace(schedule.probes, worked)?;
        let (objective, at) = (self.objective, &self.state.point);
        let g = objective.gradient(at, Loss::Measured, self.precision())?.gradient;
        for size in due {
            let batches = (0..schedule.batches).map(|index| {
                worked(GRADIENT * size as u64);
                self.measured_batch(size, index)
            });
            let trace = gradient_covariance(objective, at, &g, batches, self.precision())?;
            let factor = 1.0 / size as f64 - 1.0 / self.plan.samples as f64;
            let ratio = trace.mean / (factor * of_samples.mean);
            let relative = |mean: Mean| mean.error / mean.mean;
            log.append(&CovarianceRecord {
                step,
                epoch,
                batch_size: size as u64,
                batches: schedule.batches as u64,
                trace: finite(trace.mean),
                trace_error: finite(trace.error),
                predicted: finite(factor * of_samples.mean),
                ratio: finite(ratio),
                ratio_error: finite(ratio * relative(trace).hypot(relative(of_samples))),
                sample_trace: finite(of_samples.mean),
                sample_trace_error: finite(of_samples.error),
                squared_grad_norm: finite(dot(&g, &g)),
                noise_scale: finite(of_samples.mean / dot(&g, &g)),
                precision: self.precision(),
                batch_norm: self.plan.batch_norm,
            })?;
            log.sync()?;
        }
        Ok(())
    }

    /// tr C of the gradients of single samples.
    fn sample_trace(&self, probes: usize, worked: &mut dyn FnMut(u64)) -> Result<Mean, WalkError> {
        let (seed, dimension) = (self.plan.train.seed, self.objective.dimension());
        let draw =
            |&index: &usize| Stream::direction(seed, self.state.step, index).signs(dimension);
        let probes: Vec<usize> = (0..probes).collect();
        let groups = probes.chunks(self.directions_at_once());
        let groups = groups.map(|group| {
            worked(SLOPE * (group.len() * self.plan.samples) as u64);
            group.iter().map(draw).collect()
        });
        Ok(sample_covariance(self.objective, &self.state.point, groups, self.precision())?)
    }

    /// Samples of a batch drawn for a measurement.
    pub(super) fn measured_batch(&self, size: usize, index: usize) -> Vec<u32> {
        let (seed, step) = (self.plan.train.seed, self.state.step);
        let mut order =
            Stream::measured_batch(seed, step, size, index).permutation(self.plan.samples);
        order.truncate(size);
        order
    }

    /// Those samples as a batch; all of them are the measured loss itself.
    pub(super) fn batch<'b>(&self, indices: &'b [u32]) -> Loss<'b> {
        if indices.len() == self.plan.samples { Loss::Measured } else { Loss::of(indices) }
    }

    /// The precision of derivatives of the measured loss.
    pub(super) fn precision(&self) -> Precision {
        self.plan.evaluation.precision
    }

    /// What weight decay adds to every curvature: lambda / 2 ‖theta‖² has the Hessian lambda I.
    pub(super) fn added_decay(&self, is_included: bool) -> f64 {
        if is_included { self.plan.train.weight_decay } else { 0.0 }
    }

    fn directions_at_once(&self) -> usize {
        (DIRECTION_ENTRIES / self.objective.dimension().max(1)).clamp(1, MOST_DIRECTIONS)
    }
}

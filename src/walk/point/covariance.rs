//! The covariance of mini-batch gradients, one batch size after the other.

use super::log::PointLog;
use super::{Here, PointMeasurement, Progress};
use crate::experiment::CovarianceSchedule;
use crate::linalg::dot;
use crate::measure::{Mean, gradient_covariance, sample_covariance};
use crate::objective::{Loss, Objective, ObjectiveError};
use crate::run::CovarianceRecord;
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
        let shared = extent.slopes(self.probes).saturating_add(cost::gradient(extent.samples));
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
        let of_samples = sample_trace(here, self.probes, progress)?;
        let (objective, at) = (here.objective, &here.state.point);
        let g = objective.gradient(at, Loss::Measured, here.precision())?.gradient;
        progress.worked(cost::gradient(here.plan.samples));
        for &size in due {
            here.objective.check()?;
            let batches = (0..self.batches).map(|index| {
                progress.worked(cost::gradient(size));
                here.measured_batch(size, index)
            });
            let of_batches = gradient_covariance(objective, at, &g, batches, here.precision())?;
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
        Ok(())
    }
}

/// tr C of the gradients of single samples.
fn sample_trace<O: Objective>(
    here: &Here<O>,
    probes: usize,
    progress: &mut Progress,
) -> Result<Mean, ObjectiveError> {
    let extent = here.extent();
    let at_once = extent.directions_at_once();
    let groups = (0..probes).step_by(at_once).map(|first| {
        let group = first..probes.min(first + at_once);
        progress.worked(extent.slopes(group.len()));
        group.map(|index| here.direction(index)).collect()
    });
    sample_covariance(here.objective, &here.state.point, groups, here.precision())
}

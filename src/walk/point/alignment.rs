//! The alignment of mini-batch gradients with the Hessian, a few batches at a time.

use std::time::Instant;

use super::here::distinct_batches;
use super::log::PointLog;
use super::pace::Pace;
use super::{Here, PointMeasurement, Progress};
use crate::experiment::AlignmentSchedule;
use crate::measure::{Alignment, alignments};
use crate::objective::Objective;
use crate::run::AlignmentRecord;
use crate::walk::WalkError;
use crate::walk::cost::{self, Extent};
use crate::walk::memory::{Claim, product};
use crate::walk::walker::finite;

impl PointMeasurement for AlignmentSchedule {
    const NAME: &'static str = "alignment";

    type Record = AlignmentRecord;

    /// B, and which of the batches of this size.
    type Unit = (usize, usize);

    fn units(&self, samples: usize) -> impl Iterator<Item = Self::Unit> {
        self.batch_sizes.iter().flat_map(move |&size| {
            (0..distinct_batches(size, self.batches, samples)).map(move |batch| (size, batch))
        })
    }

    fn unit(record: &Self::Record) -> Self::Unit {
        (record.batch_size as usize, record.batch as usize)
    }

    fn cost(&self, extent: Extent) -> u64 {
        let batches = |size| distinct_batches(size, self.batches, extent.samples);
        let sizes = || self.batch_sizes.iter().copied();
        let own = sizes().map(|size| cost::product(own_cost(size, extent), batches(size)));
        let directions = sizes().map(batches).fold(0, usize::saturating_add);
        own.fold(extent.directional(directions, extent.calls(directions)), u64::saturating_add)
    }

    fn claims(&self, extent: Extent) -> Vec<Claim> {
        let batches = |&size| distinct_batches(size, self.batches, extent.samples);
        let units = self.batch_sizes.iter().map(batches).fold(0, usize::saturating_add);
        let unit = size_of::<Self::Unit>() + size_of::<Self::Record>();
        let at_once = units.min(extent.directions_at_once());
        vec![
            Claim::new("batches", self.batches, "records of one point", product([units, unit])),
            Claim::vectors("batches", self.batches, "gradients", [at_once, extent.dimension]),
            Claim::new(
                "batches",
                self.batches,
                "gradients, packed",
                product([at_once, extent.dimension, size_of::<f32>()]),
            ),
        ]
    }

    fn measure<O: Objective>(
        &self,
        here: &Here<O>,
        due: &[Self::Unit],
        log: &mut PointLog<Self::Record>,
        progress: &mut Progress,
    ) -> Result<(), WalkError> {
        let extent = here.extent();
        let (mut pace, mut due) = (Pace::new(extent.directions_at_once()), due);
        while !due.is_empty() {
            here.objective.check()?;
            let begin = Instant::now();
            let (group, rest) = due.split_at(pace.group().min(due.len()));
            let drawn: Vec<_> =
                group.iter().map(|&(size, batch)| here.measured_batch(size, batch)).collect();
            let batches: Vec<_> = drawn.iter().map(|indices| here.batch(indices)).collect();
            let found = alignments(here.objective, &here.state.point, &batches, here.precision())?;
            let weight_decay = here.added_decay(self.include_weight_decay);
            let records = group.iter().zip(found);
            log.append(records.map(|(unit, found)| record(here, *unit, &found, weight_decay)))?;
            let own: u64 = group.iter().map(|&(size, _)| own_cost(size, extent)).sum();
            progress.worked(own + extent.directional(group.len(), 1));
            pace.took(group.len(), begin.elapsed());
            due = rest;
        }
        Ok(())
    }
}

/// What a batch takes of its own; the whole set's own loss is the measured one.
fn own_cost(size: usize, extent: Extent) -> u64 {
    if size == extent.samples { cost::gradient(size) } else { cost::along_gradient(size) }
}

fn record<O: Objective>(
    here: &Here<O>,
    (size, batch): (usize, usize),
    found: &Alignment,
    weight_decay: f64,
) -> AlignmentRecord {
    let full = found.full;
    AlignmentRecord {
        step: here.state.step,
        epoch: here.epoch,
        batch_size: size as u64,
        batch: batch as u64,
        grad_norm: finite(found.grad_norm),
        alignment: full.and_then(|along| finite(along.curvature + weight_decay)),
        alignment_batch: found.of_batch.and_then(|value| finite(value + weight_decay)),
        covariance: full.and_then(|along| finite(along.covariance)),
        squared_slope: full.and_then(|along| finite(along.slope * along.slope)),
        residual: full.and_then(|along| finite(along.residual)),
        weight_decay,
        precision: here.precision(),
        batch_norm: here.plan.batch_norm,
    }
}

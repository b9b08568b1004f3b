//! A point of the path, and how batches and directions are drawn there.

use std::fmt::Debug;

use super::PointMeasurement;
use crate::objective::{Loss, Objective};
use crate::precision::Precision;
use crate::random::Stream;
use crate::run::{Journal, Manifest, RunError};
use crate::walk::cost::Extent;
use crate::walk::recorder::Recorder;
use crate::walk::{Plan, State};

/// Where the walk stands, with all that something is measured with.
#[derive(Clone, Copy)]
pub(super) struct Here<'a, O> {
    pub(super) objective: &'a O,
    pub(super) plan: &'a Plan,
    pub(super) state: &'a State,
    /// Epochs behind it.
    pub(super) epoch: u64,
    pub(super) recorder: &'a Recorder<'a>,
}

impl<O: Objective> Here<'_, O> {
    /// The size of the problem.
    pub(super) fn extent(&self) -> Extent {
        Extent::new(self.objective, self.plan)
    }

    /// The journal of a measurement by this schedule here, and the state that it is in.
    pub(super) fn journal<M: PointMeasurement + Debug>(
        &self,
        schedule: &M,
    ) -> Result<(Journal, Vec<Vec<f64>>), RunError> {
        let Self { plan, state, .. } = self;
        let Manifest { version, commit, .. } = Manifest::default();
        let of = (version, commit, state.step, plan.train.seed, &plan.evaluation, schedule);
        Journal::open(&self.recorder.folder.journal::<M::Record>(state.step), &format!("{of:?}"))
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

    /// A direction of random signs.
    pub(super) fn direction(&self, index: usize) -> Vec<f64> {
        let (seed, step) = (self.plan.train.seed, self.state.step);
        Stream::direction(seed, step, index).signs(self.objective.dimension())
    }

    /// The precision of derivatives of the measured loss.
    pub(super) fn precision(&self) -> Precision {
        self.plan.evaluation.precision
    }

    /// What weight decay adds to every curvature: lambda / 2 ‖theta‖² has the Hessian lambda I.
    pub(super) fn added_decay(&self, is_included: bool) -> f64 {
        if is_included { self.plan.train.weight_decay } else { 0.0 }
    }
}

/// How many of so many batches of a size differ: drawn without replacement, the whole set is always
/// the same batch.
pub(super) fn distinct_batches(size: usize, batches: usize, samples: usize) -> usize {
    if size == samples { 1 } else { batches }
}

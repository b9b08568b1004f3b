//! The memory that one batch is computed in.

use std::ops::Range;
use std::sync::Mutex;

use super::Plan;
use super::line::FirstStep;
use super::shares::Scratches;
use super::statistics::{Affine, NormStatistics};
use super::step::{Place, Value};
use crate::kernels::{Aligned, Source};

/// Buffers that grow to the largest batch and stay.
#[derive(Debug, Default)]
pub struct Workspace {
    pub(super) buffers: Vec<Aligned>,
    /// Sums of the samples, for the norm at hand.
    pub(super) sums: Vec<f32>,
    /// What each norm has seen or was given.
    pub(super) statistics: Vec<NormStatistics>,
    pub(super) affine: Vec<Affine>,
    pub(super) identity: Affine,
    pub(super) scratches: Scratches,
    /// What the points of a line share.
    pub(super) first: FirstStep,
    /// Threads that share a batch.
    pub(super) shares: usize,
}

impl Workspace {
    /// For batches of a plan.
    pub fn new(plan: &Plan) -> Self {
        let widest = plan.channels().max();
        Self {
            buffers: vec![Aligned::default(); plan.buffers.len()],
            sums: Vec::new(),
            statistics: vec![NormStatistics::default(); plan.norms.len()],
            affine: vec![Affine::default(); plan.norms.len()],
            identity: Affine::identity(widest.unwrap_or_default()),
            scratches: Scratches::default(),
            first: FirstStep::default(),
            shares: 1,
        }
    }

    /// Some samples of a place with so many numbers for each.
    pub(super) fn part<'a>(
        &'a self,
        place: Place,
        images: &'a [f32],
        each: usize,
        samples: &Range<usize>,
    ) -> &'a [f32] {
        let all = match place {
            Place::Images => images,
            Place::Buffer(index) => &self.buffers[index],
        };
        &all[samples.start * each..samples.end * each]
    }

    /// A value of some samples as kernels read it.
    pub(super) fn source<'a>(
        &'a self,
        value: Value,
        images: &'a [f32],
        samples: Range<usize>,
    ) -> Source<'a> {
        let channels = value.shape[2];
        let normalise = match value.norm {
            Some(norm) => Some(self.affine[norm].normalise(channels, value.rectify)),
            None if value.rectify => Some(self.identity.normalise(channels, true)),
            None => None,
        };
        Source { pixels: self.part(value.place, images, value.len(), &samples), normalise }
    }

    /// What the last batch's norms were computed with, in the order of the network.
    pub fn statistics(&self) -> &[NormStatistics] {
        &self.statistics
    }
}

/// Workspaces that threads take and give back.
#[derive(Debug, Default)]
pub struct Workspaces(Mutex<Vec<Workspace>>);

impl Workspaces {
    /// Runs `work` with a workspace that nobody else has.
    pub fn with<T>(&self, plan: &Plan, work: impl FnOnce(&mut Workspace) -> T) -> T {
        let free = || self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut workspace = free().pop().unwrap_or_else(|| Workspace::new(plan));
        let result = work(&mut workspace);
        free().push(workspace);
        result
    }
}

//! The memory that one batch is computed in.

use std::sync::Mutex;

use super::Plan;
use super::statistics::{Affine, NormStatistics};
use crate::kernels::{Aligned, Scratch};

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
    pub(super) scratch: Scratch,
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
            scratch: Scratch::default(),
        }
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

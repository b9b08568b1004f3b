//! The memory that a batch is moved in.

use std::sync::{Mutex, PoisonError};

use super::super::NormStatistics;
use super::super::backward::{Cotangents, GradientWorkspace};
use super::compile::CurvaturePlan;
use super::norm::NormAlong;
use crate::kernels::Aligned;

/// Buffers that grow to the largest batch and stay: all activations, their adjoints, and tangents of a few
/// of them.
#[derive(Debug)]
pub struct CurvatureWorkspace {
    pub(super) gradient: GradientWorkspace,
    pub(super) tangents: Vec<Aligned>,
    /// Products that are weighed, and not kept.
    pub(super) products: Aligned,
    /// Sums of the samples, for what is at hand.
    pub(super) sums: Vec<f32>,
    pub(super) norms: Vec<NormAlong>,
}

impl CurvatureWorkspace {
    /// For batches of a plan, each shared by so many threads.
    fn new(plan: &CurvaturePlan, shares: usize) -> Self {
        let norms = plan.gradient.plan.norms.iter();
        Self {
            gradient: GradientWorkspace::new(&plan.gradient, shares),
            tangents: vec![Aligned::default(); plan.buffers],
            products: Aligned::default(),
            sums: Vec::new(),
            norms: norms.map(|_| NormAlong::default()).collect(),
        }
    }

    /// As [`Workspace::statistics`](super::super::Workspace::statistics).
    pub fn statistics(&self) -> &[NormStatistics] {
        self.gradient.statistics()
    }

    /// How the statistics move along the last direction.
    pub fn statistics_along(&self) -> impl Iterator<Item = &NormStatistics> {
        self.norms.iter().map(|norm| &norm.statistics)
    }

    /// As [`GradientWorkspace::cotangents`].
    pub fn cotangents(&self) -> impl Iterator<Item = &Cotangents> {
        self.gradient.cotangents()
    }
}

/// Workspaces that are taken and given back.
#[derive(Debug, Default)]
pub struct CurvatureWorkspaces(Mutex<Vec<CurvatureWorkspace>>);

impl CurvatureWorkspaces {
    /// Runs `work` with a workspace that nobody else has, for batches shared by so many threads.
    pub fn with<T>(
        &self,
        plan: &CurvaturePlan,
        shares: usize,
        work: impl FnOnce(&mut CurvatureWorkspace) -> T,
    ) -> T {
        let free = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut workspace = free().pop().unwrap_or_else(|| CurvatureWorkspace::new(plan, shares));
        workspace.gradient.share(shares);
        let result = work(&mut workspace);
        free().push(workspace);
        result
    }
}

//! The memory that the gradient of one batch is computed in.

use std::sync::{Mutex, PoisonError};

use super::super::{NormStatistics, Workspace};
use super::compile::GradientPlan;
use super::norm::{Cotangents, NormBack};
use crate::kernels::{Aligned, InstructionSet, WeightGradient};

/// Buffers that grow to the largest batch and stay: all activations, gradients of a few of them, and the
/// gradient of the weights, or its factors.
#[derive(Debug)]
pub struct GradientWorkspace {
    pub(in super::super) forward: Workspace,
    pub(in super::super) gradients: Vec<Aligned>,
    pub(super) sums: Sums,
    pub(super) weights: Vec<WeightGradient>,
    pub(super) biases: Vec<Vec<f64>>,
    pub(in super::super) norms: Vec<NormBack>,
    /// Samples of the last batch.
    pub(in super::super) samples: usize,
}

/// The sums of g and of g (x - mean) that the norm at hand waits for.
#[derive(Debug, Default)]
pub(in super::super) struct Sums {
    /// Of each sample, where it has several pixels.
    pub samples: Vec<f32>,
    /// Over all samples, [2, channels].
    pub totals: Vec<f64>,
}

impl GradientWorkspace {
    /// For batches of a plan, each shared by so many threads.
    pub fn new(plan: &GradientPlan, shares: usize) -> Self {
        let weights = plan.plan.weights.iter();
        let instructions = InstructionSet::detect();
        Self {
            forward: Workspace { shares, ..Workspace::new(&plan.plan) },
            gradients: vec![Aligned::default(); plan.buffers.len()],
            sums: Sums::default(),
            weights: weights.clone().map(|w| WeightGradient::new(instructions, w.shape)).collect(),
            biases: weights.map(|_| Vec::new()).collect(),
            norms: plan.plan.norms.iter().map(|_| NormBack::default()).collect(),
            samples: 0,
        }
    }

    /// Has batches shared by so many threads from now on.
    pub(in super::super) fn share(&mut self, shares: usize) {
        self.forward.shares = shares;
    }

    /// As [`Workspace::statistics`].
    pub fn statistics(&self) -> &[NormStatistics] {
        self.forward.statistics()
    }

    /// The gradients of the last batch's loss with respect to each norm's statistics.
    pub fn cotangents(&self) -> impl Iterator<Item = &Cotangents> {
        self.norms.iter().map(|norm| &norm.statistics)
    }
}

/// Workspaces and stations that are taken and given back.
#[derive(Debug, Default)]
pub struct GradientWorkspaces(Mutex<Vec<GradientWorkspace>>);

impl GradientWorkspaces {
    /// Runs `work` with a workspace that nobody else has, for batches shared by so many threads.
    pub fn with<T>(
        &self,
        plan: &GradientPlan,
        shares: usize,
        work: impl FnOnce(&mut GradientWorkspace) -> T,
    ) -> T {
        let free = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut workspace = free().pop().unwrap_or_else(|| GradientWorkspace::new(plan, shares));
        workspace.share(shares);
        let result = work(&mut workspace);
        free().push(workspace);
        result
    }
}

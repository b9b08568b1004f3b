//! The memory that a batch is moved in.

use std::sync::{Mutex, PoisonError};

use super::super::NormStatistics;
use super::super::backward::{Cotangents, GradientPlan, GradientWorkspace, Sums};
use super::super::step::Weights;
use super::compile::CurvaturePlan;
use super::norm::NormAlong;
use super::norm_back::NormBackAlong;
use crate::kernels::{Aligned, InstructionSet, WeightGradient};

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
    pub(super) back: BackWorkspace,
}

/// What the way back along a direction is computed in: as in a [`GradientWorkspace`], but of how each of
/// these moves.
#[derive(Debug)]
pub(super) struct BackWorkspace {
    pub gradients: Vec<Aligned>,
    pub sums: Sums,
    pub weights: Vec<WeightGradient>,
    pub biases: Vec<Vec<f64>>,
    pub norms: Vec<NormBackAlong>,
}

impl BackWorkspace {
    fn new(plan: &GradientPlan) -> Self {
        let (weights, norms) = (plan.plan.weights.iter(), plan.plan.norms.iter());
        let instructions = InstructionSet::detect();
        let new = |weights: &Weights| WeightGradient::new(instructions, weights.shape);
        Self {
            gradients: vec![Aligned::default(); plan.buffers.len()],
            sums: Sums::default(),
            weights: weights.clone().map(new).collect(),
            biases: weights.map(|_| Vec::new()).collect(),
            norms: norms.map(|_| NormBackAlong::default()).collect(),
        }
    }
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
            back: BackWorkspace::new(&plan.gradient),
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

    /// How those moved along the last direction.
    pub fn cotangents_along(&self) -> impl Iterator<Item = &Cotangents> {
        self.back.norms.iter().map(|norm| &norm.statistics)
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

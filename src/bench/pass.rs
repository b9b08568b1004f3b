//! The passes that are measured.

use std::hint::black_box;
use std::time::Instant;

use burn::tensor::Device;

use super::{BenchError, BenchNetwork};
use crate::choice::choice;
use crate::experiment::Train;
use crate::objective::{Classification, Gradient, Line, Loss, Objective, Point};
use crate::precision::Precision;
use crate::walk::State;

choice! {
    /// Work over a network.
    Pass {
        /// Losses at K = 10 points of a line, over all images; opening the line and packing weights
        /// are part of it. A sample counts once per point.
        Line = "line",
        /// A batch's gradient, and what a walk does with it to move theta.
        SgdStep = "sgd_step",
        /// A batch's gradient g and g'Hg of the same batch.
        Ghg = "ghg",
        /// H v over all images.
        Hv = "hv",
    }
}

/// K.
pub(super) const POINTS: usize = 10;
/// Samples of a training batch.
pub(super) const BATCH: usize = 100;

impl Pass {
    /// Images that it is measured on, so that a repetition takes about a second or more: for one batch a
    /// thread or several, and on a GPU for lines as many as fill it.
    pub(super) fn samples(self, network: BenchNetwork, threads: usize, is_cpu: bool) -> usize {
        match (self, network) {
            (Self::Line, BenchNetwork::Mlp) if !is_cpu => 450 * BATCH,
            (Self::Line, BenchNetwork::WideResnet) => 10 * BATCH,
            (Self::Line, _) if !is_cpu => 90 * BATCH,
            (Self::Line, BenchNetwork::Mlp) => 200 * threads * BATCH,
            (Self::Line, _) => 8 * threads * BATCH,
            (Self::Hv, BenchNetwork::Mlp) => 10 * threads * BATCH,
            (Self::Hv, _) => threads * BATCH,
            (Self::SgdStep | Self::Ghg, _) => BATCH,
        }
    }

    /// How often a pass is repeated within a round.
    pub(super) fn repetitions(self, network: BenchNetwork, is_cpu: bool) -> usize {
        match (self, network) {
            (Self::SgdStep | Self::Ghg, BenchNetwork::Mlp) => 100,
            (Self::SgdStep | Self::Ghg, _) if !is_cpu => 20,
            (Self::SgdStep, _) => 3,
            _ => 1,
        }
    }
}

/// A pass over its images.
pub(super) struct Subject {
    pub pass: Pass,
    pub samples: usize,
    repetitions: usize,
    objective: Classification,
    from: Point,
    to: Point,
    state: State,
    train: Train,
}

impl Subject {
    pub fn new(network: BenchNetwork, pass: Pass, device: &Device) -> Result<Self, BenchError> {
        let is_cpu = *device == Device::flex();
        let samples = pass.samples(network, rayon::current_num_threads(), is_cpu);
        let (objective, from) = network.objective_on(device.clone(), samples)?;
        let state = State::start(from, Precision::F32);
        let from = state.point.clone();
        let theta = from.theta.iter().map(|x| 1.01 * x).collect();
        let to = Point { theta, buffers: from.buffers.clone() };
        let (train, repetitions) = (network.experiment()?.train, pass.repetitions(network, is_cpu));
        Ok(Self { pass, samples, repetitions, objective, from, to, state, train })
    }

    /// Seconds of one repetition, the mean over those of a round.
    pub fn seconds(&mut self) -> Result<f64, BenchError> {
        let start = Instant::now();
        for _ in 0..self.repetitions {
            self.once()?;
        }
        Ok(start.elapsed().as_secs_f64() / self.repetitions as f64)
    }

    /// The passes alone, with no result but time.
    pub fn once(&mut self) -> Result<(), BenchError> {
        let Self { pass, objective, from, to, state, train, .. } = self;
        let indices: Vec<u32> = (0..BATCH as u32).collect();
        let batch = Loss::of(&indices);
        match pass {
            Pass::Line => {
                let alphas: Vec<f64> = (1..=POINTS).map(|k| k as f64 / POINTS as f64).collect();
                let line = Line { from, to, number: 0 };
                black_box(objective.losses(line, &alphas, Precision::F32)?);
            }
            Pass::SgdStep => {
                let Gradient { gradient, buffers, .. } =
                    objective.gradient(&state.point, batch, Precision::F32)?;
                objective.reuse(state.advance(gradient, buffers, train, 1e-3));
            }
            Pass::Ghg => {
                let (gradient, _) =
                    black_box(objective.along_gradient(from, batch, Precision::F32)?);
                objective.reuse(gradient.gradient);
            }
            Pass::Hv => {
                black_box(objective.hessian_product(from, &from.theta, Precision::F32)?);
            }
        }
        Ok(())
    }
}

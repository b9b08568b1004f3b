//! The parameters at one point, ready for the kernels.

use rayon::prelude::*;

use super::Plan;
use super::step::{Norm, Weights};
use crate::kernels::{Algorithm, InstructionSet, PackedConvolution};
use crate::network::{Layout, ParameterId};

/// Theta at one point, packed.
#[derive(Debug)]
pub struct Station {
    pub(super) packed: Vec<PackedConvolution>,
    /// gamma and beta of every norm.
    pub(super) norms: Vec<[Vec<f64>; 2]>,
}

impl Station {
    /// Packs theta, on all threads. Without `winograd` every convolution is computed by its definition.
    pub fn new(plan: &Plan, layout: &Layout, theta: &[f64], winograd: bool) -> Self {
        Self::of(&plan.weights, &plan.norms, layout, theta, winograd)
    }

    /// The first layer alone.
    pub fn first(plan: &Plan, layout: &Layout, theta: &[f64], winograd: bool) -> Self {
        Self::of(&plan.weights[..1], &[], layout, theta, winograd)
    }

    /// Packs a multiple of another theta, on all threads; `single` has it in single precision.
    pub(super) fn move_to(
        &mut self,
        plan: &Plan,
        layout: &Layout,
        (theta, factor): (&[f64], f64),
        single: &[f32],
    ) {
        let entry = |id: ParameterId| &single[layout.parameters[id.0].range()];
        let all = self.packed.par_iter_mut().zip(&plan.weights).with_max_len(1);
        all.for_each(|(packed, weights)| {
            packed.repack(entry(weights.weight), weights.bias.map(entry));
        });
        self.move_norms(plan, layout, (theta, factor));
    }

    /// Takes over a multiple of another theta's norms.
    pub(super) fn move_norms(
        &mut self,
        plan: &Plan,
        layout: &Layout,
        (theta, factor): (&[f64], f64),
    ) {
        for (pair, norm) in self.norms.iter_mut().zip(&plan.norms) {
            for (to, id) in pair.iter_mut().zip([norm.weight, norm.bias]) {
                let from = &theta[layout.parameters[id.0].range()];
                to.iter_mut().zip(from).for_each(|(to, x)| *to = factor * x);
            }
        }
    }

    fn of(
        weights: &[Weights],
        norms: &[Norm],
        layout: &Layout,
        theta: &[f64],
        winograd: bool,
    ) -> Self {
        let entry = |id: ParameterId| &theta[layout.parameters[id.0].range()];
        let norm = |norm: &Norm| [entry(norm.weight).to_vec(), entry(norm.bias).to_vec()];
        let packed = weights.par_iter().with_max_len(1);
        Self {
            packed: packed.map(|weights| pack(weights, &entry, winograd)).collect(),
            norms: norms.iter().map(norm).collect(),
        }
    }
}

fn pack<'a>(
    weights: &Weights,
    entry: &impl Fn(ParameterId) -> &'a [f64],
    winograd: bool,
) -> PackedConvolution {
    let single = |id| entry(id).iter().map(|&value| value as f32).collect::<Vec<f32>>();
    let bias = weights.bias.map(single);
    let fastest = if winograd { Algorithm::fastest(weights.shape) } else { Algorithm::Direct };
    let pack = |algorithm| {
        let (shape, weight) = (weights.shape, single(weights.weight));
        let instructions = InstructionSet::detect();
        PackedConvolution::new(instructions, shape, algorithm, &weight, bias.as_deref())
    };
    // The fastest algorithm computes its shape, and the direct one computes any.
    match pack(fastest).or_else(|_| pack(Algorithm::Direct)) {
        Ok(packed) => packed,
        Err(error) => unreachable!("{error}"),
    }
}

/// Writes a multiple of theta in single precision, on all threads.
pub(super) fn narrow((theta, factor): (&[f64], f64), single: &mut Vec<f32>) {
    single.resize(theta.len(), 0.0);
    let numbers = single.par_iter_mut().zip(theta).with_min_len(1 << 16);
    numbers.for_each(|(x, &y)| *x = (factor * y) as f32);
}

//! The parameters at one point, ready for the kernels.

use rayon::prelude::*;

use super::step::{Norm, Weights};
use super::{Plan, Theta};
use crate::kernels::{Algorithm, InstructionSet, PackedConvolution};
use crate::network::{Layout, ParameterId};

/// Theta at one point, packed or, in part, where it stands.
#[derive(Debug)]
pub struct Station<'a> {
    pub(super) packed: Vec<PackedConvolution<'a>>,
    /// gamma and beta of every norm.
    pub(super) norms: Vec<[Vec<f64>; 2]>,
}

impl<'a> Station<'a> {
    /// Packs theta, on all threads. Without `winograd` every convolution is computed by its definition.
    pub fn new(plan: &Plan, layout: &Layout, theta: Theta, winograd: bool) -> Self {
        Self::of(&plan.weights, &plan.norms, layout, theta, winograd)
    }

    /// The first layer alone.
    pub fn first(plan: &Plan, layout: &Layout, theta: Theta, winograd: bool) -> Self {
        Self::of(&plan.weights[..1], &[], layout, theta, winograd)
    }

    /// Packs another theta, on all threads; `single` is written on the way.
    pub fn move_to(&mut self, plan: &Plan, layout: &Layout, theta: Theta, single: &mut Vec<f32>) {
        theta.narrow(single);
        self.repack(plan, layout, theta, single);
    }

    /// How a layer is computed.
    pub(super) fn algorithm(&self, weights: usize) -> Algorithm {
        self.packed[weights].algorithm()
    }

    /// Packs another theta, which `single` has in single precision, on all threads.
    pub(super) fn repack(&mut self, plan: &Plan, layout: &Layout, theta: Theta, single: &[f32]) {
        self.each(plan, layout, single, |packed, weight, bias| packed.repack(weight, bias));
        self.move_norms(plan, layout, theta);
    }

    /// The same, but weights that need no packing are read where they stand from now on.
    pub(super) fn repack_or_stand(
        &mut self,
        plan: &Plan,
        layout: &Layout,
        theta: Theta,
        single: &'a [f32],
    ) {
        self.each(plan, layout, single, |packed, weight, bias| {
            packed.repack_or_stand(weight, bias)
        });
        self.move_norms(plan, layout, theta);
    }

    /// The memory alone, for another theta.
    pub(super) fn emptied<'b>(self) -> Station<'b> {
        let Self { packed, norms } = self;
        Station { packed: packed.into_iter().map(PackedConvolution::emptied).collect(), norms }
    }

    /// Calls `pack` with each layer, its weights and its bias, on all threads.
    fn each<'b>(
        &mut self,
        plan: &Plan,
        layout: &Layout,
        single: &'b [f32],
        pack: impl Fn(&mut PackedConvolution<'a>, &'b [f32], Option<&'b [f32]>) + Sync,
    ) {
        let entry = |id: ParameterId| &single[layout.parameters[id.0].range()];
        let all = self.packed.par_iter_mut().zip(&plan.weights).with_max_len(1);
        all.for_each(|(packed, weights)| {
            pack(packed, entry(weights.weight), weights.bias.map(entry));
        });
    }

    /// Takes over another theta's norms.
    pub(super) fn move_norms(&mut self, plan: &Plan, layout: &Layout, theta: Theta) {
        for (pair, norm) in self.norms.iter_mut().zip(&plan.norms) {
            for (to, id) in pair.iter_mut().zip([norm.weight, norm.bias]) {
                theta.write(layout.parameters[id.0].range().start, to, |x| x);
            }
        }
    }

    fn of(
        weights: &[Weights],
        norms: &[Norm],
        layout: &Layout,
        theta: Theta,
        winograd: bool,
    ) -> Self {
        let range = |id: ParameterId| layout.parameters[id.0].range();
        let norm = |norm: &Norm| [norm.weight, norm.bias].map(|id| theta.double(range(id)));
        let single = |id| theta.single(range(id));
        let packed = weights.par_iter().with_max_len(1);
        Self {
            packed: packed.map(|weights| pack(weights, &single, winograd)).collect(),
            norms: norms.iter().map(norm).collect(),
        }
    }
}

fn pack(
    weights: &Weights,
    single: &impl Fn(ParameterId) -> Vec<f32>,
    winograd: bool,
) -> PackedConvolution<'static> {
    let bias = weights.bias.map(single);
    let fastest = if winograd { Algorithm::fastest(weights.shape) } else { Algorithm::Direct };
    let weight = single(weights.weight);
    let pack = |algorithm| {
        let shape = weights.shape;
        let instructions = InstructionSet::detect();
        PackedConvolution::new(instructions, shape, algorithm, &weight, bias.as_deref())
    };
    // The fastest algorithm computes its shape, and the direct one computes any.
    match pack(fastest).or_else(|_| pack(Algorithm::Direct)) {
        Ok(packed) => packed,
        Err(error) => unreachable!("{error}"),
    }
}

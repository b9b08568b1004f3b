//! The parameters at one point, ready for the kernels.

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
    /// Packs theta. Without `winograd` every convolution is computed by its definition.
    pub fn new(plan: &Plan, layout: &Layout, theta: &[f64], winograd: bool) -> Self {
        Self::of(&plan.weights, &plan.norms, layout, theta, winograd)
    }

    /// The first layer alone.
    pub fn first(plan: &Plan, layout: &Layout, theta: &[f64], winograd: bool) -> Self {
        Self::of(&plan.weights[..1], &[], layout, theta, winograd)
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
        Self {
            packed: weights.iter().map(|weights| pack(weights, &entry, winograd)).collect(),
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

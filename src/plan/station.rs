//! The parameters at one point, ready for the kernels.

use super::Plan;
use super::step::Weights;
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
        let entry = |id: ParameterId| &theta[layout.parameters[id.0].range()];
        let norms = plan.norms.iter();
        Self {
            packed: plan.weights.iter().map(|weights| pack(weights, &entry, winograd)).collect(),
            norms: norms
                .map(|norm| [entry(norm.weight).to_vec(), entry(norm.bias).to_vec()])
                .collect(),
        }
    }

    /// The first layer alone.
    pub fn first(plan: &Plan, layout: &Layout, theta: &[f64], winograd: bool) -> Self {
        let entry = |id: ParameterId| &theta[layout.parameters[id.0].range()];
        let first = plan.weights.iter().take(1);
        Self {
            packed: first.map(|weights| pack(weights, &entry, winograd)).collect(),
            norms: Vec::new(),
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

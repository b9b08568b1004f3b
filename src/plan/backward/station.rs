//! The parameters at one point, packed for both ways.

use rayon::prelude::*;

use super::super::{Station, Theta};
use super::compile::GradientPlan;
use super::step::Back;
use crate::kernels::{Algorithm, InstructionSet, PackedInputGradient};
use crate::linalg::Numbers;
use crate::network::Layout;

/// Theta at one point, packed forwards and backwards or, in part, where it stands. It moves to other points in the same
/// memory.
#[derive(Debug)]
pub struct GradientStation<'a> {
    pub(in super::super) forward: Station<'a>,
    /// Of the weights whose input has a gradient.
    pub(in super::super) back: Vec<Option<PackedInputGradient>>,
    /// Memory for theta in single precision.
    pub(in super::super) single: Vec<f32>,
}

impl<'a> GradientStation<'a> {
    /// Packs all of theta. Without `winograd` every convolution is computed by its definition.
    pub fn new(plan: &GradientPlan, layout: &Layout, theta: Numbers<'_>, winograd: bool) -> Self {
        let mut room = Vec::new();
        let single = narrowed(theta, &mut room);
        let forward = Station::new(&plan.plan, layout, Theta::Multiple(theta, 1.0), winograd);
        let mut back: Vec<_> = plan.plan.weights.iter().map(|_| None).collect();
        for step in &plan.back {
            let Back::Convolve { weights: index, to: Some(_), .. } = *step else { continue };
            let weights = &plan.plan.weights[index];
            let values = &single[layout.parameters[weights.weight.0].range()];
            let pack = |algorithm| {
                let instructions = InstructionSet::detect();
                PackedInputGradient::new(instructions, weights.shape, algorithm, values)
            };
            let fastest =
                if winograd { Algorithm::fastest(weights.shape) } else { Algorithm::Direct };
            back[index] = pack(fastest).or_else(|_| pack(Algorithm::Direct)).ok();
        }
        Self { forward, back, single: room }
    }

    /// Packs another theta, on all threads; if it is in 32 bits, weights that need no packing are read where they stand.
    pub fn move_to(&mut self, plan: &GradientPlan, layout: &Layout, theta: Numbers<'a>) {
        let Self { forward, back, single: room } = self;
        let single = narrowed(theta, room);
        let multiple = Theta::Multiple(theta, 1.0);
        let back = back.par_iter_mut().zip(&plan.plan.weights).with_max_len(1);
        rayon::join(
            || match theta {
                Numbers::Single([single]) => {
                    forward.repack_or_stand(&plan.plan, layout, multiple, single);
                }
                Numbers::Double(_) => forward.repack(&plan.plan, layout, multiple, single),
            },
            || {
                back.for_each(|(back, weights)| {
                    let values = &single[layout.parameters[weights.weight.0].range()];
                    back.iter_mut().for_each(|back| back.repack(values));
                });
            },
        );
    }

    /// The memory alone, for another theta.
    pub fn emptied<'b>(self) -> GradientStation<'b> {
        let Self { forward, back, single } = self;
        GradientStation { forward: forward.emptied(), back, single }
    }
}

/// Theta in single precision, where it is or in `room`.
fn narrowed<'a>(theta: Numbers<'a>, room: &'a mut Vec<f32>) -> &'a [f32] {
    match theta {
        Numbers::Single([single]) => single,
        Numbers::Double(_) => {
            Theta::Multiple(theta, 1.0).narrow(room);
            room
        }
    }
}

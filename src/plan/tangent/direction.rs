//! A direction in theta, packed for the kernels.

use std::ops::Range;

use rayon::prelude::*;

use super::super::backward::GradientStation;
use super::super::step::Value;
use super::super::{Station, Theta};
use super::compile::CurvaturePlan;
use super::step::Along;
use super::workspace::CurvatureWorkspace;
use crate::kernels::{
    BatchGradient, InstructionSet, OwnProducts, PackedInputGradient, Scratch, Source, Target,
};
use crate::linalg::Numbers;
use crate::network::{Layout, ParameterId};

/// A multiple of a direction, packed. It moves to other directions in the same memory.
#[derive(Debug)]
pub struct DirectionStation {
    pub(super) station: Station<'static>,
    single: Vec<f32>,
    /// Layers whose direction is the gradient of a batch, and needs no weights.
    of_batch: Vec<Option<BatchGradient>>,
}

/// A direction packed for both ways.
#[derive(Debug)]
pub struct ReturnStation {
    pub(super) direction: DirectionStation,
    /// Of the weights whose input has a gradient.
    pub(super) back: Vec<Option<PackedInputGradient>>,
}

impl ReturnStation {
    /// Packs a direction. Without `winograd` every convolution is computed by its definition.
    pub fn new(plan: &CurvaturePlan, layout: &Layout, direction: &[f64], winograd: bool) -> Self {
        let direction = Numbers::Double([direction]);
        let GradientStation { forward: station, back, single } =
            GradientStation::new(&plan.gradient, layout, direction, winograd);
        let of_batch = plan.gradient.plan.weights.iter().map(|_| None).collect();
        Self { direction: DirectionStation { station, single, of_batch }, back }
    }

    /// The way forwards alone.
    pub fn forward(&self) -> &DirectionStation {
        &self.direction
    }
}

impl DirectionStation {
    /// Packs a multiple of a direction. Without `winograd` every convolution is computed by its
    /// definition.
    pub fn new(
        plan: &CurvaturePlan,
        layout: &Layout,
        (direction, factor): (Numbers<'_>, f64),
        winograd: bool,
    ) -> Self {
        let plan = &plan.gradient.plan;
        let station = Station::new(plan, layout, Theta::Multiple(direction, factor), winograd);
        let of_batch = plan.weights.iter().map(|_| None).collect();
        Self { station, single: Vec::new(), of_batch }
    }

    /// Packs a multiple of another direction, on all threads.
    pub fn move_to(
        &mut self,
        plan: &CurvaturePlan,
        layout: &Layout,
        (direction, factor): (Numbers<'_>, f64),
    ) {
        let Self { station, single, of_batch } = self;
        station.move_to(&plan.gradient.plan, layout, Theta::Multiple(direction, factor), single);
        of_batch.fill_with(|| None);
    }

    /// As [`DirectionStation::move_to`] for the gradient of the mean loss of the batch that `workspace`
    /// was computed with. Fully connected layers take it from the batch where that takes fewer products.
    pub fn move_to_gradient(
        &mut self,
        plan: &CurvaturePlan,
        layout: &Layout,
        (gradient, factor): (Numbers<'_>, f64),
        images: &[f32],
        workspace: &CurvatureWorkspace,
    ) {
        let Self { station, of_batch, .. } = self;
        let forward = &plan.gradient.plan;
        let theta = Theta::Multiple(gradient, factor);
        station.move_norms(forward, layout, theta);
        let samples = workspace.gradient.samples;
        let single = |id: ParameterId| theta.single(layout.parameters[id.0].range());
        let all = station.packed.par_iter_mut().zip(of_batch).enumerate().with_max_len(1);
        all.for_each(|(index, (packed, of_batch))| {
            let weights = &forward.weights[index];
            let bias = weights.bias.map(single);
            let layer = plan.layer(index).filter(|_| BatchGradient::pays(weights.shape, samples));
            let Some((from, adjoint)) = layer else {
                *of_batch = None;
                return packed.repack(&single(weights.weight), bias.as_deref());
            };
            let room = of_batch.take().filter(|room| room.samples() == samples);
            let new = || BatchGradient::new(InstructionSet::detect(), weights.shape, samples);
            *of_batch = room.or_else(|| new().ok());
            let read = workspace.gradient.forward.source(from, images, 0..samples);
            let len = samples * weights.shape.outputs;
            let adjoints = &workspace.gradient.gradients[adjoint][..len];
            let factor = (factor / samples as f64) as f32;
            if let Some(room) = of_batch {
                room.repack(read, (adjoints, factor), bias.as_deref());
                room.own_products().into_par_iter().with_max_len(1).for_each(OwnProducts::run);
                room.join();
            }
        });
    }

    /// A layer's product of what it reads of some samples with its direction, and bias.
    pub(super) fn forward(
        &self,
        weights: usize,
        (samples, source): (Range<usize>, Source<'_>),
        target: Target<'_>,
        scratch: &mut Scratch,
    ) {
        match &self.of_batch[weights] {
            Some(of_batch) => of_batch.forward_own(samples, target, scratch),
            None => self.station.packed[weights].forward(source, target, scratch),
        }
    }

    /// The same without bias.
    pub(super) fn product(
        &self,
        weights: usize,
        source: Source<'_>,
        target: Target<'_>,
        scratch: &mut Scratch,
    ) {
        match &self.of_batch[weights] {
            Some(of_batch) => of_batch.product(source, target, scratch),
            None => self.station.packed[weights].product(source, target, scratch),
        }
    }
}

impl CurvaturePlan {
    /// What a layer reads, and the buffer with the adjoints of what it writes.
    fn layer(&self, index: usize) -> Option<(Value, usize)> {
        self.steps.iter().find_map(|step| match *step {
            Along::Convolve { weights, from, place, .. } if weights == index => {
                let adjoint = self.gradient.adjoints.places[place]?;
                Some((from, adjoint))
            }
            _ => None,
        })
    }
}

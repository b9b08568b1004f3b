//! One batch back along a direction: how its gradient moves.

use std::ops::Range;

use super::super::backward::{
    Back, BiasGradient, Cotangents, GradientStation, GradientWorkspace, Origin, Passing, To,
    add_pixels, scale, weight_gradient,
};
use super::super::shares::shared;
use super::super::step::{Place, Value};
use super::compile::CurvaturePlan;
use super::direction::ReturnStation;
use super::norm::Here;
use super::norm_back::{NormBackAlong, Turned};
use super::run::{Course, GivenAlong, Order, Tangent};
use super::step::Along;
use super::workspace::{BackWorkspace, CurvatureWorkspace};
use crate::kernels::{Aligned, InstructionSet, Source, norm_gradient};
use crate::network::Layout;

/// How a batch goes back along a direction.
#[derive(Debug, Clone, Copy)]
pub struct Turn<'a> {
    /// [n, h, w, c].
    pub images: &'a [f32],
    /// How the statistics of norms move.
    pub given: GivenAlong<'a>,
    /// How the cotangents move that the batch's way back was given, norm by norm.
    pub cotangents: Option<&'a [Cotangents]>,
}

impl CurvaturePlan {
    /// Moves the last batch, which has been [run](Self::run), along a direction and back: `loss` writes how
    /// the gradient with respect to the logits moves. How that with respect to theta does can then be
    /// [read](Self::read_along). The plan must [keep](Self::keeping) its tangents.
    pub fn back_along(
        &self,
        station: &GradientStation,
        direction: &ReturnStation,
        turn: Turn<'_>,
        workspace: &mut CurvatureWorkspace,
        loss: impl FnOnce(Tangent<'_>, &mut [f32]),
    ) {
        let Turn { images, given, .. } = turn;
        let course = Course { images, given, cotangents: None, order: Order::Back };
        let logits = self.gradient.logits;
        let mut gradient = std::mem::take(&mut workspace.back.gradients[logits]);
        let tangent = self.along(station, direction.forward(), course, workspace);
        loss(tangent, gradient.of_len(tangent.along.len()));
        workspace.back.gradients[logits] = gradient;
        let samples = images.len() / self.gradient.plan.input.len();
        let mut way = Way { plan: self, station, direction, turn, samples, workspace };
        self.gradient.back.iter().for_each(|step| way.step(step));
    }

    /// Writes a multiple of how the last batch's gradient with respect to theta moves.
    pub fn read_along(
        &self,
        workspace: &CurvatureWorkspace,
        layout: &Layout,
        factor: f64,
        gradient: &mut [f64],
    ) {
        let CurvatureWorkspace { gradient: before, back, .. } = workspace;
        let BackWorkspace { weights, biases, norms, .. } = back;
        let samples = before.samples;
        self.gradient.write(before, layout, gradient, |origin, first, to| match origin {
            Origin::Weights(index) => {
                weights[index].read(samples, factor, first, to);
            }
            Origin::Bias(index) => scale(&biases[index][first..], factor, to),
            Origin::Gamma(index) => scale(&norms[index].gamma[first..], factor, to),
            Origin::Beta(index) => scale(&norms[index].beta[first..], factor, to),
        });
    }

    /// The tangent of what a convolution reads; none of the images.
    pub(in super::super) fn input(&self, index: usize) -> Option<usize> {
        self.steps.iter().find_map(|step| match *step {
            Along::Convolve { weights, tangent, .. } if weights == index => tangent,
            _ => None,
        })
    }

    /// The tangent of what a smooth function reads in a place.
    fn smoothed(&self, place: Place) -> Option<usize> {
        self.steps.iter().find_map(|step| match *step {
            Along::Smooth { from, tangent, .. } if from.place == place => Some(tangent),
            _ => None,
        })
    }

    /// The tangent of what a norm reads.
    pub(in super::super) fn normed(&self, norm: usize) -> Option<usize> {
        self.steps.iter().find_map(|step| match *step {
            Along::Apply { from, tangent, .. } if from.norm == Some(norm) => Some(tangent),
            _ => None,
        })
    }
}

/// A batch on its way back along a direction.
struct Way<'a> {
    plan: &'a CurvaturePlan,
    station: &'a GradientStation<'a>,
    direction: &'a ReturnStation,
    turn: Turn<'a>,
    samples: usize,
    workspace: &'a mut CurvatureWorkspace,
}

impl Way<'_> {
    fn step(&mut self, step: &Back) {
        match *step {
            Back::Convolve { weights, from, gradient, bias, to } => {
                self.weights(weights, from, gradient);
                self.bias(weights, bias, gradient);
                if let Some(to) = to {
                    self.convolve(weights, from, gradient, to);
                }
            }
            Back::Normalise { norm, from, gradient, other, to } => {
                self.normalise(norm, from, [gradient, to], other);
            }
            Back::Smooth { .. } => self.smooth(step),
            _ => self.passing().0.step(step),
        }
    }

    /// f'(x) (dL/df)' + f''(x) x1 dL/df.
    fn smooth(&mut self, step: &Back) {
        let Back::Smooth { function, from, gradient, to } = *step else { return };
        let Some(tangent) = self.plan.smoothed(from.place) else { return };
        let CurvatureWorkspace { tangents, .. } = &mut *self.workspace;
        let tangents = std::mem::take(tangents);
        let (mut passing, adjoints) = self.passing();
        let each = from.len();
        passing.write(from, to, |samples, target, passing| {
            let own = samples.start * each..samples.end * each;
            let at = passing.forward.part(from.place, passing.images, each, &samples);
            let moved = passing.part(gradient, each, &samples);
            let second = Some([&tangents[tangent][own.clone()], &adjoints[gradient][own]]);
            let instructions = InstructionSet::detect();
            function.gradient(instructions, at, (moved, second), to.adds, target.pixels);
        });
        self.workspace.tangents = tangents;
    }

    /// How gradients move, and the gradients themselves.
    fn passing(&mut self) -> (Passing<'_>, &[Aligned]) {
        let CurvatureWorkspace {
            gradient: GradientWorkspace { forward, gradients, .. }, back, ..
        } = &mut *self.workspace;
        let BackWorkspace { gradients: moved, sums, .. } = back;
        let (images, samples) = (self.turn.images, self.samples);
        (Passing { forward, images, samples, gradients: moved, sums }, gradients)
    }

    /// x (dL/dy)' + x1 dL/dy.
    fn weights(&mut self, weights: usize, from: Value, gradient: usize) {
        let shape = self.plan.gradient.plan.weights[weights].shape;
        let all = 0..self.samples;
        let mut gradients = std::mem::take(&mut self.workspace.back.weights);
        let (own, algorithm) = (&mut gradients[weights], self.station.forward.algorithm(weights));
        let forward = &self.workspace.gradient.forward;
        let source = self.source(from, all.clone());
        let moved = self.moved(gradient, shape.output_len(), &all);
        weight_gradient(forward, (own, algorithm, false), source, moved);
        if let Some(tangent) = self.plan.input(weights) {
            let pixels = self.tangent(tangent, from.len(), &all);
            let source = Source { pixels, normalise: None };
            let gradient = self.adjoint(gradient, shape.output_len(), &all);
            weight_gradient(forward, (own, algorithm, true), source, gradient);
        }
        self.workspace.back.weights = gradients;
    }

    fn bias(&mut self, weights: usize, how: BiasGradient, gradient: usize) {
        let BackWorkspace { biases, norms, gradients, .. } = &mut self.workspace.back;
        let shape = self.plan.gradient.plan.weights[weights].shape;
        let bias = &mut biases[weights];
        match how {
            BiasGradient::None => {}
            BiasGradient::OfNorm(norm) => bias.clone_from(&norms[norm].read),
            BiasGradient::Summed => {
                let gradient = &gradients[gradient][..self.samples * shape.output_len()];
                add_pixels(gradient, shape.outputs, bias);
            }
        }
    }

    /// The transpose of W applied to (dL/dy)', and that of V to dL/dy.
    fn convolve(&mut self, weights: usize, from: Value, gradient: usize, to: To) {
        let len = self.plan.gradient.plan.weights[weights].shape.output_len();
        let both = (&self.station.back[weights], &self.direction.back[weights]);
        let (Some(here), Some(along)) = both else { return };
        let (mut passing, adjoints) = self.passing();
        passing.write(from, To { gathers: None, ..to }, |samples, target, passing| {
            let source = Source { pixels: passing.part(gradient, len, &samples), normalise: None };
            passing.forward.scratches.with(|scratch| here.apply(source, target, scratch));
        });
        passing.write(from, To { adds: true, ..to }, |samples, target, passing| {
            let pixels = &adjoints[gradient][samples.start * len..samples.end * len];
            let source = Source { pixels, normalise: None };
            passing.forward.scratches.with(|scratch| along.apply(source, target, scratch));
        });
    }

    fn normalise(
        &mut self,
        norm: usize,
        from: Place,
        [gradient, to]: [usize; 2],
        other: Option<usize>,
    ) {
        let CurvatureWorkspace { back, products, .. } = &mut *self.workspace;
        let mut moves: NormBackAlong = std::mem::take(&mut back.norms[norm]);
        let mut out: Aligned = std::mem::take(&mut back.gradients[to]);
        let mut part: Aligned = std::mem::take(products);
        let way = &*self;
        let CurvatureWorkspace { gradient: before, norms, back, .. } = &*way.workspace;
        let (along, was) = (&norms[norm], &before.norms[norm]);
        let sizes = &way.plan.gradient.plan.norms[norm];
        let is_of_batch = matches!(way.turn.given, GivenAlong::Batch);
        let here = Here {
            gamma: &way.station.forward.norms[norm][0],
            direction: &way.direction.direction.station.norms[norm],
            statistics: &before.forward.statistics[norm],
        };
        let turned = Turned {
            here,
            along,
            back: was,
            count: is_of_batch.then_some(way.samples * sizes.pixels),
            cotangents: way.turn.cotangents.map(|all| &all[norm]),
        };
        moves.set(&back.sums.totals, turned);
        if let (Place::Buffer(_), Some(tangent)) = (from, way.plan.normed(norm)) {
            let each = sizes.pixels * sizes.channels;
            let len = way.samples * each;
            let instructions = InstructionSet::detect();
            let work = |samples: Range<usize>, [out, part]: [&mut [f32]; 2]| {
                let g = Some(way.adjoint(gradient, each, &samples));
                let other = other.map(|other| way.moved(other, each, &samples));
                let tangent = way.tangent(tangent, each, &samples);
                norm_gradient(
                    instructions,
                    moves.of_tangents(along, was),
                    tangent,
                    [g, other],
                    part,
                );
                let moved = Some(way.moved(gradient, each, &samples));
                let images = before.forward.part(from, way.turn.images, each, &samples);
                norm_gradient(instructions, moves.of_values(was), images, [moved, Some(part)], out);
            };
            let parts = [out.of_len(len), part.of_len(len)];
            shared(before.forward.shares, 0..way.samples, parts, &work);
        }
        let CurvatureWorkspace { back, products, .. } = &mut *self.workspace;
        back.norms[norm] = moves;
        back.gradients[to] = out;
        *products = part;
    }

    /// How a gradient of so many numbers a sample moves, for some samples.
    fn moved(&self, buffer: usize, each: usize, samples: &Range<usize>) -> &[f32] {
        &self.workspace.back.gradients[buffer][samples.start * each..samples.end * each]
    }

    /// The gradient itself.
    fn adjoint(&self, buffer: usize, each: usize, samples: &Range<usize>) -> &[f32] {
        &self.workspace.gradient.gradients[buffer][samples.start * each..samples.end * each]
    }

    /// A tangent of so many numbers a sample, for some samples.
    fn tangent(&self, tangent: usize, each: usize, samples: &Range<usize>) -> &[f32] {
        &self.workspace.tangents[tangent][samples.start * each..samples.end * each]
    }

    fn source(&self, value: Value, samples: Range<usize>) -> Source<'_> {
        self.workspace.gradient.forward.source(value, self.turn.images, samples)
    }
}

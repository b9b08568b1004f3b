//! One batch forwards and back.

use std::ops::Range;

use rayon::prelude::*;

use super::super::shares::{column_products, shared, totals};
use super::super::step::{Place, Value};
use super::super::{Given, Workspace};
use super::compile::GradientPlan;
use super::norm::{Cotangents, Here};
use super::station::GradientStation;
use super::step::{Back, BiasGradient, To};
use super::workspace::{GradientWorkspace, Sums};
use crate::kernels::{
    Algorithm, Aligned, InstructionSet, Source, Statistics, Target, WeightGradient,
    WeightGradientPart, average_pool_gradient, max_pool_gradient, norm_gradient,
};

/// What a batch is computed with.
#[derive(Debug, Clone, Copy)]
pub struct Backward<'a> {
    /// Where norms take their statistics from.
    pub given: Given<'a>,
    /// [n, h, w, c].
    pub images: &'a [f32],
    /// How the loss depends on the batch's own statistics by other ways, norm by norm.
    pub cotangents: Option<&'a [Cotangents]>,
    /// What the gradient is with respect to.
    pub of: Sought,
}

/// What a gradient is with respect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sought {
    /// Theta, and activations on the way.
    Theta,
    /// Activations and statistics alone.
    Activations,
}

impl GradientPlan {
    /// Runs a batch forwards, has `loss` read the logits [n, classes] and write the gradient with respect
    /// to them, and runs back. The gradient with respect to theta can then be [read](Self::read).
    pub fn run<T>(
        &self,
        station: &GradientStation,
        pass: Backward<'_>,
        workspace: &mut GradientWorkspace,
        loss: impl FnOnce(&[f32], &mut [f32]) -> T,
    ) -> T {
        let samples = pass.images.len() / self.plan.input.len();
        workspace.samples = samples;
        let logits =
            self.plan.run(&station.forward, pass.given, pass.images, &mut workspace.forward);
        let gradient = workspace.gradients[self.logits].of_len(logits.len());
        let result = loss(logits, gradient);
        let mut back = Way { plan: self, station, pass, samples, workspace };
        self.back.iter().for_each(|step| back.step(step));
        result
    }

    /// Runs a batch forwards alone; the result is the logits [n, classes].
    pub fn forward<'w>(
        &self,
        station: &GradientStation,
        pass: Backward<'_>,
        workspace: &'w mut GradientWorkspace,
    ) -> &'w [f32] {
        self.plan.run(&station.forward, pass.given, pass.images, &mut workspace.forward)
    }
}

/// A batch on its way back.
struct Way<'a> {
    plan: &'a GradientPlan,
    station: &'a GradientStation<'a>,
    pass: Backward<'a>,
    samples: usize,
    workspace: &'a mut GradientWorkspace,
}

impl Way<'_> {
    fn step(&mut self, step: &Back) {
        match *step {
            Back::Convolve { weights, from, gradient, bias, to } => {
                if self.pass.of == Sought::Theta {
                    self.weights(weights, from, gradient);
                    self.bias(weights, bias, gradient);
                }
                self.convolve(weights, from, gradient, to);
            }
            Back::Normalise { norm, from, gradient, other, to } => {
                self.normalise(norm, from, [gradient, to], other);
            }
            _ => self.passing().step(step),
        }
    }

    fn passing(&mut self) -> Passing<'_> {
        let GradientWorkspace { forward, gradients, sums, .. } = &mut *self.workspace;
        Passing { forward, images: self.pass.images, samples: self.samples, gradients, sums }
    }

    fn weights(&mut self, weights: usize, from: Value, gradient: usize) {
        let shape = self.plan.plan.weights[weights].shape;
        let mut all = std::mem::take(&mut self.workspace.weights);
        let everything = 0..self.samples;
        let source = self.source(from, everything.clone());
        let gradient = self.gradient(gradient, shape.output_len(), &everything);
        let own = (&mut all[weights], self.station.forward.algorithm(weights), false);
        weight_gradient(&self.workspace.forward, own, source, gradient);
        self.workspace.weights = all;
    }

    /// The gradient of a convolution's input.
    fn convolve(&mut self, weights: usize, from: Value, gradient: usize, to: Option<To>) {
        let len = self.plan.plan.weights[weights].shape.output_len();
        let (Some(to), Some(packed)) = (to, &self.station.back[weights]) else { return };
        self.passing().write(from, to, |samples, target, passing| {
            let source = Source { pixels: passing.part(gradient, len, &samples), normalise: None };
            passing.forward.scratches.with(|scratch| packed.apply(source, target, scratch));
        });
    }

    fn bias(&mut self, weights: usize, how: BiasGradient, gradient: usize) {
        let GradientWorkspace { biases, norms, gradients, .. } = &mut *self.workspace;
        let shape = self.plan.plan.weights[weights].shape;
        let bias = &mut biases[weights];
        bias.clear();
        match how {
            BiasGradient::None => {}
            BiasGradient::OfNorm(norm) => bias.extend_from_slice(&norms[norm].read),
            BiasGradient::Summed => {
                let gradient = &gradients[gradient][..self.samples * shape.output_len()];
                add_pixels(gradient, shape.outputs, bias);
            }
        }
    }

    fn normalise(
        &mut self,
        norm: usize,
        from: Place,
        [gradient, to]: [usize; 2],
        other: Option<usize>,
    ) {
        let GradientWorkspace { norms, sums, forward, .. } = &mut *self.workspace;
        let sizes = &self.plan.plan.norms[norm];
        let count = match self.pass.given {
            Given::Batch(_) => Some(self.samples * sizes.pixels),
            Given::Frozen(_) => None,
        };
        norms[norm].set(
            &sums.totals,
            Here {
                gamma: &self.station.forward.norms[norm][0],
                statistics: &forward.statistics[norm],
                count,
                cotangents: self.pass.cotangents.map(|all| &all[norm]),
            },
        );
        if from == Place::Images {
            return;
        }
        let each = sizes.pixels * sizes.channels;
        let mut out: Aligned = std::mem::take(&mut self.workspace.gradients[to]);
        let way = &*self;
        let work = |samples: Range<usize>, [out, _]: [&mut [f32]; 2]| {
            let images = way.images(from, each, &samples);
            let others = [(gradient != to).then_some(gradient), other]
                .map(|other| other.map(|other| way.gradient(other, each, &samples)));
            let coefficients = way.workspace.norms[norm].coefficients();
            norm_gradient(InstructionSet::detect(), coefficients, images, others, out);
        };
        let shares = way.workspace.forward.shares;
        shared(shares, 0..self.samples, [out.of_len(self.samples * each), &mut []], &work);
        self.workspace.gradients[to] = out;
    }

    /// Some samples of a buffer of gradients with so many numbers for each.
    fn gradient(&self, buffer: usize, each: usize, samples: &Range<usize>) -> &[f32] {
        &self.workspace.gradients[buffer][samples.start * each..samples.end * each]
    }

    fn images(&self, place: Place, each: usize, samples: &Range<usize>) -> &[f32] {
        self.workspace.forward.part(place, self.pass.images, each, samples)
    }

    fn source(&self, value: Value, samples: Range<usize>) -> Source<'_> {
        self.workspace.forward.source(value, self.pass.images, samples)
    }
}

/// The gradient of weights from what they read and from the gradients of what they wrote, added to what is there
/// or not; by parts at once where threads share the batch.
pub(in super::super) fn weight_gradient(
    forward: &Workspace,
    (weights, algorithm, adds): (&mut WeightGradient, Algorithm, bool),
    source: Source<'_>,
    gradient: &[f32],
) {
    let samples = source.pixels.len() / weights.shape().input_len();
    let part = |part: WeightGradientPart<'_>| {
        forward.scratches.with(|scratch| part.run(source, gradient, scratch));
    };
    let parts = weights.parts((algorithm, forward.shares), samples, adds);
    if forward.shares > 1 {
        parts.into_par_iter().for_each(part);
    } else {
        parts.into_iter().for_each(part);
    }
}

/// The sums over pixels of gradients [pixels, outputs].
pub(in super::super) fn add_pixels(gradient: &[f32], outputs: usize, sums: &mut Vec<f64>) {
    sums.clear();
    sums.resize(outputs, 0.0);
    for pixel in gradient.chunks_exact(outputs) {
        sums.iter_mut().zip(pixel).for_each(|(sum, &x)| *sum += f64::from(x));
    }
}

/// Gradients of a batch on their way, or how they move.
pub(in super::super) struct Passing<'a> {
    pub forward: &'a Workspace,
    /// [n, h, w, c].
    pub images: &'a [f32],
    pub samples: usize,
    pub gradients: &'a mut [Aligned],
    pub sums: &'a mut Sums,
}

impl Passing<'_> {
    /// A step that takes gradients alone.
    pub fn step(&mut self, step: &Back) {
        let instructions = InstructionSet::detect();
        match *step {
            Back::Convolve { .. } | Back::Normalise { .. } => {}
            Back::MaxPool { from, size, gradient, to } => {
                self.write(from, to, |samples, target, passing| {
                    let gradient = passing.part(gradient, from.len() / (size * size), &samples);
                    let source = passing.forward.source(from, passing.images, samples);
                    max_pool_gradient(instructions, source, from.shape, size, gradient, target);
                });
            }
            Back::AveragePool { from, gradient, to } => {
                let [height, width, channels] = from.shape;
                self.write(from, to, |samples, target, passing| {
                    let gradient = passing.part(gradient, channels, &samples);
                    average_pool_gradient(instructions, height * width, channels, gradient, target);
                });
            }
            Back::Smooth { function, from, gradient, to } => {
                self.write(from, to, |samples, target, passing| {
                    let at = passing.forward.part(from.place, passing.images, from.len(), &samples);
                    let gradient = passing.part(gradient, from.len(), &samples);
                    function.gradient(instructions, at, (gradient, None), to.adds, target.pixels);
                });
            }
            Back::Sum { gradient, to, len } => {
                let mut sum = std::mem::take(&mut self.gradients[to]);
                let gradient = self.part(gradient, len, &(0..self.samples));
                sum.iter_mut().zip(gradient).for_each(|(sum, gradient)| *sum += gradient);
                self.gradients[to] = sum;
            }
            Back::Copy { gradient, to, len } => {
                let mut copy = std::mem::take(&mut self.gradients[to]);
                let gradient = self.part(gradient, len, &(0..self.samples));
                copy.of_len(gradient.len()).copy_from_slice(gradient);
                self.gradients[to] = copy;
            }
        }
    }

    /// Has `fill` write the gradient with respect to a value, share by share, and takes the sums that a norm asks
    /// for.
    pub fn write(
        &mut self,
        from: Value,
        To { buffer, adds, gathers }: To,
        fill: impl Fn(Range<usize>, Target<'_>, &Self) + Sync,
    ) {
        let mut out: Aligned = std::mem::take(&mut self.gradients[buffer]);
        let mut sums = std::mem::take(&mut self.sums.samples);
        let passing = &*self;
        let forward = passing.forward;
        let channels = from.shape[2];
        let shift = gathers.map(|norm| forward.affine[norm].mean());
        let by_sample = shift.filter(|_| !from.is_pixel());
        let len = by_sample.map_or(0, |_| 2 * channels * self.samples);
        sums.resize(len.max(sums.len()), 0.0);
        let work = |samples: Range<usize>, [pixels, sums]: [&mut [f32]; 2]| {
            let read = forward.source(from, passing.images, samples.clone());
            sums.fill(0.0);
            let statistics = by_sample.map(|shift| Statistics { shift, sums });
            let target = Target { adds, statistics, through: Some(read), ..Target::plain(pixels) };
            fill(samples, target, passing);
        };
        let pixels = out.of_len(passing.samples * from.len());
        shared(forward.shares, 0..passing.samples, [pixels, &mut sums[..len]], &work);
        if by_sample.is_some() {
            self.sums.totals = totals(forward.shares, &sums[..len], 2 * channels);
        } else if let Some(shift) = shift {
            let images = forward.part(from.place, passing.images, channels, &(0..passing.samples));
            self.sums.totals = column_products(forward.shares, [&out, images], shift);
        }
        self.sums.samples = sums;
        self.gradients[buffer] = out;
    }

    /// Some samples of a buffer with so many numbers for each.
    pub fn part(&self, buffer: usize, each: usize, samples: &Range<usize>) -> &[f32] {
        &self.gradients[buffer][samples.start * each..samples.end * each]
    }
}

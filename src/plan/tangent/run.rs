//! One batch along one direction.

use super::super::NormStatistics;
use super::super::backward::{Backward, Cotangents, GradientStation};
use super::super::shares::column_products;
use super::super::step::{Place, Value};
use super::compile::CurvaturePlan;
use super::direction::DirectionStation;
use super::norm::NormAlong;
use super::pass::Pass;
use super::step::Along;
use super::workspace::CurvatureWorkspace;
use crate::kernels::{
    Aligned, InstructionSet, Source, Statistics, Target, Weighed, average_pool, max_pool_gradient,
    max_pool_tangent, norm_tangent,
};
use crate::network::Layout;
use crate::precision::Number;

/// How a batch moves.
#[derive(Debug, Clone, Copy)]
pub struct Course<'a> {
    /// [n, h, w, c].
    pub images: &'a [f32],
    /// How the statistics of norms move.
    pub given: GivenAlong<'a>,
    /// How the loss depends on the batch's own statistics by other ways, norm by norm.
    pub cotangents: Option<&'a [Cotangents]>,
    /// What is computed.
    pub order: Order,
}

/// How the statistics of norms move.
#[derive(Debug, Clone, Copy)]
pub enum GivenAlong<'a> {
    /// As those of the batch.
    Batch,
    /// So, one for each norm.
    Frozen(&'a [NormStatistics]),
}

/// What is computed along a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Tangents.
    First,
    /// Terms of second order too, which take the adjoints of a [`CurvaturePlan::run`].
    Second,
    /// What the way [back](CurvaturePlan::back_along) takes too, as do these.
    Back,
}

/// What a batch's way along a direction leaves.
#[derive(Debug, Clone, Copy)]
pub struct Tangent<'a> {
    /// The logits [n, classes].
    pub logits: &'a [f32],
    /// How they move, to first order.
    pub along: &'a [f32],
    /// The second Taylor coefficient of the summed loss, less what the loss as a function of the logits adds.
    pub second: f64,
}

impl CurvaturePlan {
    /// Runs a batch forwards; the result is the logits [n, classes].
    pub fn forward<'w>(
        &self,
        station: &GradientStation,
        pass: Backward<'_>,
        workspace: &'w mut CurvatureWorkspace,
    ) -> &'w [f32] {
        self.gradient.forward(station, pass, &mut workspace.gradient)
    }

    /// As [`GradientPlan::run`](super::super::GradientPlan::run), with all adjoints kept.
    pub fn run<T>(
        &self,
        station: &GradientStation,
        pass: Backward<'_>,
        workspace: &mut CurvatureWorkspace,
        loss: impl FnOnce(&[f32], &mut [f32]) -> T,
    ) -> T {
        self.gradient.run(station, pass, &mut workspace.gradient, loss)
    }

    /// As [`GradientPlan::read`](super::super::GradientPlan::read).
    pub fn read<T: Number>(
        &self,
        workspace: &CurvatureWorkspace,
        layout: &Layout,
        factor: f64,
        gradient: &mut [T],
    ) {
        self.gradient.read(&workspace.gradient, layout, factor, gradient);
    }

    /// The last batch along a direction.
    pub fn along<'w>(
        &self,
        station: &GradientStation,
        direction: &DirectionStation,
        course: Course<'_>,
        workspace: &'w mut CurvatureWorkspace,
    ) -> Tangent<'w> {
        let samples = course.images.len() / self.gradient.plan.input.len();
        let here = &station.forward;
        let mut pass =
            Pass { plan: self, here, direction, course, samples, second: 0.0, workspace };
        self.steps.iter().for_each(|step| pass.step(step));
        let second = pass.second;
        let output = self.gradient.plan.output;
        let forward = &workspace.gradient.forward;
        Tangent {
            logits: forward.part(output.place, &[], output.len(), &(0..samples)),
            along: &workspace.tangents[self.output][..samples * output.len()],
            second,
        }
    }
}

impl Pass<'_> {
    fn step(&mut self, step: &Along) {
        let instructions = InstructionSet::detect();
        match *step {
            Along::Convolve { .. } => self.convolve(step),
            Along::Gather { from, tangent, norm } => self.gather(from, tangent, norm),
            Along::Normalise { norm } => self.normalise(norm),
            Along::Apply { from, tangent, to, weighs } => match from.norm {
                Some(norm) => self.apply(norm, from, [tangent, to], weighs),
                None => self.rectify(from, tangent, to),
            },
            Along::MaxPool { from, tangent, size, to } => {
                self.write(to, from.len() / (size * size), |samples, out, pass| {
                    let tangent = pass.tangent(tangent, from.len(), &samples);
                    let source = pass.source(from, samples);
                    max_pool_tangent(instructions, source, from.shape, size, tangent, out);
                });
            }
            Along::AveragePool { shape: [height, width, channels], tangent, to } => {
                self.write(to, channels, |samples, out, pass| {
                    let pixels = pass.tangent(tangent, height * width * channels, &samples);
                    let source = Source { pixels, normalise: None };
                    average_pool(instructions, source, height * width, channels, out);
                });
            }
            Along::Smooth { .. } => self.smooth(step),
            Along::Add { tangents, len, to } => self.write(to, len, |samples, out, pass| {
                let [a, b] = tangents.map(|tangent| pass.tangent(tangent, len, &samples));
                let pairs = a.iter().zip(b);
                out.iter_mut().zip(pairs).for_each(|(sum, (a, b))| *sum = a + b);
            }),
            Along::Still { len, to } => self.write(to, len, |_, out, _| out.fill(0.0)),
        }
    }

    fn convolve(&mut self, step: &Along) {
        let Along::Convolve { weights, from, tangent, shortcut, place, to, gathers } = *step else {
            return;
        };
        let shape = self.plan.gradient.plan.weights[weights].shape;
        let each = shape.output_len();
        let gathers = gathers.filter(|_| self.is_of_batch());
        let is_pixel = shape.output_size() == [1, 1];
        let by_sample = gathers.filter(|_| !is_pixel);
        let beside = if by_sample.is_some() { 2 * shape.outputs } else { 0 };
        self.write_with(to, each, beside, |samples, [pixels, sums], pass| {
            let forward = &pass.workspace.gradient.forward;
            let read = pass.plain(Place::Buffer(place), each, &samples);
            let mut statistics =
                by_sample.map(|norm| Statistics { shift: forward.affine[norm].mean(), sums });
            forward.scratches.with(|scratch| {
                let x = (samples.clone(), pass.source(from, samples.clone()));
                let shortcut = shortcut.map(|shortcut| pass.tangent(shortcut, each, &samples));
                let own = statistics.take_if(|_| tangent.is_none());
                let through = Some(read);
                let target =
                    Target { shortcut, statistics: own, through, ..Target::plain(&mut *pixels) };
                pass.direction.forward(weights, x, target, scratch);
                let Some(tangent) = tangent else { return };
                let pixels_along = pass.tangent(tangent, from.len(), &samples);
                let along = Source { pixels: pixels_along, normalise: None };
                let target = Target { adds: true, statistics, through, ..Target::plain(pixels) };
                pass.here.packed[weights].product(along, target, scratch);
            });
        });
        if let Some(norm) = gathers {
            self.workspace.norms[norm].sums = if is_pixel {
                self.column_sums(norm, (to, Place::Buffer(place)))
            } else {
                self.totals(beside)
            };
        }
        if let (Some(tangent), Order::Second) = (tangent, self.course.order) {
            self.weigh(weights, from, tangent, place);
        }
    }

    /// Adds <dL/dy, U x1>.
    fn weigh(&mut self, weights: usize, from: Value, tangent: usize, place: usize) {
        let Some(adjoint) = self.plan.gradient.adjoints.places[place] else { return };
        let shape = self.plan.gradient.plan.weights[weights].shape;
        let each = shape.output_len();
        let mut products: Aligned = std::mem::take(&mut self.workspace.products);
        let channels = shape.outputs;
        let is_pixel = shape.output_size() == [1, 1];
        let beside = if is_pixel { 0 } else { 2 * channels };
        self.fill(&mut products, each, beside, |samples, [pixels, sums], pass| {
            let forward = &pass.workspace.gradient.forward;
            let adjoint = pass.adjoint(adjoint, each, &samples);
            let read = Source { pixels: adjoint, normalise: None };
            let shift = &forward.identity.mean()[..channels];
            let statistics = (!is_pixel).then_some(Statistics { shift, sums });
            let target = Target { statistics, through: Some(read), ..Target::plain(pixels) };
            let tangent = pass.tangent(tangent, from.len(), &samples);
            let source = Source { pixels: tangent, normalise: None };
            let direction = pass.direction;
            forward.scratches.with(|scratch| direction.product(weights, source, target, scratch));
        });
        let sums = if is_pixel {
            let adjoint = self.adjoint(adjoint, each, &(0..self.samples));
            let forward = &self.workspace.gradient.forward;
            let shift = &forward.identity.mean()[..channels];
            column_products(forward.shares, [&products, adjoint], shift)
        } else {
            self.totals(beside)
        };
        self.workspace.products = products;
        self.second += sums[channels..].iter().sum::<f64>();
    }

    /// The sums of x1 and x1 (x - m), for a norm of the batch.
    fn gather(&mut self, from: Value, tangent: usize, norm: usize) {
        if !self.is_of_batch() {
            return;
        }
        if from.is_pixel() {
            self.workspace.norms[norm].sums = self.column_sums(norm, (tangent, from.place));
            return;
        }
        let mut copy: Aligned = std::mem::take(&mut self.workspace.products);
        let channels = self.plan.gradient.plan.norms[norm].channels;
        self.fill(&mut copy, from.len(), 2 * channels, |samples, [pixels, sums], pass| {
            let read = pass.plain(from.place, from.len(), &samples);
            let shift = pass.workspace.gradient.forward.affine[norm].mean();
            let statistics = Some(Statistics { shift, sums });
            let target = Target { statistics, through: Some(read), ..Target::plain(pixels) };
            let tangent = pass.tangent(tangent, from.len(), &samples);
            // Windows of one pixel: a copy.
            max_pool_gradient(InstructionSet::detect(), read, from.shape, 1, tangent, target);
        });
        self.workspace.products = copy;
        self.workspace.norms[norm].sums = self.totals(2 * channels);
    }

    fn normalise(&mut self, norm: usize) {
        let count = self.count(norm);
        let given = match (self.course.given, count) {
            (GivenAlong::Frozen(all), _) => Err(&all[norm]),
            (GivenAlong::Batch, count) => Ok(count),
        };
        let mut along: NormAlong = std::mem::take(&mut self.workspace.norms[norm]);
        along.set(self.norm(norm), given);
        self.workspace.norms[norm] = along;
    }

    /// Past a norm and, where it has one behind it, the rectifier.
    fn apply(&mut self, norm: usize, from: Value, [tangent, to]: [usize; 2], weighs: bool) {
        let channels = from.shape[2];
        let (each, pixels) = (from.len(), from.len() / channels);
        let adjoint = self.plan.gradient.adjoints.norms[norm];
        let adjoint = adjoint.filter(|_| weighs && self.course.order != Order::First);
        let by_sample = adjoint.filter(|_| !from.is_pixel());
        let beside = if by_sample.is_some() { 2 * channels } else { 0 };
        self.write_with(to, each, beside, |samples, [out, sums], pass| {
            let coefficients = pass.workspace.norms[norm].coefficients();
            let tangent = pass.tangent(tangent, each, &samples);
            let adjoint = by_sample.map(|adjoint| pass.adjoint(adjoint, each, &samples));
            let weighed = adjoint.map(|adjoint| Weighed { adjoint, sums });
            let source = (pass.source(from, samples), pixels);
            let instructions = InstructionSet::detect();
            norm_tangent(instructions, coefficients, source, tangent, weighed, out);
        });
        if by_sample.is_some() {
            self.workspace.norms[norm].weighed = self.totals(beside);
        } else if let Some(adjoint) = adjoint {
            self.workspace.norms[norm].weighed = self.weighed_columns(norm, [tangent, adjoint]);
        }
        if adjoint.is_some() && self.course.order == Order::Second {
            let count = self.is_of_batch().then(|| self.count(norm));
            let back = &self.workspace.gradient.norms[norm];
            let cotangents = self.course.cotangents.map(|all| &all[norm]);
            let along = &self.workspace.norms[norm];
            self.second += along.second(self.norm(norm), count, back, cotangents);
        }
    }

    /// Past a smooth function, with 1/2 <dL/df, f'' x1²>.
    fn smooth(&mut self, step: &Along) {
        let Along::Smooth { function, from, tangent, place, to } = *step else { return };
        let adjoint = self.plan.gradient.adjoints.places[place];
        let adjoint = adjoint.filter(|_| self.course.order == Order::Second);
        let each = from.len();
        self.write_with(to, each, 1, |samples, [out, sums], pass| {
            let rows = out.chunks_exact_mut(each).zip(sums);
            for (sample, (out, sum)) in samples.zip(rows) {
                let own = sample..sample + 1;
                let at = pass.plain(from.place, each, &own).pixels;
                let tangent = pass.tangent(tangent, each, &own);
                let adjoint = adjoint.map(|adjoint| pass.adjoint(adjoint, each, &own));
                let instructions = InstructionSet::detect();
                *sum = function.tangent(instructions, at, (tangent, adjoint), out) as f32;
            }
        });
        if adjoint.is_some() {
            self.second += self.totals(1)[0];
        }
    }

    /// Past a rectifier alone.
    fn rectify(&mut self, from: Value, tangent: usize, to: usize) {
        self.write(to, from.len(), |samples, pixels, pass| {
            let tangent = pass.tangent(tangent, from.len(), &samples);
            let read = pass.source(from, samples);
            let target = Target { through: Some(read), ..Target::plain(pixels) };
            max_pool_gradient(InstructionSet::detect(), read, from.shape, 1, tangent, target);
        });
    }
}

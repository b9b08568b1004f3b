//! The steps of a batch's way back on a GPU: those of the CPU's [`GradientPlan`](crate::plan::GradientPlan).

use super::layout::refused;
use super::pass::{DevicePass, Turnable, Turned};
use crate::device::{
    self, Buffer, Convolution, NormBack, NormOperands, NormTurned, Operands, Read, Transformed,
    Weighed,
};
use crate::kernels::ConvolutionShape;
use crate::plan::backward::{Back, BiasGradient, To};
use crate::plan::step::{Place, Value, Weights};

impl DevicePass<'_> {
    pub(super) fn step(&mut self, step: &Back) {
        let client = &self.of.line.client;
        match *step {
            Back::Convolve { weights, from, gradient, bias, to } => {
                if let Some(theta) = &self.theta {
                    self.weights(weights, from, gradient, theta);
                    if bias == BiasGradient::Summed {
                        self.sum_bias(weights, self.gradient(gradient));
                    }
                }
                if let Some(to) = to {
                    self.convolve(weights, from, gradient, to);
                }
            }
            Back::MaxPool { from, size: 1, gradient, to } => {
                self.pass(from, self.reading(from).0, 1, self.gradient(gradient), to);
            }
            Back::MaxPool { from, size, gradient, to } => {
                let (read, operands) = self.reading(from);
                let [input, affine] = operands;
                let operands = [input, affine, self.gradient(gradient)];
                let output = self.output(from.shape);
                let before = self.before(to);
                device::max_pool_back(client, read, size, operands, before, output.clone());
                self.gradients[to.buffer] = Some(output);
            }
            Back::AveragePool { from, gradient, to } => {
                let [height, width, _] = from.shape;
                let gradient = self.gradient(gradient);
                self.pass(from, self.reading(from).0, height * width, gradient, to);
            }
            Back::Smooth { .. } => refused(),
            Back::Sum { gradient, to, .. } => {
                let [before, gradient] = [to, gradient].map(|index| self.gradient(index));
                let output = Buffer::fours(client, gradient.len());
                device::mix(client, 1.0, [before, gradient, output.clone()]);
                self.gradients[to] = Some(output);
            }
            Back::Normalise { norm, from, gradient, other, to } => {
                let output = self.normalise(norm, from, gradient, other);
                // None of the images; what is there stays.
                self.gradients[to] = output.or_else(|| self.gradients[to].clone());
            }
            Back::Copy { gradient, to, .. } => {
                self.gradients[to] = self.gradients[gradient].clone()
            }
        }
    }

    fn weights(&self, index: usize, from: Value, gradient: usize, theta: &Buffer) {
        let line = &self.of.line;
        let shape = line.plan.weights[index].shape;
        let form = Convolution { inputs: line.inputs(index), ..Convolution::of(shape) };
        let [height, width] = shape.output_size();
        let rows = self.batch.samples * height * width;
        let (entry, _) = line.entries(self.of.layout, index);
        let write = |form, [input, affine]: [Buffer; 2], gradient, adds| {
            let operands = [input, affine, gradient, theta.clone()];
            device::weight_gradient(&line.client, form, rows, entry, operands, adds);
        };
        let read = Convolution { norm: from.norm.is_some(), rectify: from.rectify, ..form };
        write(read, self.operands(from), self.gradient(gradient), false);
        if let Some(Turned { before, course, .. }) = &self.turned
            && let Some(tangent) = self.of.curvature.input(index)
        {
            let tangent = course.tangent(tangent);
            write(form, [tangent.clone(), tangent], before.gradient(gradient), true);
        }
    }

    fn sum_bias(&self, index: usize, gradient: Buffer) {
        let line = &self.of.line;
        let channels = line.plan.weights[index].shape.outputs.div_ceil(4);
        let sizes = [gradient.len() / channels, channels];
        let sums = Weighed { x: gradient, mean: None, factor: None };
        device::moments(&line.client, sizes, [sums], self.summed(index));
    }

    /// The gradient of a convolution's input.
    fn convolve(&mut self, index: usize, from: Value, gradient: usize, to: To) {
        let line = &self.of.line;
        let [pieces, _] = line.pieces[index];
        let inputs = line.inputs(index);
        let mut output = self.turned_product(index, self.gradient(gradient), &self.of.theta, None);
        if let Some(Turned { before, direction, .. }) = &self.turned {
            let gradient = before.gradient(gradient);
            output = self.turned_product(index, gradient, &direction.theta, Some(output));
        }
        if from.rectify || to.adds {
            // A fully connected layer reads the pieces of a row as they stand.
            let (read, _) = self.reading(from);
            let channels = inputs / pieces;
            let read =
                if pieces > 1 { Read { height: 1, width: pieces, channels, ..read } } else { read };
            self.pass(from, read, 1, output, to);
        } else {
            self.gradients[to.buffer] = Some(output);
        }
    }

    /// A layer's product backwards, with its weights in some theta, plus a sum.
    fn turned_product(
        &self,
        index: usize,
        gradient: Buffer,
        theta: &Turnable,
        sum: Option<Buffer>,
    ) -> Buffer {
        let line = &self.of.line;
        let Weights { shape, .. } = line.plan.weights[index];
        let inputs = line.inputs(index);
        let form = Convolution { shortcut: sum.is_some(), ..Convolution::back(shape, inputs) };
        let len = self.batch.samples * shape.height * shape.width * inputs;
        let output = Buffer::fours(&line.client, len);
        let none = gradient.clone();
        let operands = Operands {
            input: gradient,
            affine: none.clone(),
            weights: self.of.turned(theta, index),
            bias: none.clone(),
            shortcut: sum.unwrap_or(none),
            output: output.clone(),
            partials: Buffer::fours(&line.client, 1),
        };
        let turned = ConvolutionShape { inputs: shape.outputs, outputs: shape.inputs, ..shape };
        // What was made of inputs has room for what is made of outputs, and the other way around.
        let Transformed { weights, patches, products } = self.memory.transformed.clone();
        let memory = Transformed { weights, patches: products, products: patches };
        line.product((form, turned), self.batch.samples, operands, memory);
        output
    }

    /// From a gradient of means over pixels, or of what was read, to that of a value.
    fn pass(&mut self, from: Value, read: Read, pixels: usize, gradient: Buffer, to: To) {
        let client = &self.of.line.client;
        let [input, affine] = self.operands(from);
        let rows = self.batch.samples * read.height * read.width;
        let output = Buffer::fours(client, rows * read.channels);
        let operands = [input, affine, gradient];
        device::pass_back(client, read, pixels, operands, self.before(to), output.clone());
        self.gradients[to.buffer] = Some(output);
    }

    fn normalise(
        &mut self,
        norm: usize,
        from: Place,
        index: usize,
        other: Option<usize>,
    ) -> Option<Buffer> {
        let line = &self.of.line;
        let client = &line.client;
        let sizes = &line.plan.norms[norm];
        let (input, gradient) = (self.memory.at(from), self.gradient(index));
        let (cotangents, of_batch) = (self.cotangents(norm), self.given.is_empty());
        let other = other.map(|other| self.gradient(other));
        let output = (from != Place::Images).then(|| Buffer::fours(client, gradient.len()));
        if let Some(Turned { before, course, .. }) = &self.turned {
            let Some(tangent) = self.of.curvature.normed(norm) else {
                unreachable!("a norm that goes back is read")
            };
            let turned = NormTurned {
                input,
                tangent: course.tangent(tangent),
                gradient: before.gradient(index),
                moved: gradient,
                along: course.along(norm),
                left: before.left(norm),
                of_batch,
                cotangents,
                other,
            };
            let (sizes, here) = course.sizes(norm);
            device::norm_back_along(client, sizes, here, turned, self.left(norm), output.clone());
        } else {
            let (rows, channels) = (self.batch.samples * sizes.pixels, sizes.channels.div_ceil(4));
            let [gamma, _] = self.point.norms[norm].clone();
            let statistics = self.statistics(norm);
            let operands = NormOperands { input, gradient, statistics, gamma, cotangents, other };
            let sizes = NormBack { rows, channels, of_batch };
            device::norm_back(client, sizes, operands, self.left(norm), output.clone());
        }
        output
    }

    /// What other readers have written.
    fn before(&self, To { buffer, adds, .. }: To) -> Option<Buffer> {
        adds.then(|| self.gradient(buffer))
    }
}

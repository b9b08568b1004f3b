//! A batch forwards and back on a GPU: the gradient of its loss with respect to theta.
//!
//! The steps are those of the CPU's [`GradientPlan`]. Gradients are written to new memory, never over one
//! another, so that none has to be copied to stay.

use burn::cubecl::bytes::Bytes;
use burn::cubecl::prelude::{Client, CubeElement};
use burn::cubecl::server::ServerError;

use super::layout::fours_of;
use super::memory::Memory;
use super::{DeviceLine, DevicePoint, Group};
use crate::device::{
    self, Buffer, Convolution, Left, NormBack, NormOperands, Operands, Read, Rows,
};
use crate::kernels::ConvolutionShape;
use crate::network::{Layout, ParameterId};
use crate::plan::backward::{Back, BiasGradient, Cotangents, To};
use crate::plan::step::{Place, Value, Weights};
use crate::plan::{GradientPlan, NormStatistics};

/// Theta at one point on a device, for gradients there.
pub(crate) struct DeviceGradients<'a> {
    plan: &'a GradientPlan,
    layout: &'a Layout,
    line: DeviceLine<'a>,
    theta: Buffer,
}

/// What a batch is computed with.
#[derive(Clone, Copy)]
pub(crate) struct DeviceBatch<'a> {
    /// So many.
    pub samples: usize,
    /// Statistics that norms are given; else they take the batch's.
    pub given: Option<&'a [NormStatistics]>,
    /// How the loss depends on the batch's own statistics by other ways, norm by norm.
    pub cotangents: Option<&'a [Cotangents]>,
}

/// What a batch leaves.
pub(crate) struct DeviceGradient<T> {
    /// What the loss is.
    pub loss: T,
    /// With respect to theta.
    pub gradient: Vec<f32>,
    /// What norms saw of the batch.
    pub statistics: Vec<NormStatistics>,
    /// With respect to the statistics of every norm.
    pub cotangents: Vec<Cotangents>,
}

impl<'a> DeviceGradients<'a> {
    /// Uploads theta.
    pub fn new(
        plan: &'a GradientPlan,
        layout: &'a Layout,
        client: Client,
        theta: &[f64],
        winograd: bool,
    ) -> Self {
        let theta = device::upload(&client, theta.iter().copied());
        let ends = [theta.clone(), theta.clone()];
        let line = DeviceLine::between(&plan.plan, layout, client, ends, &[0.0], winograd);
        Self { plan, layout, line, theta }
    }

    /// Runs a batch of images forwards, has `loss` make of the logits, [n, classes], a result and the
    /// gradient with respect to them, and runs back.
    pub fn run<T>(
        &self,
        images: Buffer,
        batch: DeviceBatch<'_>,
        loss: impl FnOnce(&[f32]) -> (T, Vec<f32>),
    ) -> Result<DeviceGradient<T>, String> {
        let client = &self.line.client;
        let (mut memory, point, given) = self.start(images, batch);
        let logits = self.line.at(&mut memory, &point, false).swap_remove(0);
        let width = self.plan.plan.output.len();
        let logits = client.read_one(logits.handle()).map_err(problem)?;
        let (loss, gradient) = loss(&rows(&logits, width));
        let seed = Buffer::fours(client, batch.samples * width.div_ceil(4));
        device::fours(client, width, [Buffer::of(client, &gradient), seed.clone()]);

        let dimension = self.layout.dimension();
        let theta = Buffer::at(Buffer::fours(client, dimension.div_ceil(4)).handle(), dimension);
        let norms = self.plan.plan.norms.len();
        let gradients = vec![None; self.plan.buffers.len()];
        let left = vec![None; norms];
        let mut way = Way { of: self, memory, point, given, batch, gradients, left, theta };
        way.gradients[self.plan.logits] = Some(seed);
        self.plan.back.iter().for_each(|step| way.step(step));

        let statistics = (0..norms).map(|norm| way.statistics(norm));
        let left = way.left.iter().flatten().cloned();
        let results = [way.theta.clone()].into_iter().chain(statistics).chain(left);
        let results = client.read(results.map(|buffer| buffer.handle()).collect());
        let results = results.map_err(problem)?;
        let gradient = f32::from_bytes(&results[0])[..dimension].to_vec();
        let (statistics, left) = results[1..].split_at(norms);
        let pair = |bytes: &Bytes, first: usize, channels: usize| {
            let rows = rows(bytes, channels);
            let row = |row: usize| rows[row * channels..][..channels].iter().map(|&x| x.into());
            [row(first).collect(), row(first + 1).collect()]
        };
        let channels = self.plan.plan.norms.iter().map(|norm| norm.channels);
        let statistics = channels.clone().zip(statistics).map(|(channels, bytes)| {
            let [mean, variance] = pair(bytes, 0, channels);
            NormStatistics { mean, variance }
        });
        let cotangents = channels.zip(left).map(|(channels, bytes)| {
            let [mean, variance] = pair(bytes, Left::Mean as usize, channels);
            Cotangents { mean, variance }
        });
        let (statistics, cotangents) = (statistics.collect(), cotangents.collect());
        Ok(DeviceGradient { loss, gradient, statistics, cotangents })
    }

    /// What norms see of a batch.
    pub fn statistics(
        &self,
        images: Buffer,
        samples: usize,
    ) -> Result<Vec<NormStatistics>, String> {
        let batch = DeviceBatch { samples, given: None, cotangents: None };
        let (mut memory, point, _) = self.start(images, batch);
        let seen = self.line.at(&mut memory, &point, true);
        let seen = self.line.client.read(seen.iter().map(Buffer::handle).collect());
        let norms = self.plan.plan.norms.iter().zip(seen.map_err(problem)?);
        let norms = norms.map(|(norm, bytes)| {
            let rows: Vec<f64> = rows(&bytes, norm.channels).iter().map(|&x| x.into()).collect();
            let (mean, variance) = rows.split_at(norm.channels);
            NormStatistics { mean: mean.to_vec(), variance: variance.to_vec() }
        });
        Ok(norms.collect())
    }

    /// Memory for a batch with its images, and theta with the statistics that are given.
    fn start(
        &self,
        images: Buffer,
        DeviceBatch { samples, given, .. }: DeviceBatch<'_>,
    ) -> (Memory, DevicePoint, Vec<Buffer>) {
        let mut memory = self.line.memory(Group { batches: 1, samples });
        self.line.place(&mut memory, images);
        let mut point = self.line.points[0].clone();
        let given = given.map(|given| self.line.given(&point, given));
        let (given, affine): (Vec<Buffer>, Vec<Buffer>) =
            given.iter().flatten().cloned().map(|[given, affine]| (given, affine)).unzip();
        point.frozen = (!given.is_empty()).then_some(affine);
        (memory, point, given)
    }
}

fn problem(error: ServerError) -> String {
    error.to_string()
}

/// Rows without what fills them up to fours.
fn rows(bytes: &Bytes, width: usize) -> Vec<f32> {
    let rows = f32::from_bytes(bytes).chunks_exact(width.next_multiple_of(4));
    rows.flat_map(|row| &row[..width]).copied().collect()
}

/// A batch on its way back.
struct Way<'a> {
    of: &'a DeviceGradients<'a>,
    memory: Memory,
    point: DevicePoint,
    /// Mean and variance of every norm, where they are given.
    given: Vec<Buffer>,
    batch: DeviceBatch<'a>,
    gradients: Vec<Option<Buffer>>,
    /// What each norm leaves.
    left: Vec<Option<Buffer>>,
    /// The gradient.
    theta: Buffer,
}

impl Way<'_> {
    fn step(&mut self, step: &Back) {
        let client = &self.of.line.client;
        match *step {
            Back::Convolve { weights, from, gradient, bias, to } => {
                let gradient = self.gradient(gradient);
                self.weights(weights, from, gradient.clone());
                self.bias(weights, bias, gradient.clone());
                if let Some(to) = to {
                    self.convolve(weights, from, gradient, to);
                }
            }
            Back::MaxPool { from, size, gradient, to } => {
                let (read, operands) = self.read(from);
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
                self.pass(from, self.read(from).0, height * width, gradient, to);
            }
            Back::Sum { gradient, to, .. } => {
                let [before, gradient] = [to, gradient].map(|index| self.gradient(index));
                let output = Buffer::fours(client, gradient.len());
                device::mix(client, 1.0, [before, gradient, output.clone()]);
                self.gradients[to] = Some(output);
            }
            Back::Normalise { norm, from, gradient, other, to } => {
                let output = self.normalise(norm, from, self.gradient(gradient), other);
                self.gradients[to] = output;
            }
            Back::Copy { gradient, to, .. } => {
                self.gradients[to] = self.gradients[gradient].clone()
            }
        }
    }

    fn weights(&self, index: usize, from: Value, gradient: Buffer) {
        let line = &self.of.line;
        let shape = line.plan.weights[index].shape;
        let form = Convolution {
            norm: from.norm.is_some(),
            rectify: from.rectify,
            inputs: line.inputs(index),
            ..Convolution::of(shape)
        };
        let [height, width] = shape.output_size();
        let rows = self.batch.samples * height * width;
        let (entry, _) = line.entries(self.of.layout, index);
        let [input, affine] = self.operands(from);
        let operands = [input, affine, gradient, self.theta.clone()];
        device::weight_gradient(&line.client, form, rows, entry, operands);
    }

    fn bias(&self, index: usize, how: BiasGradient, gradient: Buffer) {
        let line = &self.of.line;
        let shape = line.plan.weights[index].shape;
        let (_, Some(entry)) = line.entries(self.of.layout, index) else { return };
        let (row, from) = match how {
            BiasGradient::None => return,
            BiasGradient::OfNorm(norm) => (Left::Read as usize, self.left[norm].clone()),
            BiasGradient::Summed => {
                let channels = shape.outputs.div_ceil(4);
                let rows = gradient.len() / channels;
                (0, Some(device::sum_rows(&line.client, [rows, channels], gradient)))
            }
        };
        let Some(from) = from else { return };
        device::store(&line.client, entry, row, [from, self.theta.clone()]);
    }

    /// The gradient of a convolution's input.
    fn convolve(&mut self, index: usize, from: Value, gradient: Buffer, to: To) {
        let line = &self.of.line;
        let Weights { shape, .. } = line.plan.weights[index];
        let [pieces, _] = line.pieces[index];
        let inputs = line.inputs(index);
        let form = Convolution::back(shape, inputs);
        let rows = self.batch.samples * shape.height * shape.width;
        let output = Buffer::fours(&line.client, rows * inputs);
        let (entry, _) = line.entries(self.of.layout, index);
        let none = gradient.clone();
        let operands = Operands {
            input: gradient,
            affine: none.clone(),
            weights: device::turned(&line.client, entry, pieces, self.of.theta.clone()),
            bias: none.clone(),
            shortcut: none,
            output: output.clone(),
            partials: Buffer::fours(&line.client, 1),
        };
        let turned = ConvolutionShape { inputs: shape.outputs, outputs: shape.inputs, ..shape };
        if let Some(winograd) = line.transformed(turned) {
            let (samples, all) = (self.batch.samples, usize::MAX);
            let memory = line.memory_transformed(winograd, samples);
            let form = (form, winograd);
            device::convolve_by_winograd(&line.client, form, samples, all, operands, memory);
        } else {
            let rows = Rows { blocks: 1, rows, normed: usize::MAX };
            device::convolve(&line.client, form, rows, operands);
        }
        if from.rectify || to.adds {
            // A fully connected layer reads the pieces of a row as they stand.
            let (read, _) = self.read(from);
            let channels = inputs / pieces;
            let read =
                if pieces > 1 { Read { height: 1, width: pieces, channels, ..read } } else { read };
            self.pass(from, read, 1, output, to);
        } else {
            self.gradients[to.buffer] = Some(output);
        }
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
        gradient: Buffer,
        other: Option<usize>,
    ) -> Option<Buffer> {
        let line = &self.of.line;
        let sizes = &line.plan.norms[norm];
        let [gamma, _] = self.point.norms[norm].clone();
        let cotangents = self.batch.cotangents.map(|all| {
            let Cotangents { mean, variance } = &all[norm];
            device::channels(&line.client, &[mean, variance])
        });
        let operands = NormOperands {
            input: self.memory.at(from),
            statistics: self.statistics(norm),
            gamma,
            cotangents,
            other: other.map(|other| self.gradient(other)),
            gradient: gradient.clone(),
        };
        let back = NormBack {
            rows: self.batch.samples * sizes.pixels,
            channels: sizes.channels.div_ceil(4),
            of_batch: self.given.is_empty(),
        };
        let output = (from != Place::Images).then(|| Buffer::fours(&line.client, gradient.len()));
        let left = device::norm_back(&line.client, back, operands, output.clone());
        let entry = |id: ParameterId| line.channels_entry(self.of.layout, id);
        for (id, row) in [(sizes.weight, Left::Gamma), (sizes.bias, Left::Beta)] {
            let to = [left.clone(), self.theta.clone()];
            device::store(&line.client, entry(id), row as usize, to);
        }
        self.left[norm] = Some(left);
        output
    }

    /// Mean and variance that a norm saw or was given.
    fn statistics(&self, norm: usize) -> Buffer {
        let given = self.given.get(norm).cloned();
        given.unwrap_or_else(|| self.memory.norms[norm].statistics.clone())
    }

    /// Numbers for a gradient with respect to a value of this shape.
    fn output(&self, shape: [usize; 3]) -> Buffer {
        Buffer::fours(&self.of.line.client, self.batch.samples * fours_of(shape))
    }

    fn read(&self, from: Value) -> (Read, [Buffer; 2]) {
        let frozen = self.point.frozen.as_deref();
        let (read, _, operands) = self.of.line.read_of(&self.memory, frozen, from);
        (read, operands)
    }

    fn operands(&self, from: Value) -> [Buffer; 2] {
        self.read(from).1
    }

    /// What other readers have written.
    fn before(&self, To { buffer, adds, .. }: To) -> Option<Buffer> {
        adds.then(|| self.gradient(buffer))
    }

    /// Gradients are written before they are read.
    fn gradient(&self, buffer: usize) -> Buffer {
        let written = self.gradients[buffer].clone();
        written.unwrap_or_else(|| Buffer::fours(&self.of.line.client, 0))
    }
}

//! A batch on a GPU, forwards and back: what it is computed with, and what it leaves.
//!
//! Gradients are written to new memory, never over one another, so that none has to be copied to stay.

use std::sync::{Arc, OnceLock};

use cubecl::bytes::Bytes;
use cubecl::prelude::{Client, CubeElement};
use cubecl::server::ServerError;
use rayon::prelude::*;

use super::layout::{channels, fours_of};
use super::memory::Memory;
use super::tangent::{Course, DeviceDirection};
use super::{DeviceLine, DevicePoint, Group};
use crate::device::{self, Buffer, Entry, Images, LEFT, Left, Read, Slab, Stored, Table};
use crate::network::Layout;
use crate::plan::backward::{Back, BiasGradient, Cotangents, Sought};
use crate::plan::step::Value;
use crate::plan::{CurvaturePlan, GradientPlan, NormStatistics, Order};
use crate::precision::Number;

/// Theta at one point on a device, for derivatives there.
pub(crate) struct DeviceGradients<'a> {
    /// With adjoints that stay, where more than gradients is sought.
    pub(super) plan: &'a GradientPlan,
    pub(super) curvature: &'a CurvaturePlan,
    pub(super) layout: &'a Layout,
    pub(super) line: DeviceLine<'a>,
    pub(super) theta: Turnable,
    /// The layers of which gradients with respect to the input are sought.
    turned: Vec<usize>,
    table: Table,
}

/// Theta, or a direction in it, and its layers' weights turned around once they are asked for.
pub(super) struct Turnable {
    pub theta: Buffer,
    turned: OnceLock<Slab>,
}

impl Turnable {
    pub fn new(theta: Buffer) -> Self {
        Self { theta, turned: OnceLock::new() }
    }
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

/// A batch on its way: forwards, and back.
pub(crate) struct DevicePass<'a> {
    pub(super) of: &'a DeviceGradients<'a>,
    pub(super) memory: Arc<Memory>,
    pub(super) point: DevicePoint,
    /// Mean and variance of every norm, where they are given.
    pub(super) given: Vec<Buffer>,
    pub(super) batch: DeviceBatch<'a>,
    logits: Buffer,
    pub(super) gradients: Vec<Option<Buffer>>,
    /// What each norm leaves, and sums for biases, once it has gone back.
    left: Option<Slab>,
    /// The gradient with respect to theta, where it is sought.
    pub(super) theta: Option<Buffer>,
    /// All of the above from `gradients` on is how it moves along a direction.
    pub(super) turned: Option<Turned<'a>>,
}

/// A batch that has gone back, and along a direction, on its way back along that.
pub(super) struct Turned<'a> {
    pub before: &'a DevicePass<'a>,
    pub direction: &'a DeviceDirection,
    pub course: Course<'a>,
}

/// What a batch leaves.
#[derive(Default)]
pub(crate) struct DeviceGradient<T> {
    /// With respect to theta, times a factor, if it was sought.
    pub gradient: Vec<T>,
    /// What norms saw of the batch, unless they were given their statistics.
    pub statistics: Vec<NormStatistics>,
    /// With respect to the statistics that norms were given, if it has gone back.
    pub cotangents: Vec<Cotangents>,
}

impl<'a> DeviceGradients<'a> {
    /// At a theta that is there: for gradients alone by the `plan` of these, or for what is of second order by
    /// that which `curvature` has.
    pub fn new(
        (plan, curvature): (&'a GradientPlan, &'a CurvaturePlan),
        layout: &'a Layout,
        client: Client,
        theta: Buffer,
        winograd: Option<usize>,
    ) -> Self {
        let ends = [theta.clone(), theta.clone()];
        let line = DeviceLine::between(&plan.plan, layout, client, ends, &[0.0], winograd);
        let layers = plan.back.iter().filter_map(|step| match *step {
            Back::Convolve { weights, to: Some(_), .. } => Some(weights),
            _ => None,
        });
        let turned: Vec<usize> = layers.collect();
        let entry = |&index: &usize| (line.entries(layout, index).0, line.pieces[index][0]);
        let entries: Vec<(Entry, usize)> = turned.iter().map(entry).collect();
        let table = Table::of_turned(&line.client, &entries);
        Self { plan, curvature, layout, line, theta: Turnable::new(theta), turned, table }
    }

    /// A layer's weights in some theta, turned around.
    pub(super) fn turned(&self, of: &Turnable, layer: usize) -> Buffer {
        let client = &self.line.client;
        let turned = || device::turned(client, &self.table, of.theta.clone());
        let slab = of.turned.get_or_init(turned);
        let part = self.turned.iter().position(|&turned| turned == layer);
        slab.part(part.unwrap_or_else(|| unreachable!("a layer that goes back is in the table")))
    }

    /// As [`Plan::counts`](crate::plan::Plan::counts).
    pub fn counts(&self, samples: usize) -> impl Iterator<Item = usize> {
        self.plan.counts(samples)
    }

    /// Runs a batch of images forwards.
    pub fn forward<'b>(&'b self, images: Images, batch: DeviceBatch<'b>) -> DevicePass<'b> {
        let samples = batch.samples;
        let mut memory = self.line.memory(Group { batches: 1, samples });
        self.line.place(&mut memory, images);
        let mut point = self.line.points[0].clone();
        let given = batch.given.map(|given| self.line.given(&point, given));
        let (given, affine): (Vec<Buffer>, Vec<Buffer>) =
            given.iter().flatten().cloned().map(|[given, affine]| (given, affine)).unzip();
        point.frozen = (!given.is_empty()).then_some(affine);
        let len = samples * self.line.plan.output.len().div_ceil(4);
        let logits = Buffer::at(self.line.at(&mut memory, &point, false), len);
        let gradients = vec![None; self.plan.buffers.len()];
        DevicePass {
            of: self,
            memory: Arc::new(memory),
            point,
            given,
            batch,
            logits,
            gradients,
            left: None,
            theta: None,
            turned: None,
        }
    }
}

pub(super) fn problem(error: ServerError) -> String {
    error.to_string()
}

/// Two rows of channels, the first of which is this one.
pub(super) fn pair(numbers: &[f32], first: usize, channels: usize) -> [Vec<f64>; 2] {
    let width = channels.next_multiple_of(4);
    let row = |row: usize| numbers[row * width..][..channels].iter().map(|&x| x.into());
    [row(first).collect(), row(first + 1).collect()]
}

/// Rows without what fills them up to fours.
pub(super) fn rows(bytes: &Bytes, width: usize) -> Vec<f32> {
    let rows = f32::from_bytes(bytes).chunks_exact(width.next_multiple_of(4));
    rows.flat_map(|row| &row[..width]).copied().collect()
}

impl DevicePass<'_> {
    /// Waits for the logits, [n, classes].
    pub fn logits(&self) -> Result<Vec<f32>, String> {
        let bytes = self.of.line.client.read_one(self.logits.handle()).map_err(problem)?;
        Ok(rows(&bytes, self.of.line.plan.output.len()))
    }

    /// How the way back moves along a direction, along which the statistics that norms were given move as
    /// `given` says, and the cotangents as `cotangents`. `loss` makes of how the logits move how the gradient
    /// with respect to them does.
    pub fn back_along<'b>(
        &'b self,
        direction: &'b DeviceDirection,
        given: Option<&'b [NormStatistics]>,
        cotangents: Option<&'b [Cotangents]>,
        loss: impl FnOnce(&[f32]) -> Vec<f32>,
    ) -> Result<DevicePass<'b>, String> {
        let course = self.course(direction, given, Order::Back);
        let logits = course.logits();
        let along = self.of.line.client.read_one(logits.handle()).map_err(problem)?;
        let gradient = loss(&rows(&along, self.of.line.plan.output.len()));
        let mut moved = DevicePass {
            of: self.of,
            memory: Arc::clone(&self.memory),
            point: self.point.clone(),
            given: self.given.clone(),
            batch: DeviceBatch { cotangents, ..self.batch },
            logits,
            gradients: vec![None; self.gradients.len()],
            left: None,
            theta: None,
            turned: Some(Turned { before: self, direction, course }),
        };
        moved.back(&gradient, Sought::Theta);
        Ok(moved)
    }

    /// Runs back from a gradient with respect to the logits, to theta or to activations alone.
    pub fn back(&mut self, gradient: &[f32], of: Sought) {
        let DeviceGradients { plan, layout, line, .. } = self.of;
        let (client, width) = (&line.client, line.plan.output.len());
        let padding = vec![0.0; width.next_multiple_of(4) - width];
        let seed = gradient.chunks_exact(width).flat_map(|row| [row, &padding].concat());
        let seed: Vec<f32> = seed.collect();
        self.gradients[plan.logits] = Some(Buffer::of(client, &seed).first(seed.len() / 4));
        let dimension = layout.dimension();
        self.theta = (of == Sought::Theta)
            .then(|| Buffer::at(Buffer::fours(client, dimension.div_ceil(4)).handle(), dimension));
        self.left = Some(self.room_for_left());
        plan.back.iter().for_each(|step| self.step(step));
        if let (Some(theta), Some(left)) = (&self.theta, &self.left) {
            device::store(client, left, &self.stored(), theta.clone());
        }
    }

    /// Memory for what each norm leaves, then for what each layer's bias gradient is summed to.
    fn room_for_left(&self) -> Slab {
        let DeviceGradients { plan, line, .. } = self.of;
        let norms = line.plan.norms.iter().map(|norm| LEFT * norm.channels.div_ceil(4));
        let mut lens: Vec<usize> = norms.collect();
        let norms = lens.len();
        lens.resize(norms + line.plan.weights.len(), 0);
        for step in &plan.back {
            if let Back::Convolve { weights, bias: BiasGradient::Summed, .. } = *step {
                lens[norms + weights] = 2 * line.plan.weights[weights].shape.outputs.div_ceil(4);
            }
        }
        Slab::new(&line.client, &lens)
    }

    /// What of it stands in theta.
    fn stored(&self) -> Vec<Stored> {
        let DeviceGradients { plan, layout, line, .. } = self.of;
        let norms = line.plan.norms.iter().enumerate().flat_map(|(norm, sizes)| {
            [(sizes.weight, Left::Gamma), (sizes.bias, Left::Beta)]
                .map(|(id, row)| (norm, row as usize, channels(layout, id)))
        });
        let biases = plan.back.iter().filter_map(|step| {
            let Back::Convolve { weights, bias, .. } = *step else { return None };
            let (_, entry) = line.entries(layout, weights);
            let (part, row) = match bias {
                BiasGradient::None => return None,
                BiasGradient::OfNorm(norm) => (norm, Left::Read as usize),
                BiasGradient::Summed => (line.plan.norms.len() + weights, 0),
            };
            entry.map(|entry| (part, row, entry))
        });
        norms.chain(biases).collect()
    }

    /// What a norm leaves.
    pub(super) fn left(&self, norm: usize) -> Buffer {
        let Some(left) = &self.left else { unreachable!("a norm is asked once it has gone back") };
        left.part(norm)
    }

    /// Where a layer's bias gradient is summed.
    pub(super) fn summed(&self, layer: usize) -> Buffer {
        self.left(self.of.line.plan.norms.len() + layer)
    }

    /// Waits for what the way back leaves, of the gradient a multiple, in a vector of so many numbers that it
    /// asks for, written by all threads or by this one: with it comes what norms saw, or, where they were given
    /// their statistics, the gradient with respect to these.
    pub fn read<T: Number>(
        &self,
        factor: f64,
        is_shared: bool,
        vector: impl FnOnce(usize) -> Vec<T>,
    ) -> Result<DeviceGradient<T>, String> {
        let is_given = !self.given.is_empty();
        let seen = Some(&self.memory.statistics).filter(|_| !is_given);
        let left = self.left.as_ref().filter(|_| is_given);
        let slab = seen.or(left);
        let handles = slab.map(Slab::handle).into_iter();
        let handles = handles.chain(self.theta.as_ref().map(Buffer::handle)).collect();
        let results = self.of.line.client.read(handles).map_err(problem)?;
        let first = if is_given { Left::Mean as usize } else { 0 };
        let pairs = slab.zip(results.first()).into_iter().flat_map(|(slab, bytes)| {
            let norms = self.of.line.plan.norms.iter().enumerate();
            norms.map(move |(norm, sizes)| pair(slab.numbers(bytes, norm), first, sizes.channels))
        });
        let mut found = DeviceGradient::default();
        for [mean, variance] in pairs {
            if is_given {
                found.cotangents.push(Cotangents { mean, variance });
            } else {
                found.statistics.push(NormStatistics { mean, variance });
            }
        }
        if let Some(bytes) = self.theta.as_ref().and(results.last()) {
            found.gradient = vector(self.of.layout.dimension());
            let least = if is_shared { device::SHARED } else { found.gradient.len() };
            let pairs = found.gradient.par_iter_mut().zip(f32::from_bytes(bytes));
            pairs.with_min_len(least).for_each(|(to, &from)| {
                *to = T::nearest(factor * f64::from(from));
            });
        }
        Ok(found)
    }

    /// How the loss depends on a norm's statistics by other ways.
    pub(super) fn cotangents(&self, norm: usize) -> Option<Buffer> {
        self.batch.cotangents.map(|all| {
            let Cotangents { mean, variance } = &all[norm];
            device::channels(&self.of.line.client, [mean, variance])
        })
    }

    /// So many fours of zeros.
    pub(super) fn zeros(&self, fours: usize) -> Buffer {
        Buffer::of(&self.of.line.client, &vec![0.0f32; 4 * fours]).first(fours)
    }

    /// Mean and variance that a norm saw or was given.
    pub(super) fn statistics(&self, norm: usize) -> Buffer {
        let given = self.given.get(norm).cloned();
        given.unwrap_or_else(|| self.memory.statistics.part(norm))
    }

    /// Numbers for a gradient with respect to a value of this shape.
    pub(super) fn output(&self, shape: [usize; 3]) -> Buffer {
        Buffer::fours(&self.of.line.client, self.batch.samples * fours_of(shape))
    }

    pub(super) fn reading(&self, from: Value) -> (Read, [Buffer; 2]) {
        let frozen = self.point.frozen.as_deref();
        let (read, _, operands) = self.of.line.read_of(&self.memory, frozen, from);
        (read, operands)
    }

    pub(super) fn operands(&self, from: Value) -> [Buffer; 2] {
        self.reading(from).1
    }

    pub(super) fn gradient(&self, buffer: usize) -> Buffer {
        written(&self.gradients[buffer])
    }
}

/// What an earlier step wrote.
pub(super) fn written(buffer: &Option<Buffer>) -> Buffer {
    let Some(buffer) = buffer else { unreachable!("steps write what later ones read") };
    buffer.clone()
}

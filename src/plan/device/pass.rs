//! A batch on a GPU, forwards and back: what it is computed with, and what it leaves.
//!
//! Gradients are written to new memory, never over one another, so that none has to be copied to stay.

use std::sync::Arc;

use burn::cubecl::bytes::Bytes;
use burn::cubecl::prelude::{Client, CubeElement};
use burn::cubecl::server::ServerError;
use rayon::prelude::*;

use super::layout::fours_of;
use super::memory::Memory;
use super::tangent::{Course, DeviceDirection};
use super::{DeviceLine, DevicePoint, Group};
use crate::device::{self, Buffer, Left, Read};
use crate::network::Layout;
use crate::plan::backward::{Cotangents, Sought};
use crate::plan::step::Value;
use crate::plan::{CurvaturePlan, GradientPlan, NormStatistics, Order};

/// Theta at one point on a device, for derivatives there.
pub(crate) struct DeviceGradients<'a> {
    /// With adjoints that stay, where more than gradients is sought.
    pub(super) plan: &'a GradientPlan,
    pub(super) curvature: &'a CurvaturePlan,
    pub(super) layout: &'a Layout,
    pub(super) line: DeviceLine<'a>,
    pub(super) theta: Buffer,
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
    /// What each norm leaves.
    pub(super) left: Vec<Option<Buffer>>,
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
pub(crate) struct DeviceGradient {
    /// With respect to theta, times a factor, if it was sought.
    pub gradient: Vec<f64>,
    /// What norms saw of the batch.
    pub statistics: Vec<NormStatistics>,
    /// With respect to the statistics of every norm, if it has gone back.
    pub cotangents: Vec<Cotangents>,
}

impl<'a> DeviceGradients<'a> {
    /// Uploads theta: for gradients alone by the `plan` of these, or for what is of second order by that which
    /// `curvature` has.
    pub fn new(
        (plan, curvature): (&'a GradientPlan, &'a CurvaturePlan),
        layout: &'a Layout,
        client: Client,
        theta: &[f64],
        winograd: bool,
    ) -> Self {
        let theta = device::upload(&client, theta.len(), |i| theta[i]);
        let ends = [theta.clone(), theta.clone()];
        let line = DeviceLine::between(&plan.plan, layout, client, ends, &[0.0], winograd);
        Self { plan, curvature, layout, line, theta }
    }

    /// As [`Plan::counts`](crate::plan::Plan::counts).
    pub fn counts(&self, samples: usize) -> impl Iterator<Item = usize> {
        self.plan.counts(samples)
    }

    /// Runs a batch of images forwards.
    pub fn forward<'b>(&'b self, images: Buffer, batch: DeviceBatch<'b>) -> DevicePass<'b> {
        let samples = batch.samples;
        let mut memory = self.line.memory(Group { batches: 1, samples });
        self.line.place(&mut memory, images);
        let mut point = self.line.points[0].clone();
        let given = batch.given.map(|given| self.line.given(&point, given));
        let (given, affine): (Vec<Buffer>, Vec<Buffer>) =
            given.iter().flatten().cloned().map(|[given, affine]| (given, affine)).unzip();
        point.frozen = (!given.is_empty()).then_some(affine);
        let logits = self.line.at(&mut memory, &point, false).swap_remove(0);
        let gradients = vec![None; self.plan.buffers.len()];
        let left = vec![None; self.line.plan.norms.len()];
        DevicePass {
            of: self,
            memory: Arc::new(memory),
            point,
            given,
            batch,
            logits,
            gradients,
            left,
            theta: None,
            turned: None,
        }
    }
}

pub(super) fn problem(error: ServerError) -> String {
    error.to_string()
}

/// Two rows of channels, the first of which is this one.
pub(super) fn pair(bytes: &Bytes, first: usize, channels: usize) -> [Vec<f64>; 2] {
    let rows = rows(bytes, channels);
    let row = |row: usize| rows[row * channels..][..channels].iter().map(|&x| x.into());
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
            left: vec![None; self.left.len()],
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
        let seed = Buffer::fours(client, self.batch.samples * width.div_ceil(4));
        device::fours(client, width, [Buffer::of(client, gradient), seed.clone()]);
        self.gradients[plan.logits] = Some(seed);
        let dimension = layout.dimension();
        self.theta = (of == Sought::Theta)
            .then(|| Buffer::at(Buffer::fours(client, dimension.div_ceil(4)).handle(), dimension));
        plan.back.iter().for_each(|step| self.step(step));
    }

    /// Waits for what the way back leaves, of the gradient a multiple, and for what norms saw.
    pub fn read(&self, factor: f64) -> Result<DeviceGradient, String> {
        let norms = self.left.len();
        let statistics = (0..norms).map(|norm| self.statistics(norm));
        let results = statistics.chain(self.left.iter().flatten().cloned());
        let results = results.chain(self.theta.clone()).map(|buffer| buffer.handle());
        let results = self.of.line.client.read(results.collect()).map_err(problem)?;
        let (statistics, left) = results.split_at(norms);
        let left = &left[..self.left.iter().flatten().count()];
        let channels = self.of.line.plan.norms.iter().map(|norm| norm.channels);
        let statistics = channels.clone().zip(statistics).map(|(channels, bytes)| {
            let [mean, variance] = pair(bytes, 0, channels);
            NormStatistics { mean, variance }
        });
        let cotangents = channels.zip(left).map(|(channels, bytes)| {
            let [mean, variance] = pair(bytes, Left::Mean as usize, channels);
            Cotangents { mean, variance }
        });
        let gradient = self.theta.as_ref().and(results.last());
        let gradient = gradient.map(|bytes| {
            let single = f32::from_bytes(bytes)[..self.of.layout.dimension()].par_iter();
            single.map(|&x| factor * f64::from(x)).collect()
        });
        Ok(DeviceGradient {
            gradient: gradient.unwrap_or_default(),
            statistics: statistics.collect(),
            cotangents: cotangents.collect(),
        })
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
        given.unwrap_or_else(|| self.memory.norms[norm].statistics.clone())
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

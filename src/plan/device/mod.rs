//! A plan on a GPU: along a line, many batches at once, at one point after the other; or at one point, a
//! batch forwards, back and along directions.
//!
//! Steps are those of the CPU, with statistics of each batch's own. What a norm does to a channel is
//! computed on the device, and comes back only where statistics are asked for.

mod back;
mod launched;
mod layout;
mod memory;
mod pass;
mod steps;
mod tangent;

use std::sync::{Mutex, PoisonError};

use burn::cubecl::prelude::Client;

pub(crate) use launched::Launched;
pub(crate) use memory::Group;
pub(crate) use pass::{DeviceBatch, DeviceGradient, DeviceGradients, DevicePass};
pub(crate) use tangent::{DeviceDirection, DeviceTangent};

use self::memory::Memory;
use super::step::{self, Weights};
use super::{NormStatistics, Plan};
use crate::device::{self, Buffer, Entry, Norm};
use crate::network::{Layout, ParameterId};

/// A plan with its parameters at the points of a line, on a device.
pub(crate) struct DeviceLine<'a> {
    plan: &'a Plan,
    client: Client,
    /// Convolutions may be computed by Winograd's algorithm.
    winograd: bool,
    /// What each convolution's weights are laid out for.
    pieces: Vec<[usize; 2]>,
    points: Vec<DevicePoint>,
    /// The first layer's weights and bias at the start of the line, and their change along it.
    first: Option<[Affine; 2]>,
    memory: Mutex<Option<Memory>>,
}

/// Weights and bias of a layer, or gamma and beta of a norm.
type Affine = [Buffer; 2];

#[derive(Clone)]
struct DevicePoint {
    alpha: f64,
    weights: Vec<Affine>,
    norms: Vec<Affine>,
    /// Scale and shift of every norm, where the batch does not give them.
    frozen: Option<Vec<Buffer>>,
}

impl<'a> DeviceLine<'a> {
    /// Uploads both ends of a line and mixes its points there.
    pub fn new(
        plan: &'a Plan,
        layout: &Layout,
        client: Client,
        [from, to]: [&[f64]; 2],
        alphas: &[f64],
        winograd: bool,
    ) -> Self {
        let ends = [from, to].map(|theta| device::upload(&client, theta.len(), |i| theta[i]));
        let mut line = Self::between(plan, layout, client, ends.clone(), alphas, winograd);
        if plan.begins_linear() && plan.weights[0].shape.is_linear() {
            let change = device::upload(&line.client, from.len(), |i| to[i] - from[i]);
            let [from, _] = ends;
            line.first =
                Some([from, change].map(|end| line.affine(layout, 0, 0.0, &[end.clone(), end])));
        }
        line
    }

    /// The points between ends that are there already.
    fn between(
        plan: &'a Plan,
        layout: &Layout,
        client: Client,
        ends: [Buffer; 2],
        alphas: &[f64],
        winograd: bool,
    ) -> Self {
        let (pieces, memory) = (plan.pieces(), Mutex::default());
        let mut line =
            Self { plan, client, winograd, pieces, points: Vec::new(), first: None, memory };
        line.points = alphas.iter().map(|&alpha| line.point(layout, &ends, alpha)).collect();
        line
    }

    /// A point between two ends.
    fn point(&self, layout: &Layout, ends: &[Buffer; 2], alpha: f64) -> DevicePoint {
        let norm = |norm: &step::Norm| {
            [norm.weight, norm.bias].map(|id| {
                let entry = self.channels_entry(layout, id);
                device::parameters(&self.client, entry, alpha as f32, ends.clone())
            })
        };
        let weights = 0..self.plan.weights.len();
        DevicePoint {
            alpha,
            weights: weights.map(|index| self.affine(layout, index, alpha, ends)).collect(),
            norms: self.plan.norms.iter().map(norm).collect(),
            frozen: None,
        }
    }

    /// Weights and bias of a layer between two ends.
    fn affine(&self, layout: &Layout, index: usize, alpha: f64, ends: &[Buffer; 2]) -> Affine {
        let mixed = |entry| device::parameters(&self.client, entry, alpha as f32, ends.clone());
        let (weight, bias) = self.entries(layout, index);
        [mixed(weight), bias.map_or_else(|| Buffer::fours(&self.client, 1), mixed)]
    }

    /// Where the weights of a layer stand in theta, and its bias.
    fn entries(&self, layout: &Layout, index: usize) -> (Entry, Option<Entry>) {
        let Weights { shape, weight, bias } = self.plan.weights[index];
        let [parts, inputs] = self.pieces[index];
        let taps = shape.kernel * shape.kernel * parts;
        let offset = layout.parameters[weight.0].offset;
        let bias = bias.map(|bias| self.channels_entry(layout, bias));
        (Entry::weights(offset, [taps, inputs, shape.outputs]), bias)
    }

    /// Where a number for each channel stands in theta.
    fn channels_entry(&self, layout: &Layout, id: ParameterId) -> Entry {
        let entry = &layout.parameters[id.0];
        Entry::channels(entry.offset, entry.len())
    }

    /// Fours of inputs of a layer, as they stand.
    fn inputs(&self, index: usize) -> usize {
        let [parts, inputs] = self.pieces[index];
        parts * inputs.div_ceil(4)
    }

    /// Gives a point's norms their statistics.
    pub fn freeze(&mut self, point: usize, statistics: &[NormStatistics]) {
        let given = self.given(&self.points[point], statistics);
        self.points[point].frozen = Some(given.into_iter().map(|[_, affine]| affine).collect());
    }

    /// Statistics of every norm, and what it does to a channel with them.
    fn given(&self, point: &DevicePoint, statistics: &[NormStatistics]) -> Vec<[Buffer; 2]> {
        let norms = point.norms.iter().zip(statistics);
        let given = norms.map(|([gamma, beta], NormStatistics { mean, variance })| {
            let channels = mean.len().div_ceil(4);
            // A batch of one row, whose sum of squares is its variance.
            let norm = Norm { batches: 1, rows: 1, tile: 1, channels };
            let row = device::channels(&self.client, [mean, variance]);
            let [seen, affine] = [(); 2].map(|()| Buffer::fours(&self.client, 2 * channels));
            let given = [row, gamma.clone(), beta.clone()];
            device::normalise(&self.client, norm, given, [seen.clone(), affine.clone()]);
            [seen, affine]
        });
        given.collect()
    }

    /// Starts a group at some points: logits, or statistics of every norm. `images` are called for once, or
    /// for each point if these are `drawn` anew there.
    pub fn launch<E>(
        &self,
        group: Group,
        points: &[usize],
        is_drawn: bool,
        images: impl Fn(usize) -> Result<Buffer, E>,
        statistics: bool,
    ) -> Result<Launched<'_>, E> {
        let mut place = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let known = place.take().filter(|memory| memory.group == group);
        let mut memory = known.unwrap_or_else(|| self.memory(group));
        let mut results: Vec<Vec<Buffer>> = Vec::with_capacity(points.len());
        for (index, &point) in points.iter().enumerate() {
            if index == 0 || is_drawn {
                self.place(&mut memory, images(point)?);
                self.first_step(&mut memory);
            }
            results.push(self.at(&mut memory, &self.points[point], statistics));
        }
        *place = Some(memory);
        let norms = self.plan.norms.iter();
        let (widths, rows) = if statistics {
            (norms.map(|norm| norm.channels).collect(), 2)
        } else {
            (vec![self.plan.output.len()], group.samples)
        };
        // Before what is launched next, or it would wait for that.
        let handles = results.iter().flatten().map(Buffer::handle).collect();
        let arriving = Box::pin(self.client.read_async(handles));
        Ok(Launched { arriving, widths, rows, group })
    }

    /// Has a group's images in the memory that it is computed in.
    fn place(&self, memory: &mut Memory, images: Buffer) {
        let [pixels, channels] = self.plan.images_as_read();
        let fours = memory.group.samples() * pixels * channels.div_ceil(4);
        memory.images = Buffer::fours(&self.client, fours);
        device::fours(&self.client, channels, [images, memory.images.clone()]);
    }
}

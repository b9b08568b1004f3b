//! A plan on a GPU, along a line: many batches at once, at one point after the other.
//!
//! Steps are those of the CPU, with statistics of each batch's own. What a norm does to a channel is
//! computed on the device, and comes back only where statistics are asked for.

mod launched;
mod layout;
mod memory;
mod steps;

use std::sync::{Mutex, PoisonError};

use burn::cubecl::prelude::Client;

pub(crate) use launched::Launched;
pub(crate) use memory::Group;

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
        let pieces = plan.pieces();
        let upload = |theta: &mut dyn Iterator<Item = f64>| {
            Buffer::of(&client, &theta.map(|x| x as f32).collect::<Vec<f32>>())
        };
        let ends = [from, to].map(|theta| upload(&mut theta.iter().copied()));
        let offset = |id: ParameterId| layout.parameters[id.0].offset;
        let none = Buffer::fours(&client, 1);
        let mixed = |entry: Entry, alpha: f64| {
            let [from, to] = ends.clone();
            device::parameters(&client, entry, alpha as f32, [from, to])
        };
        let entries = |(weights, &[parts, inputs]): (&Weights, &[usize; 2])| {
            let &Weights { shape, weight, bias } = weights;
            let taps = shape.kernel * shape.kernel * parts;
            let bias = bias.map(|bias| Entry::channels(offset(bias), shape.outputs));
            (Entry::weights(offset(weight), [taps, inputs, shape.outputs]), bias)
        };
        let entries: Vec<_> = plan.weights.iter().zip(&pieces).map(entries).collect();
        let point = |&alpha: &f64| {
            let affine = |&(weight, bias): &(Entry, Option<Entry>)| {
                [mixed(weight, alpha), bias.map_or(none.clone(), |bias| mixed(bias, alpha))]
            };
            let norm = |norm: &step::Norm| {
                [norm.weight, norm.bias]
                    .map(|id| mixed(Entry::channels(offset(id), norm.channels), alpha))
            };
            DevicePoint {
                alpha,
                weights: entries.iter().map(affine).collect(),
                norms: plan.norms.iter().map(norm).collect(),
                frozen: None,
            }
        };
        let points = alphas.iter().map(point).collect();
        let is_linear = plan.begins_linear() && plan.weights[0].shape.is_linear();
        let first = is_linear.then(|| {
            let change = upload(&mut from.iter().zip(to).map(|(from, to)| to - from));
            [ends[0].clone(), change].map(|end| {
                let of =
                    |entry| device::parameters(&client, entry, 0.0, [end.clone(), end.clone()]);
                let (weight, bias) = entries[0];
                [of(weight), bias.map_or(none.clone(), of)]
            })
        });
        Self { plan, client, winograd, pieces, points, first, memory: Mutex::default() }
    }

    /// Gives a point's norms their statistics.
    pub fn freeze(&mut self, point: usize, statistics: &[NormStatistics]) {
        let Self { client, points, .. } = self;
        let norms = points[point].norms.iter().zip(statistics);
        let affine = norms.map(|([gamma, beta], NormStatistics { mean, variance })| {
            let channels = mean.len().div_ceil(4);
            let padded = |row: &[f64]| {
                let mut row: Vec<f32> = row.iter().map(|&x| x as f32).collect();
                row.resize(channels * 4, 0.0);
                row
            };
            // A batch of one row, whose sum of squares is its variance.
            let norm = Norm { batches: 1, rows: 1, tile: 1, channels };
            let row = Buffer::of(client, &[padded(mean), padded(variance)].concat());
            let [seen, affine] = [(); 2].map(|()| Buffer::fours(client, 2 * channels));
            let given = [row.first(2 * channels), gamma.clone(), beta.clone()];
            device::normalise(client, norm, given, [seen, affine.clone()]);
            affine
        });
        points[point].frozen = Some(affine.collect());
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
                let [pixels, channels] = self.plan.images_as_read();
                memory.images =
                    Buffer::fours(&self.client, group.samples() * pixels * channels.div_ceil(4));
                let to = memory.images.clone();
                device::fours(&self.client, channels, [images(point)?, to]);
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
}

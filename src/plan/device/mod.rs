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

use cubecl::prelude::Client;

pub(crate) use launched::Launched;
pub(crate) use memory::Group;
pub(crate) use pass::{DeviceBatch, DeviceGradient, DeviceGradients, DevicePass};
pub(crate) use tangent::{DeviceDirection, DeviceTangent};

use self::memory::Memory;
use super::{NormStatistics, Plan};
use crate::device::{self, Buffer, Entry, Images, Norm, Table};
use crate::linalg::Vector;
use crate::network::Layout;

/// A plan with its parameters at the points of a line, on a device.
pub(crate) struct DeviceLine<'a> {
    plan: &'a Plan,
    client: Client,
    /// Convolutions of so many multiplications and more are computed by Winograd's algorithm, if any.
    winograd: Option<usize>,
    /// What each convolution's weights are laid out for.
    pieces: Vec<[usize; 2]>,
    /// Weights and bias of every layer, then gamma and beta of every norm.
    table: Table,
    points: Vec<DevicePoint>,
    /// The first layer's weights and bias at the start of the line, and their change along it.
    first: Option<[Affine; 2]>,
    memory: Mutex<Option<Memory>>,
}

/// Weights and bias of a layer, or gamma and beta of a norm.
type Affine = [Buffer; 2];

/// The next two of a point's parameters; twice the same where there is no second.
fn affine(parts: &mut impl Iterator<Item = Buffer>, has_second: bool) -> Affine {
    let mut next = || parts.next().unwrap_or_else(|| unreachable!("parts are without end"));
    let first = next();
    [first.clone(), if has_second { next() } else { first }]
}

#[derive(Clone)]
struct DevicePoint {
    alpha: f64,
    weights: Vec<Affine>,
    norms: Vec<Affine>,
    /// Scale and shift of every norm, where the batch does not give them.
    frozen: Option<Vec<Buffer>>,
}

impl<'a> DeviceLine<'a> {
    /// Mixes the points of a line from both its ends, which are there already.
    pub fn new(
        plan: &'a Plan,
        layout: &Layout,
        client: Client,
        [(from, start), (to, end)]: [(&Vector, Buffer); 2],
        alphas: &[f64],
        winograd: Option<usize>,
    ) -> Self {
        let ends = [start, end];
        let mut line = Self::between(plan, layout, client, ends.clone(), alphas, winograd);
        if plan.begins_linear() && plan.weights[0].shape.is_linear() {
            let (from, to) = (&from[..], &to[..]);
            let change = device::upload(&line.client, from.len(), |i| to[i] - from[i]);
            let [from, _] = ends;
            let (weight, bias) = line.entries(layout, 0);
            let entries: Vec<Entry> = std::iter::once(weight).chain(bias).collect();
            let table = Table::of_parameters(&line.client, &entries);
            line.first = Some([from, change].map(|end| {
                let slab = device::parameters(&line.client, &table, 0.0, [end.clone(), end]);
                affine(&mut (0..).map(|index| slab.part(index)), bias.is_some())
            }));
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
        winograd: Option<usize>,
    ) -> Self {
        let (pieces, memory) = (plan.pieces(), Mutex::default());
        let table = Table::of_parameters(&client, &plan.entries(layout, &pieces));
        let (points, first) = (Vec::new(), None);
        let mut line = Self { plan, client, winograd, pieces, table, points, first, memory };
        line.points = alphas.iter().map(|&alpha| line.point(&ends, alpha)).collect();
        line
    }

    /// A point between two ends.
    fn point(&self, ends: &[Buffer; 2], alpha: f64) -> DevicePoint {
        let slab = device::parameters(&self.client, &self.table, alpha as f32, ends.clone());
        let mut parts = (0..).map(|index| slab.part(index));
        let weights = self.plan.weights.iter();
        DevicePoint {
            alpha,
            weights: weights.map(|layer| affine(&mut parts, layer.bias.is_some())).collect(),
            norms: self.plan.norms.iter().map(|_| affine(&mut parts, true)).collect(),
            frozen: None,
        }
    }

    /// Where the weights of a layer stand in theta, and its bias.
    fn entries(&self, layout: &Layout, index: usize) -> (Entry, Option<Entry>) {
        self.plan.entries_of(layout, self.pieces[index], index)
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
        images: impl Fn(usize) -> Result<Images, E>,
        statistics: bool,
    ) -> Result<Launched<'_>, E> {
        let mut place = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let known = place.take().filter(|memory| memory.group == group);
        let mut memory = known.unwrap_or_else(|| self.memory(group));
        let mut results = Vec::with_capacity(points.len());
        for (index, &point) in points.iter().enumerate() {
            if index == 0 || is_drawn {
                self.place(&mut memory, images(point)?);
                self.first_step(&mut memory);
            }
            results.push(self.at(&mut memory, &self.points[point], statistics));
        }
        let norms = self.plan.norms.iter();
        let (tables, rows): (Vec<[usize; 2]>, usize) = if statistics {
            let starts = memory.statistics.starts().iter();
            (starts.zip(norms).map(|(&start, norm)| [4 * start, norm.channels]).collect(), 2)
        } else {
            (vec![[0, self.plan.output.len()]], group.samples)
        };
        *place = Some(memory);
        // Before what is launched next, or it would wait for that.
        let arriving = Box::pin(self.client.read_async(results));
        Ok(Launched { arriving, tables, rows, group })
    }

    /// Has a group's images in the memory that it is computed in.
    fn place(&self, memory: &mut Memory, images: Images) {
        let [pixels, channels] = self.plan.images_as_read();
        let fours = memory.group.samples() * pixels * channels.div_ceil(4);
        memory.images = Buffer::fours(&self.client, fours);
        device::images(&self.client, [pixels, channels], images, memory.images.clone());
    }
}

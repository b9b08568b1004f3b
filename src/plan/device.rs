//! A plan on a GPU, along a line: many batches at once, at one point after the other.
//!
//! Steps are those of the CPU, with statistics of each batch's own. What a norm does to a channel is
//! computed on the device, and comes back only where statistics are asked for.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use burn::cubecl::bytes::Bytes;
use burn::cubecl::future::block_on;
use burn::cubecl::prelude::{Client, CubeElement};
use burn::cubecl::server::ServerError;
use rayon::prelude::*;

use super::step::{self, Place, Step, Value, Weights};
use super::{NormStatistics, Plan};
use crate::device::{
    self, Buffer, Convolution, Entry, Norm, Operands, Read, Rows, Tile, Transformed, Winograd,
};
use crate::kernels::ConvolutionShape;
use crate::network::{Layout, ParameterId};

/// Copies of a group's images that there are while the framework gathers them.
const IMAGES_HELD: usize = 8;

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

/// Several batches of equal size, behind one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group {
    pub batches: usize,
    /// Of a batch.
    pub samples: usize,
}

impl Group {
    fn samples(self) -> usize {
        self.batches * self.samples
    }
}

/// What a group is computed in.
struct Memory {
    group: Group,
    /// The images, and the first layer's a and b.
    images: Buffer,
    ends: Option<[Buffer; 2]>,
    buffers: Vec<Buffer>,
    norms: Vec<NormMemory>,
    transformed: Transformed,
}

/// What a norm has of each batch.
struct NormMemory {
    /// Of each tile of rows, as many as the writer's.
    partials: Buffer,
    tile: usize,
    /// Mean and variance.
    statistics: Buffer,
    /// Scale and shift.
    affine: Buffer,
}

/// What a group has been asked for, on its way to the host.
pub(crate) struct Launched<'a> {
    arriving: Pin<Box<dyn Future<Output = Result<Vec<Bytes>, ServerError>> + Send + 'a>>,
    /// Numbers of a row that count, for each result of a point.
    widths: Vec<usize>,
    /// Rows of each batch.
    rows: usize,
    group: Group,
}

impl Launched<'_> {
    /// Waits for it: the numbers of each batch of the group at one point after the other. A batch's
    /// statistics are means and variances, norm by norm.
    pub fn read(self) -> Result<Vec<f64>, String> {
        let Self { arriving, widths, rows, group } = self;
        let bytes = block_on(arriving).map_err(|error| error.to_string())?;
        let results: Vec<&[f32]> = bytes.iter().map(|bytes| f32::from_bytes(bytes)).collect();
        let of_batch = rows * widths.iter().sum::<usize>();
        let points = results.len() / widths.len().max(1);
        let mut numbers = vec![0.0; points * group.batches * of_batch];
        let batches = numbers.par_chunks_mut(of_batch.max(1)).enumerate();
        batches.for_each(|(index, mut numbers)| {
            let (point, batch) = (index / group.batches, index % group.batches);
            for (result, &width) in results[point * widths.len()..].iter().zip(&widths) {
                let padded = width.next_multiple_of(4);
                let from = result[batch * rows * padded..].chunks_exact(padded);
                let (to, rest) = numbers.split_at_mut(rows * width);
                for (to, from) in to.chunks_exact_mut(width).zip(from) {
                    to.iter_mut().zip(from).for_each(|(to, &from)| *to = from.into());
                }
                numbers = rest;
            }
        });
        Ok(numbers)
    }
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

    /// Numbers that are held for each sample of a group: activations, logits at all points, and the image,
    /// of which there are several copies while it is gathered.
    pub fn numbers_of_sample(&self) -> usize {
        let Plan { input, output, .. } = self.plan;
        let images = IMAGES_HELD * input.len();
        let logits = self.points.len() * output.len().next_multiple_of(4);
        let ends = self.first.as_ref().map_or(0, |_| 2 * self.plan.weights[0].shape.outputs);
        let [_, patches, products] = self.fours_transformed();
        let buffers: usize = self.plan.fours_of_buffers().iter().sum();
        4 * (buffers + patches + products) + ends + images + logits
    }

    /// Fours of numbers of the largest transformed weights, and of a sample's patches and products.
    fn fours_transformed(&self) -> [usize; 3] {
        let transformed = self.plan.shapes().filter_map(|shape| self.transformed(shape));
        transformed.fold([0; 3], |most, winograd| {
            let fours = winograd.fours();
            [0, 1, 2].map(|part| most[part].max(fours[part]))
        })
    }

    fn transformed(&self, shape: ConvolutionShape) -> Option<Winograd> {
        Winograd::of(shape).filter(|_| self.winograd)
    }

    fn memory(&self, group: Group) -> Memory {
        let (plan, samples) = (self.plan, group.samples());
        let fours = |len: usize| Buffer::fours(&self.client, len);
        let mut norms: Vec<NormMemory> = Vec::new();
        for norm in &plan.norms {
            let channels = norm.channels.div_ceil(4);
            let [statistics, affine] = [(); 2].map(|()| fours(group.batches * 2 * channels));
            let tiles = (group.samples * norm.pixels).div_ceil(Tile::LEAST_ROWS);
            let partials = fours(group.batches * tiles * 2 * channels);
            norms.push(NormMemory { partials, tile: device::TILE, statistics, affine });
        }
        let ends = self.first.as_ref().map(|_| {
            let len = samples * plan.weights[0].shape.outputs.div_ceil(4);
            [(); 2].map(|()| fours(len))
        });
        let buffers =
            plan.fours_of_buffers().into_iter().map(|size| fours(samples * size)).collect();
        let [weights, patches, products] = self.fours_transformed();
        let transformed = Transformed {
            weights: fours(weights),
            patches: fours(samples * patches),
            products: fours(samples * products),
        };
        Memory { group, images: fours(0), ends, buffers, norms, transformed }
    }

    /// The first layer's output at the start of the line, and its change along it.
    fn first_step(&self, memory: &mut Memory) {
        let (Some(first), Some(ends)) = (&self.first, &memory.ends) else { return };
        let Some(&Step::Convolve { weights, from, .. }) = self.plan.steps.first() else { return };
        for (parameters, output) in first.iter().zip(ends.clone()) {
            self.convolve(memory, parameters, weights, from, None, output, None, None);
        }
    }

    /// All steps at a point: the logits, or statistics.
    fn at(&self, memory: &mut Memory, point: &DevicePoint, statistics: bool) -> Vec<Buffer> {
        let plan = self.plan;
        if statistics {
            // What is read back later is not overwritten.
            for norm in &mut memory.norms {
                norm.statistics = Buffer::fours(&self.client, norm.statistics.len());
            }
        }
        let mut logits = memory.images.clone();
        for (index, step) in plan.steps.iter().enumerate() {
            let last = step.writes().filter(|_| index + 1 == plan.steps.len());
            if let Some(Place::Buffer(index)) = last {
                // Nor are these, and nothing else is read back with them.
                let len = memory.group.samples() * fours_of(plan.output.shape);
                let own = Buffer::fours(&self.client, len);
                let shared = std::mem::replace(&mut memory.buffers[index], own);
                self.step(memory, point, step);
                logits = std::mem::replace(&mut memory.buffers[index], shared);
                continue;
            }
            match (index, &memory.ends, step) {
                (0, Some(ends), &Step::Convolve { to, .. }) => {
                    let [a, b] = ends.clone();
                    let output = memory.buffers[to].first(a.len());
                    device::mix(&self.client, point.alpha as f32, [a, b, output]);
                }
                _ => self.step(memory, point, step),
            }
        }
        if statistics {
            return memory.norms.iter().map(|norm| norm.statistics.clone()).collect();
        }
        vec![logits]
    }

    fn step(&self, memory: &mut Memory, point: &DevicePoint, step: &Step) {
        let (client, frozen) = (&self.client, point.frozen.as_deref());
        let Group { batches, samples } = memory.group;
        let output = |memory: &Memory| {
            let (index, shape) = self.plan.written(step)?;
            Some(memory.buffers[index].first(batches * samples * fours_of(shape)))
        };
        match *step {
            Step::Convolve { weights, from, shortcut, gathers, .. } => {
                let Some(output) = output(memory) else { return };
                let gathers = gathers.filter(|_| frozen.is_none());
                let parameters = &point.weights[weights];
                self.convolve(memory, parameters, weights, from, shortcut, output, gathers, frozen);
            }
            Step::MaxPool { from, size, .. } => {
                let Some(output) = output(memory) else { return };
                let (read, normed, [input, affine]) = self.read_of(memory, frozen, from);
                device::max_pool(client, read, size, normed, [input, affine, output]);
            }
            Step::AveragePool { from, .. } => {
                let Some(output) = output(memory) else { return };
                let (read, normed, [input, affine]) = self.read_of(memory, frozen, from);
                device::average_pool(client, read, normed, [input, affine, output]);
            }
            Step::Add { from, other, .. } => {
                let Some(output) = output(memory) else { return };
                let (read, normed, [input, affine]) = self.read_of(memory, frozen, from);
                let other = memory.at(other);
                device::add(client, read, normed, [input, affine, other, output]);
            }
            Step::Gather { from, norm } => {
                if frozen.is_none() {
                    let [height, width, channels] = from.shape;
                    let sizes = [batches, samples * height * width, channels.div_ceil(4)];
                    let partials = memory.norms[norm].partials.clone();
                    device::gather(client, sizes, [memory.at(from.place), partials]);
                    memory.norms[norm].tile = device::TILE;
                }
            }
            Step::Normalise { norm, .. } => {
                if frozen.is_none() {
                    let NormMemory { partials, tile, statistics, affine } = &memory.norms[norm];
                    let rows = samples * self.plan.norms[norm].pixels;
                    let channels = self.plan.norms[norm].channels.div_ceil(4);
                    let [gamma, beta] = point.norms[norm].clone();
                    let norm = Norm { batches, rows, tile: *tile, channels };
                    let to = [statistics, affine].map(Buffer::clone);
                    device::normalise(client, norm, [partials.clone(), gamma, beta], to);
                }
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "all that a step of a plan may ask for")]
    fn convolve(
        &self,
        memory: &mut Memory,
        [weights, bias]: &Affine,
        index: usize,
        from: Value,
        shortcut: Option<Place>,
        output: Buffer,
        gathers: Option<usize>,
        frozen: Option<&[Buffer]>,
    ) {
        let Weights { shape, bias: has_bias, .. } = self.plan.weights[index];
        let Group { batches, samples } = memory.group;
        let [height, width] = shape.output_size();
        let [parts, inputs] = self.pieces[index];
        let form = Convolution {
            norm: from.norm.is_some(),
            rectify: from.rectify,
            bias: has_bias.is_some(),
            shortcut: shortcut.is_some(),
            gathers: gathers.is_some(),
            inputs: parts * inputs.div_ceil(4),
            ..Convolution::of(shape)
        };
        let of_batch = samples * height * width;
        let normed = if frozen.is_some() { usize::MAX } else { of_batch };
        let input = memory.at(from.place);
        let affine = memory.affine(frozen, from.norm).unwrap_or_else(|| bias.clone());
        let partials = gathers.map_or_else(
            || Buffer::fours(&self.client, 1),
            |norm| memory.norms[norm].partials.clone(),
        );
        let operands = Operands {
            affine,
            weights: weights.clone(),
            bias: bias.clone(),
            shortcut: shortcut.map_or_else(|| bias.clone(), |place| memory.at(place)),
            input,
            output: output.clone(),
            partials: partials.clone(),
        };
        let client = &self.client;
        let mut tile = form.tile.all_rows();
        if let Some(winograd) = self.transformed(shape) {
            let (samples, to) = (batches * samples, memory.transformed.clone());
            device::convolve_by_winograd(client, (form, winograd), samples, normed, operands, to);
            if gathers.is_some() {
                tile = device::TILE;
                device::gather(client, [batches, of_batch, form.outputs], [output, partials]);
            }
        } else {
            // Where samples are single rows, a batch would not fill its last tile.
            let (blocks, rows) =
                if height * width > 1 { (batches, of_batch) } else { (1, batches * of_batch) };
            device::convolve(client, form, Rows { blocks, rows, normed }, operands);
        }
        if let Some(norm) = gathers {
            memory.norms[norm].tile = tile;
        }
    }

    /// An activation as it is read, rows that share a norm's statistics, and where both stand.
    fn read_of(
        &self,
        memory: &Memory,
        frozen: Option<&[Buffer]>,
        Value { place, shape, norm, rectify }: Value,
    ) -> (Read, usize, [Buffer; 2]) {
        let [height, width, channels] = shape;
        let channels = channels.div_ceil(4);
        let read = Read { height, width, channels, norm: norm.is_some(), rectify };
        let of_batch = memory.group.samples * height * width;
        let normed = if frozen.is_some() { usize::MAX } else { of_batch };
        let input = memory.at(place);
        let affine = memory.affine(frozen, norm).unwrap_or_else(|| input.clone());
        (read, normed, [input, affine])
    }
}

impl Memory {
    fn at(&self, place: Place) -> Buffer {
        match place {
            Place::Images => self.images.clone(),
            Place::Buffer(index) => self.buffers[index].clone(),
        }
    }

    fn affine(&self, frozen: Option<&[Buffer]>, norm: Option<usize>) -> Option<Buffer> {
        let norm = norm?;
        Some(frozen.map_or_else(|| self.norms[norm].affine.clone(), |all| all[norm].clone()))
    }
}

impl Plan {
    /// Where a step writes, and the shape of a sample there.
    fn written(&self, step: &Step) -> Option<(usize, [usize; 3])> {
        let Some(Place::Buffer(index)) = step.writes() else { return None };
        let shape = match *step {
            Step::Convolve { weights, .. } => {
                let shape = self.weights[weights].shape;
                let [height, width] = shape.output_size();
                [height, width, shape.outputs]
            }
            Step::MaxPool {
                from: Value { shape: [height, width, channels], .. }, size, ..
            } => [height / size, width / size, channels],
            Step::AveragePool { from, .. } => [1, 1, from.shape[2]],
            Step::Add { from, .. } => from.shape,
            Step::Gather { .. } | Step::Normalise { .. } => return None,
        };
        Some((index, shape))
    }

    /// Fours of numbers of a sample in each buffer.
    fn fours_of_buffers(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.buffers.len()];
        for (index, shape) in self.steps.iter().filter_map(|step| self.written(step)) {
            sizes[index] = sizes[index].max(fours_of(shape));
        }
        sizes
    }

    /// Pixels and channels of an image as it is read: one pixel where all readers take it for a row.
    fn images_as_read(&self) -> [usize; 2] {
        let readers = self.steps.iter().filter_map(Step::from);
        let of_images = readers.filter(|from| from.place == Place::Images);
        let shapes = of_images.map(|from| [from.shape[0] * from.shape[1], from.shape[2]]);
        shapes.max().unwrap_or([1, self.input.len()])
    }

    /// The pieces of a pixel that each convolution reads, and channels of a piece, filled up to fours: a
    /// fully connected layer reads all pixels as one.
    fn pieces(&self) -> Vec<[usize; 2]> {
        let mut written = vec![[0; 2]; self.buffers.len()];
        let mut pieces = vec![[0; 2]; self.weights.len()];
        for step in &self.steps {
            if let Step::Convolve { weights, from, .. } = *step {
                let [pixels, channels] = match from.place {
                    Place::Images => self.images_as_read(),
                    Place::Buffer(index) => written[index],
                };
                let is_row = from.shape == [1, 1, pixels * channels];
                pieces[weights] = [if is_row { pixels } else { 1 }, channels];
            }
            if let Some((index, [height, width, channels])) = self.written(step) {
                written[index] = [height * width, channels];
            }
        }
        pieces
    }
}

/// Fours of numbers of a sample.
fn fours_of([height, width, channels]: [usize; 3]) -> usize {
    height * width * channels.div_ceil(4)
}

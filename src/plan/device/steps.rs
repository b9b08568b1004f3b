//! The steps of a plan at one point of a line.

use cubecl::server::Handle;

use super::layout::{fours_of, refused};
use super::memory::{Memory, NormMemory};
use super::{Affine, DeviceLine, DevicePoint, Group};
use crate::device::{self, Buffer, Convolution, Norm, Operands, Read, Rows, Transformed};
use crate::kernels::ConvolutionShape;
use crate::plan::step::{Place, Step, Value, Weights};

impl DeviceLine<'_> {
    /// The first layer's output at the start of the line, and its change along it.
    pub(super) fn first_step(&self, memory: &mut Memory) {
        let (Some(first), Some(ends)) = (&self.first, &memory.ends) else { return };
        let Some(&Step::Convolve { weights, from, .. }) = self.plan.steps.first() else { return };
        for (parameters, output) in first.iter().zip(ends.clone()) {
            self.convolve(memory, parameters, weights, from, None, output, None, None);
        }
    }

    /// All steps at a point: the logits, or all norms' statistics.
    pub(super) fn at(&self, memory: &mut Memory, point: &DevicePoint, statistics: bool) -> Handle {
        let plan = self.plan;
        if statistics {
            // What is read back later is not overwritten.
            memory.statistics = self.statistics(memory.group);
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
        if statistics { memory.statistics.handle() } else { logits.handle() }
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
            Step::Smooth { .. } => refused(),
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
            Step::Normalise { norm: index, .. } => {
                if frozen.is_none() {
                    let NormMemory { partials, tile, affine } = &memory.norms[index];
                    let rows = samples * self.plan.norms[index].pixels;
                    let channels = self.plan.norms[index].channels.div_ceil(4);
                    let [gamma, beta] = point.norms[index].clone();
                    let norm = Norm { batches, rows, tile: *tile, channels };
                    let to = [memory.statistics.part(index), affine.clone()];
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
        let form = Convolution {
            norm: from.norm.is_some(),
            rectify: from.rectify,
            bias: has_bias.is_some(),
            shortcut: shortcut.is_some(),
            gathers: gathers.is_some(),
            inputs: self.inputs(index),
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
        let mut tile = form.rows_of_tile();
        if let Some(winograd) = self.transformed(shape, batches * samples) {
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

    /// A convolution of samples whose norms, if any, have the same statistics, by whichever algorithm is
    /// faster for its shape.
    pub(super) fn product(
        &self,
        (form, shape): (Convolution, ConvolutionShape),
        samples: usize,
        operands: Operands,
        memory: Transformed,
    ) {
        let (client, normed) = (&self.client, usize::MAX);
        if let Some(winograd) = self.transformed(shape, samples) {
            let form = (form, winograd);
            return device::convolve_by_winograd(client, form, samples, normed, operands, memory);
        }
        let [height, width] = [form.height, form.width].map(|size| size.div_ceil(form.stride));
        let rows = Rows { blocks: 1, rows: samples * height * width, normed };
        device::convolve(client, form, rows, operands);
    }

    /// An activation as it is read, rows that share a norm's statistics, and where both stand.
    pub(super) fn read_of(
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

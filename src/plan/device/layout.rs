//! How a plan's activations stand on a device: channels filled up to fours.

use crate::device::Entry;
use crate::network::{Layout, ParameterId};
use crate::plan::step::{Place, Step, Value, Weights};
use crate::plan::{GradientPlan, Plan};

impl Plan {
    /// Where a step writes, and the shape of a sample there.
    pub(super) fn written(&self, step: &Step) -> Option<(usize, [usize; 3])> {
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
            Step::Smooth { from, .. } | Step::Add { from, .. } => from.shape,
            Step::Gather { .. } | Step::Normalise { .. } => return None,
        };
        Some((index, shape))
    }

    /// Fours of numbers of a sample in each buffer.
    pub(super) fn fours_of_buffers(&self) -> Vec<usize> {
        let mut sizes = vec![0; self.buffers.len()];
        for (index, shape) in self.steps.iter().filter_map(|step| self.written(step)) {
            sizes[index] = sizes[index].max(fours_of(shape));
        }
        sizes
    }

    /// Pixels and channels of an image as it is read: one pixel where all readers take it for a row.
    pub(super) fn images_as_read(&self) -> [usize; 2] {
        let readers = self.steps.iter().filter_map(Step::from);
        let of_images = readers.filter(|from| from.place == Place::Images);
        let shapes = of_images.map(|from| [from.shape[0] * from.shape[1], from.shape[2]]);
        shapes.max().unwrap_or([1, self.input.len()])
    }

    /// The pieces of a pixel that each convolution reads, and channels of a piece, filled up to fours: a
    /// fully connected layer reads all pixels as one.
    pub(super) fn pieces(&self) -> Vec<[usize; 2]> {
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

impl GradientPlan {
    /// Fours of numbers that a sample's activations take, all of which stay.
    pub(crate) fn fours_of_sample(&self) -> usize {
        self.plan.fours_of_buffers().iter().sum()
    }
}

impl Plan {
    /// Where weights and bias of every layer stand in theta, then gamma and beta of every norm; `pieces` as
    /// [`Plan::pieces`] has them.
    pub(super) fn entries(&self, layout: &Layout, pieces: &[[usize; 2]]) -> Vec<Entry> {
        let layers = pieces.iter().enumerate().flat_map(|(index, &pieces)| {
            let (weight, bias) = self.entries_of(layout, pieces, index);
            std::iter::once(weight).chain(bias)
        });
        let norms = self.norms.iter().flat_map(|norm| [norm.weight, norm.bias]);
        layers.chain(norms.map(|id| channels(layout, id))).collect()
    }

    /// Where the weights of a layer stand in theta, and its bias.
    pub(super) fn entries_of(
        &self,
        layout: &Layout,
        [parts, inputs]: [usize; 2],
        index: usize,
    ) -> (Entry, Option<Entry>) {
        let Weights { shape, weight, bias } = self.weights[index];
        let taps = shape.kernel * shape.kernel * parts;
        let offset = layout.parameters[weight.0].offset;
        let bias = bias.map(|bias| channels(layout, bias));
        (Entry::weights(offset, [taps, inputs, shape.outputs]), bias)
    }
}

/// Where a number for each channel stands in theta.
pub(super) fn channels(layout: &Layout, id: ParameterId) -> Entry {
    let entry = &layout.parameters[id.0];
    Entry::channels(entry.offset, entry.len())
}

/// What [`Plan::is_for_devices`] keeps away.
pub(super) fn refused() -> ! {
    unreachable!("a smooth function on a device")
}

/// Fours of numbers of a sample.
pub(super) fn fours_of([height, width, channels]: [usize; 3]) -> usize {
    height * width * channels.div_ceil(4)
}

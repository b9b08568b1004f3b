//! From a network's layers to steps.

use super::step::{Norm, Place, Pools, Step, Value, Weights};
use crate::kernels::{Algorithm, ConvolutionShape};
use crate::network::{Layer, Network, Stage};

/// The steps from images to logits, and the sizes of all that they work on.
#[derive(Debug)]
pub struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) weights: Vec<Weights>,
    /// In the order of the network's buffers.
    pub(super) norms: Vec<Norm>,
    /// Numbers of one sample in each buffer.
    pub(super) buffers: Vec<usize>,
    /// The images.
    pub(super) input: Value,
    /// The logits.
    pub(super) output: Value,
}

impl Plan {
    /// The plan of a network; none if a layer does not say what it does.
    pub fn of(network: &Network) -> Option<Self> {
        Self::compile(network, Compiler::default())
    }

    /// The same with fewer numbers on their way to memory: pools in the convolutions before them, sums of a residual
    /// block where its shortcut stood.
    pub fn fused(network: &Network) -> Option<Self> {
        Self::compile(network, Compiler { fuses: true, ..Compiler::default() })
    }

    /// As [`of`](Self::of), with a buffer for each activation, so that all stay for a way back.
    pub(super) fn keeping(network: &Network) -> Option<Self> {
        Self::compile(network, Compiler { keeps: true, ..Compiler::default() })
    }

    fn compile(network: &Network, mut compiler: Compiler) -> Option<Self> {
        let shape = [network.input.height, network.input.width, network.input.channels];
        let images = Value { place: Place::Images, shape, norm: None, rectify: false };
        let output = compiler.layers(network.layers(), images)?;
        let output = compiler.applied(output);
        let Compiler { steps, weights, norms, buffers, .. } = compiler;
        let norms: Option<Vec<Norm>> = norms.into_iter().collect();
        Some(Self { steps, weights, norms: norms?, buffers, input: images, output })
    }

    /// True if the first step is a convolution of the images as they are, whose output is then linear in
    /// the first layer's parameters, and no other step reads the images.
    pub fn begins_linear(&self) -> bool {
        let Some((Step::Convolve { from, shortcut: None, .. }, rest)) = self.steps.split_first()
        else {
            return false;
        };
        let is_plain = from.place == Place::Images && !from.is_pending();
        is_plain && !rest.iter().any(|step| step.reads(Place::Images))
    }

    /// Values that every mean of a norm is over, for a batch of so many samples, norm by norm.
    pub fn counts(&self, samples: usize) -> impl Iterator<Item = usize> {
        self.norms.iter().map(move |norm| samples * norm.pixels)
    }

    /// True if devices have kernels for all of its steps.
    #[cfg(gpu)]
    pub(crate) fn is_for_devices(&self) -> bool {
        !self.steps.iter().any(|step| matches!(step, Step::Smooth { .. }))
    }

    /// Channels of every norm.
    #[cfg(gpu)]
    pub(crate) fn channels_of_norms(&self) -> impl Iterator<Item = usize> {
        self.norms.iter().map(|norm| norm.channels)
    }

    /// The shapes of its convolutions and fully connected layers, in the order that they run in.
    pub fn shapes(&self) -> impl Iterator<Item = ConvolutionShape> {
        self.weights.iter().map(|weights| weights.shape)
    }

    /// A shift of zero for every channel of every norm.
    pub fn no_shift(&self) -> Vec<Vec<f32>> {
        self.norms.iter().map(|norm| vec![0.0; norm.channels]).collect()
    }

    /// Numbers that a station holds, packed, at most.
    pub fn packed_len(&self) -> usize {
        // F(4x4, 3x3) keeps 36 numbers for 9.
        self.weights.iter().map(|weights| 4 * weights.shape.weight_len()).sum()
    }

    /// The widths of all activations.
    pub(super) fn channels(&self) -> impl Iterator<Item = usize> {
        let widths = self.weights.iter().flat_map(|w| [w.shape.inputs, w.shape.outputs]);
        widths.chain([self.output.shape[2]])
    }

    /// Numbers of the first step's output for one sample.
    pub(super) fn first_len(&self) -> usize {
        match self.steps.first() {
            Some(Step::Convolve { weights, .. }) => self.weights[*weights].shape.output_len(),
            _ => 0,
        }
    }
}

/// A plan in the making.
#[derive(Default)]
struct Compiler {
    steps: Vec<Step>,
    weights: Vec<Weights>,
    norms: Vec<Option<Norm>>,
    buffers: Vec<usize>,
    /// How many values stand in each buffer; a buffer of none is free.
    uses: Vec<usize>,
    /// No buffer is used twice.
    keeps: bool,
    /// Convolutions pool what they write, and write where shortcuts stand that nothing else reads.
    fuses: bool,
    /// The buffer for all outputs of one that cannot after all.
    whole: Option<usize>,
}

impl Compiler {
    fn layers(&mut self, layers: &[Box<dyn Layer>], input: Value) -> Option<Value> {
        layers.iter().try_fold(input, |value, layer| self.stage(layer.stage()?, value))
    }

    /// Appends what one layer does.
    fn stage(&mut self, stage: Stage, from: Value) -> Option<Value> {
        let [height, width, channels] = from.shape;
        Some(match stage {
            Stage::Convolution { kernel_size: kernel, stride, outputs, weight, bias } => {
                let shape =
                    ConvolutionShape { height, width, inputs: channels, outputs, kernel, stride };
                let [rows, columns] = shape.output_size();
                let weights = Weights { shape, weight, bias };
                self.convolve(weights, from, [rows, columns, outputs])
            }
            Stage::Linear { outputs, weight, bias } => {
                let flat = if height * width > 1 { self.applied(from) } else { from };
                let flat = Value { shape: [1, 1, flat.len()], ..flat };
                let shape = ConvolutionShape::linear(flat.len(), outputs);
                self.convolve(Weights { shape, weight, bias: Some(bias) }, flat, [1, 1, outputs])
            }
            Stage::BatchNorm { index, weight, bias } => {
                let value = self.applied(from);
                self.norms.resize(self.norms.len().max(index + 1), None);
                self.norms[index] = Some(Norm { channels, pixels: height * width, weight, bias });
                self.gather(value, index);
                Value { norm: Some(index), ..value }
            }
            Stage::Relu => Value { rectify: true, ..from },
            Stage::Smooth(function) => {
                // A way back reads what the function did.
                let from = if self.keeps { self.applied(from) } else { from };
                let (value, to) = self.buffer(from.shape);
                self.steps.push(Step::Smooth { function, from, to });
                self.release(from.place);
                value
            }
            Stage::MaxPool { size } => {
                if let Some(pooled) = self.pooled(from, size) {
                    return Some(pooled);
                }
                let to = self.buffer([height / size, width / size, channels]);
                self.steps.push(Step::MaxPool { from, size, to: to.1 });
                self.release(from.place);
                to.0
            }
            Stage::GlobalAveragePool => {
                let to = self.buffer([1, 1, channels]);
                self.steps.push(Step::AveragePool { from, to: to.1 });
                self.release(from.place);
                to.0
            }
            Stage::Residual { stem, main, shortcut } => {
                let stem = self.layers(stem, from)?;
                // An empty shortcut is read as it is when the sum is written.
                let parted = if shortcut.is_empty() { self.applied(stem) } else { stem };
                self.retain(parted.place);
                let other = self.layers(shortcut, parted)?;
                let other = self.applied(other);
                let main = self.layers(main, parted)?;
                self.add(main, other)
            }
        })
    }

    fn convolve(&mut self, weights: Weights, from: Value, shape: [usize; 3]) -> Value {
        let (value, to) = self.buffer(shape);
        let index = self.weights.len();
        self.weights.push(weights);
        self.steps.push(Step::Convolve {
            weights: index,
            from,
            shortcut: None,
            to,
            gathers: None,
            pools: None,
        });
        self.release(from.place);
        value
    }

    /// The maxima over windows, by the convolution that wrote the value, if nothing else reads that; what is pending
    /// stays so.
    fn pooled(&mut self, from: Value, size: usize) -> Option<Value> {
        let Place::Buffer(index) = from.place else { return None };
        if !self.fuses || size != 2 || self.uses[index] != 1 {
            return None;
        }
        let last = match &mut self.steps[..] {
            [.., last, Step::Normalise { norm, .. }] if from.norm == Some(*norm) => last,
            [.., last] if from.norm.is_none() => last,
            _ => return None,
        };
        let Step::Convolve { weights, shortcut: None, to, pools: pools @ None, .. } = last else {
            return None;
        };
        let shape = self.weights[*weights].shape;
        if *to != index || !Algorithm::fastest(shape).pools(shape) {
            return None;
        }
        let whole = *self.whole.get_or_insert(self.uses.len());
        *pools = Some(Pools { norm: from.norm, whole });
        if whole == self.uses.len() {
            self.uses.push(1);
            self.buffers.push(0);
        }
        self.buffers[whole] = self.buffers[whole].max(from.len());
        let [height, width, channels] = from.shape;
        Some(Value { shape: [height / size, width / size, channels], ..from })
    }

    /// The sum of two values, by the convolution that wrote the first one if there is such.
    fn add(&mut self, from: Value, other: Value) -> Value {
        if let Some(Step::Convolve {
            from: read, shortcut: shortcut @ None, to, pools: None, ..
        }) = self.steps.last_mut()
            && Place::Buffer(*to) == from.place
            && other.place != from.place
            && !from.is_pending()
        {
            *shortcut = Some(other.place);
            let (sum, released) = match other.place {
                // What nobody else reads makes room for the sum.
                Place::Buffer(index)
                    if self.fuses && self.uses[index] == 1 && read.place != other.place =>
                {
                    *to = index;
                    (Value { place: other.place, ..from }, from)
                }
                _ => (from, other),
            };
            self.release(released.place);
            return sum;
        }
        let (value, to) = self.buffer(from.shape);
        self.steps.push(Step::Add { from, other: other.place, to });
        self.release(from.place);
        self.release(other.place);
        value
    }

    /// The value with nothing pending.
    fn applied(&mut self, from: Value) -> Value {
        if !from.is_pending() {
            return from;
        }
        let (value, to) = self.buffer(from.shape);
        self.steps.push(Step::MaxPool { from, size: 1, to });
        self.release(from.place);
        value
    }

    /// Has a norm's statistics gathered, by the convolution that has written its input if one has, and
    /// if samples have more pixels than one: sums of one number each are as much to write as to read.
    fn gather(&mut self, from: Value, norm: usize) {
        let writer = self.steps.iter_mut().rev().find(|step| step.writes() == Some(from.place));
        match writer {
            Some(Step::Convolve { gathers: gathers @ None, pools: None, .. })
                if from.shape[..2] != [1, 1] =>
            {
                *gathers = Some(norm);
            }
            _ => self.steps.push(Step::Gather { from, norm }),
        }
        self.steps.push(Step::Normalise { from: from.place, norm });
    }

    /// A free buffer for a value of this shape.
    fn buffer(&mut self, shape: [usize; 3]) -> (Value, usize) {
        let is_free = |&uses: &usize| uses == 0 && !self.keeps;
        let free = self.uses.iter().position(is_free);
        let index = free.unwrap_or(self.uses.len());
        if free.is_none() {
            self.uses.push(0);
            self.buffers.push(0);
        }
        self.uses[index] = 1;
        let value = Value { place: Place::Buffer(index), shape, norm: None, rectify: false };
        self.buffers[index] = self.buffers[index].max(value.len());
        (value, index)
    }

    fn retain(&mut self, place: Place) {
        if let Place::Buffer(index) = place {
            self.uses[index] += 1;
        }
    }

    fn release(&mut self, place: Place) {
        if let Place::Buffer(index) = place {
            self.uses[index] -= 1;
        }
    }
}

//! The steps of a plan: kernels over numbered buffers.

use crate::kernels::{ConvolutionShape, Smooth};
use crate::network::ParameterId;

/// Activations [n, h, w, c] in a buffer, and what remains to be done to them when they are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Value {
    pub place: Place,
    /// h, w, c.
    pub shape: [usize; 3],
    /// The norm that they pass when they are read.
    pub norm: Option<usize>,
    /// Negative numbers are read as zero.
    pub rectify: bool,
}

/// Where activations stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The images themselves.
    Images,
    /// A buffer of the workspace.
    Buffer(usize),
}

impl Value {
    /// True if a sample has one pixel, so that sums over its pixels are the numbers themselves.
    pub fn is_pixel(&self) -> bool {
        self.shape[..2] == [1, 1]
    }

    pub fn is_pending(&self) -> bool {
        self.norm.is_some() || self.rectify
    }

    /// Numbers of one sample.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// One kernel call.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A convolution or fully connected layer.
    Convolve {
        /// Its weights' index in the station.
        weights: usize,
        from: Value,
        /// Added; it may stand where the outputs go.
        shortcut: Option<Place>,
        to: usize,
        /// The norm whose statistics are gathered while it writes.
        gathers: Option<usize>,
        /// If only the largest of each 2x2 outputs are written; with a [norm](Value::norm) pending, those that will be.
        pools: Option<Pools>,
    },
    /// The maximum over windows of `size` x `size`; size 1 applies what is pending.
    MaxPool { from: Value, size: usize, to: usize },
    /// The mean over pixels.
    AveragePool { from: Value, to: usize },
    /// A smooth function of every number.
    Smooth { function: Smooth, from: Value, to: usize },
    /// The sum of two activations.
    Add { from: Value, other: Place, to: usize },
    /// Statistics of a norm whose input no convolution wrote.
    Gather { from: Value, norm: usize },
    /// From a norm's statistics to what its readers apply; its input stands in `from`.
    Normalise { from: Place, norm: usize },
}

impl Step {
    /// True if it reads activations at `place`.
    pub fn reads(&self, place: Place) -> bool {
        match *self {
            Self::Convolve { from, shortcut, .. } => from.place == place || shortcut == Some(place),
            Self::MaxPool { from, .. }
            | Self::AveragePool { from, .. }
            | Self::Smooth { from, .. }
            | Self::Gather { from, .. } => from.place == place,
            Self::Add { from, other, .. } => from.place == place || other == place,
            Self::Normalise { .. } => false,
        }
    }

    /// What it reads first.
    #[cfg(gpu)]
    pub fn from(&self) -> Option<Value> {
        match *self {
            Self::Convolve { from, .. }
            | Self::MaxPool { from, .. }
            | Self::AveragePool { from, .. }
            | Self::Smooth { from, .. }
            | Self::Add { from, .. }
            | Self::Gather { from, .. } => Some(from),
            Self::Normalise { .. } => None,
        }
    }

    /// Where its output stands.
    pub fn writes(&self) -> Option<Place> {
        match *self {
            Self::Convolve { to, .. }
            | Self::MaxPool { to, .. }
            | Self::AveragePool { to, .. }
            | Self::Smooth { to, .. }
            | Self::Add { to, .. } => Some(Place::Buffer(to)),
            Self::Gather { .. } | Self::Normalise { .. } => None,
        }
    }
}

/// How a convolution writes only the largest of each 2x2 outputs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pools {
    /// The norm that is still to be applied: a negative factor turns the smallest into the largest.
    pub norm: Option<usize>,
    /// A buffer for all outputs, where the kernel at hand does not pool.
    pub whole: usize,
}

/// A convolution's sizes and parameters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weights {
    pub shape: ConvolutionShape,
    pub weight: ParameterId,
    pub bias: Option<ParameterId>,
}

/// A norm's sizes and parameters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Norm {
    pub channels: usize,
    /// Pixels of each sample.
    pub pixels: usize,
    pub weight: ParameterId,
    pub bias: ParameterId,
}

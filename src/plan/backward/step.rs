//! The steps of a way back: kernels over numbered buffers of gradients.

use super::super::step::{Place, Value};
use crate::kernels::Smooth;

/// One kernel call, or two that share their input: a gradient with respect to what a step wrote.
#[derive(Debug, Clone)]
pub(in super::super) enum Back {
    /// The gradients of weights and bias and, if anybody asks for it, of the input.
    Convolve { weights: usize, from: Value, gradient: usize, bias: BiasGradient, to: Option<To> },
    /// Of maxima over windows; size 1 passes the gradient on.
    MaxPool { from: Value, size: usize, gradient: usize, to: To },
    /// Of means over pixels.
    AveragePool { from: Value, gradient: usize, to: To },
    /// Of a smooth function of what stands in `from`, with nothing pending.
    Smooth { function: Smooth, from: Value, gradient: usize, to: To },
    /// Adds a gradient of so many numbers a sample to another.
    Sum { gradient: usize, to: usize, len: usize },
    /// From the gradient of what a norm writes to that of what it reads, plus another; in place if `to` is
    /// `gradient`.
    Normalise { norm: usize, from: Place, gradient: usize, other: Option<usize>, to: usize },
    /// Copies a gradient that has to stay before others are added to it.
    Copy { gradient: usize, to: usize, len: usize },
}

/// Where the gradient with respect to a value goes: past its rectifier, not past its norm.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct To {
    pub buffer: usize,
    /// Other readers of the value have written there.
    pub adds: bool,
    /// The norm whose sums are gathered, by the last one that writes.
    pub gathers: Option<usize>,
}

/// How the gradient of a convolution's bias is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum BiasGradient {
    /// There is no bias.
    None,
    /// As the sum of the gradient over samples and pixels.
    Summed,
    /// The gradient comes from this norm alone, which knows its sum: exactly zero under statistics of
    /// the batch.
    OfNorm(usize),
}

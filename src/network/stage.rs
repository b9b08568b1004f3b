//! What a layer does, as data, for those who compute its values by other means than series.

use super::{Layer, ParameterId};
use crate::kernels::Smooth;

/// A layer as a plan of fast kernels sees it.
#[derive(Debug, Clone, Copy)]
pub enum Stage<'a> {
    /// As [`Convolution`](super::Convolution).
    Convolution {
        /// k.
        kernel_size: usize,
        /// Step between windows.
        stride: usize,
        /// Channels out.
        outputs: usize,
        /// `[k, k, in, out]`.
        weight: ParameterId,
        /// `[out]`.
        bias: Option<ParameterId>,
    },
    /// As [`Linear`](super::Linear).
    Linear {
        /// Units out.
        outputs: usize,
        /// `[h, w, c, out]`.
        weight: ParameterId,
        /// `[out]`.
        bias: ParameterId,
    },
    /// As [`BatchNorm`](super::BatchNorm).
    BatchNorm {
        /// Which norm of the network this is, counted from 0.
        index: usize,
        /// gamma.
        weight: ParameterId,
        /// beta.
        bias: ParameterId,
    },
    /// max(x, 0).
    Relu,
    /// A smooth function of every entry.
    Smooth(Smooth),
    /// As [`MaxPool`](super::MaxPool).
    MaxPool {
        /// Height and width of a window.
        size: usize,
    },
    /// As [`GlobalAveragePool`](super::GlobalAveragePool).
    GlobalAveragePool,
    /// As [`Residual`](super::Residual).
    Residual {
        /// Layers before the paths part.
        stem: &'a [Box<dyn Layer>],
        /// The path with the non-linearities.
        main: &'a [Box<dyn Layer>],
        /// The projection.
        shortcut: &'a [Box<dyn Layer>],
    },
}

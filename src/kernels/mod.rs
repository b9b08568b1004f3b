//! Convolutions, fully connected layers, their gradients, and pooling on the CPU.
//!
//! Images are [n, h, w, channels]. A kernel reads its input normalised and rectified ([`Source`]), adds
//! a shortcut and gathers statistics while it writes ([`Target`]), and works in memory that its thread
//! keeps ([`Scratch`]). Weights are packed once per point ([`PackedConvolution`]); a fully connected
//! layer is a convolution of images of one pixel. The instruction set is chosen at run time
//! ([`InstructionSet`]). Nothing here knows of tensors or networks.
//!
//! Lengths that contradict each other panic: they are mistakes of the caller.

mod algorithm;
mod aligned;
mod batch_gradient;
mod convolution;
mod direct;
mod gather;
mod input_gradient;
mod line_statistics;
mod mix;
mod moments;
mod norm_gradient;
mod norm_tangent;
mod outer;
mod pack;
mod peak;
mod pool;
mod pool_gradient;
#[cfg(test)]
mod reference;
mod scratch;
mod shape;
mod simd;
mod smooth;
mod source;
mod split;
mod statistics;
mod target;
#[cfg(test)]
mod tests;
mod tile;
mod weight_gradient;
mod winograd;

pub use algorithm::{Algorithm, AlgorithmError};
pub use aligned::Aligned;
pub use batch_gradient::{BatchGradient, OwnProducts};
pub use convolution::PackedConvolution;
pub use input_gradient::PackedInputGradient;
pub use line_statistics::LineStatistics;
pub use mix::mix;
pub use norm_gradient::{NormCoefficients, norm_gradient};
pub use norm_tangent::{TangentCoefficients, Weighed, norm_tangent};
pub use peak::peak_flops;
pub use pool::{average_pool, max_pool, max_pool_tangent};
pub use pool_gradient::{average_pool_gradient, max_pool_gradient};
pub use scratch::Scratch;
pub use shape::ConvolutionShape;
pub use simd::{InstructionSet, InstructionSetError};
pub(crate) use simd::{Kernel, Lanes};
pub use smooth::Smooth;
pub use source::{Normalise, Source};
pub use statistics::{BatchStatistics, Statistics, column_products, column_statistics, totals};
pub use target::Target;
pub use weight_gradient::{WeightGradient, WeightGradientPart};

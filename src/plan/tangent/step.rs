//! The steps along a direction: kernels over numbered buffers of tangents.

use super::super::step::{Place, Value};
use crate::kernels::Smooth;

/// What makes one tangent from others. Tangents are as long as the values that they are of.
#[derive(Debug, Clone)]
pub(in super::super) enum Along {
    /// y1 = U x + W x1, plus the shortcut's, and the term <dL/dy, U x1>.
    Convolve {
        weights: usize,
        from: Value,
        /// x1; none for the images, which do not move.
        tangent: Option<usize>,
        shortcut: Option<usize>,
        /// The buffer of activations with y.
        place: usize,
        to: usize,
        /// The norm whose sums are gathered while y1 is written.
        gathers: Option<usize>,
    },
    /// The sums of a norm whose input's tangent no convolution wrote.
    Gather { from: Value, tangent: usize, norm: usize },
    /// From a norm's sums to what its readers apply.
    Normalise { norm: usize },
    /// The tangent past norm and rectifier; the norm's term too, by the first of its readers.
    Apply { from: Value, tangent: usize, to: usize, weighs: bool },
    /// The tangents of maxima over windows of `size` x `size`.
    MaxPool { from: Value, tangent: usize, size: usize, to: usize },
    /// Means over pixels.
    AveragePool { shape: [usize; 3], tangent: usize, to: usize },
    /// Past a smooth function of what stands in `from`, whose values stand in `place`; its term too.
    Smooth { function: Smooth, from: Value, tangent: usize, place: usize, to: usize },
    /// The sum of two tangents of so many numbers.
    Add { tangents: [usize; 2], len: usize, to: usize },
    /// That of the images: zeros.
    Still { len: usize, to: usize },
}

impl Along {
    /// The buffers that it reads and the one that it writes.
    pub fn buffers(&mut self) -> (Vec<&mut usize>, Option<&mut usize>) {
        match self {
            Self::Convolve { tangent, shortcut, to, .. } => {
                (tangent.iter_mut().chain(shortcut).collect(), Some(to))
            }
            Self::Gather { tangent, .. } => (vec![tangent], None),
            Self::Normalise { .. } => (Vec::new(), None),
            Self::Apply { tangent, to, .. }
            | Self::MaxPool { tangent, to, .. }
            | Self::Smooth { tangent, to, .. }
            | Self::AveragePool { tangent, to, .. } => (vec![tangent], Some(to)),
            Self::Add { tangents, to, .. } => (tangents.iter_mut().collect(), Some(to)),
            Self::Still { to, .. } => (Vec::new(), Some(to)),
        }
    }

    /// True if it is the convolution that writes activations in a place.
    pub fn convolves_to(&self, place: Place) -> bool {
        matches!(self, Self::Convolve { place: to, .. } if Place::Buffer(*to) == place)
    }
}

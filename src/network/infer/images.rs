//! The images that a network takes, as far as its shapes tell.

use super::entries::Kind;
use crate::network::Shape;

/// Sizes of the images in the catalogue's sets, and 32, to which grey ones are padded.
const SIDES: [usize; 4] = [8, 28, 32, 64];

/// What the network sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Images {
    pub(super) shape: Shape,
}

impl Images {
    /// Those that a first linear layer takes whole.
    pub(super) fn flat(inputs: usize) -> Self {
        Self { shape: Shape::flat(inputs) }
    }

    /// Squares.
    pub(super) fn square(side: usize, channels: usize) -> Self {
        Self { shape: Shape { height: side, width: side, channels } }
    }

    /// The set of the catalogue that has them.
    pub(super) fn data(self, classes: usize) -> Option<&'static str> {
        match (self.shape.size(), classes) {
            (64, 10) => Some("digits"),
            (784, 10) => Some("fashion-mnist"),
            (3072, 10) => Some("cifar10"),
            (3072, 100) => Some("cifar100"),
            (12288, 200) => Some("tiny-imagenet"),
            _ => None,
        }
    }
}

/// The side of the images, if that of the last convolution's output is what is left of a usual one after
/// so many halvings.
pub(super) fn side(last: Kind, first_linear: usize, halvings: usize) -> Option<usize> {
    let Kind::Convolution { outputs, .. } = last else { return None };
    let pixels =
        first_linear.checked_div(outputs).filter(|pixels| pixels * outputs == first_linear)?;
    let left = pixels.isqrt();
    let side = left.checked_mul(1 << halvings.min(16))?;
    (left * left == pixels && SIDES.contains(&side)).then_some(side)
}

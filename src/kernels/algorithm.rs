//! The ways to compute a convolution.

use thiserror::Error;

use super::shape::ConvolutionShape;

/// How a convolution is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// By its definition; padding is skipped.
    Direct,
    /// Winograd's F(2x2, 3x3): 2.25 times fewer multiplications, errors up to twice as large.
    Winograd2,
    /// Winograd's F(4x4, 3x3): 4 times fewer multiplications, errors four to six times as large.
    Winograd4,
    /// Images of up to 2x2 pixels as a whole, without the padding around them: 9 products where the definition has 16,
    /// errors as by F(2x2, 3x3).
    Whole2,
}

/// A shape that an algorithm does not compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "{algorithm:?} computes 3x3 convolutions at stride 1{most}, not {kernel}x{kernel} at stride {stride} of \
     {height}x{width} pixels; use Algorithm::Direct",
    most = if *algorithm == Algorithm::Whole2 { " of up to 2x2 pixels" } else { "" },
    kernel = shape.kernel,
    stride = shape.stride,
    height = shape.height,
    width = shape.width
)]
pub struct AlgorithmError {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The shape.
    pub shape: ConvolutionShape,
}

/// Fewest channels, in or out, whose products outweigh the transforms. Few on the other side leave a part of each vector
/// unused, but rows of tiles are still faster to write than single pixels.
const WINOGRAD_CHANNELS: usize = 16;

impl Algorithm {
    /// The fastest for a shape, as measured (`docs/design/performance.md`): F(4x4, 3x3) from 4x4 pixels
    /// and 16 channels, in or out, on, and images of 2x2 pixels as a whole. F(2x2, 3x3) is never the fastest.
    pub fn fastest(shape: ConvolutionShape) -> Self {
        let ConvolutionShape { height, width, inputs, outputs, .. } = shape;
        let fewest = match (height, width) {
            (4.., 4..) => Self::Winograd4,
            (2, 2) => Self::Whole2,
            _ => Self::Direct,
        };
        let pays = inputs.max(outputs) >= WINOGRAD_CHANNELS && fewest.check(shape).is_ok();
        if pays { fewest } else { Self::Direct }
    }

    /// Whether this algorithm computes a shape.
    ///
    /// # Errors
    /// If it does not.
    pub fn check(self, shape: ConvolutionShape) -> Result<(), AlgorithmError> {
        let winograd = (shape.kernel, shape.stride) == (3, 1);
        let computes = match self {
            Self::Direct => true,
            Self::Winograd2 | Self::Winograd4 => winograd,
            Self::Whole2 => winograd && shape.height.max(shape.width) <= 2,
        };
        if computes {
            return Ok(());
        }
        Err(AlgorithmError { algorithm: self, shape })
    }

    /// Whether outputs of this shape can be pooled as they are written: whole tiles stand in them.
    pub fn pools(self, shape: ConvolutionShape) -> bool {
        let is_whole = |tile| shape.output_size().iter().all(|len| len.is_multiple_of(tile));
        self.tile().is_some_and(is_whole)
    }

    /// Rows and columns of a tile of outputs; none if single pixels are computed.
    pub(super) fn tile(self) -> Option<usize> {
        match self {
            Self::Direct => None,
            Self::Winograd2 | Self::Whole2 => Some(2),
            Self::Winograd4 => Some(4),
        }
    }

    /// Matrices [input, output] in the packed weights.
    pub(super) fn taps(self, shape: ConvolutionShape) -> usize {
        match self {
            Self::Direct => shape.kernel * shape.kernel,
            Self::Winograd2 => 16,
            Self::Winograd4 => 36,
            Self::Whole2 => 9,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn winograd_is_refused_where_it_does_not_apply() {
        let shape = ConvolutionShape { stride: 2, kernel: 3, ..ConvolutionShape::linear(16, 16) };
        let shape = ConvolutionShape { height: 8, width: 8, ..shape };
        let error = Algorithm::Winograd4.check(shape).unwrap_err();
        assert!(error.to_string().contains("3x3 at stride 2"), "{error}");
        assert_eq!(Algorithm::fastest(shape), Algorithm::Direct);
        let shape = ConvolutionShape { stride: 1, ..shape };
        for (inputs, outputs) in [(16, 16), (3, 16), (16, 3)] {
            let shape = ConvolutionShape { inputs, outputs, ..shape };
            assert_eq!(Algorithm::fastest(shape), Algorithm::Winograd4);
        }
        let few = ConvolutionShape { inputs: 3, outputs: 15, ..shape };
        assert_eq!(Algorithm::fastest(few), Algorithm::Direct);
        let error = Algorithm::Whole2.check(shape).unwrap_err();
        assert!(error.to_string().contains("2x2 pixels, not 3x3 at stride 1 of 8x8"), "{error}");
        for (width, fastest) in [(1, Algorithm::Direct), (2, Algorithm::Whole2)] {
            let shape = ConvolutionShape { height: 2, width, ..shape };
            assert_eq!(Algorithm::fastest(shape), fastest);
        }
    }
}

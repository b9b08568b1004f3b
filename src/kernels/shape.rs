//! The sizes of a convolution.

use std::ops::Range;

/// A convolution of images [n, height, width, inputs] with a kernel [k, k, inputs, outputs] and
/// (k - 1) / 2 zeros on each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvolutionShape {
    /// Rows of an image.
    pub height: usize,
    /// Pixels of a row.
    pub width: usize,
    /// Channels in.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
    /// k, an odd number.
    pub kernel: usize,
    /// Step between windows.
    pub stride: usize,
}

impl ConvolutionShape {
    /// A fully connected layer: the convolution of images of one pixel.
    pub fn linear(inputs: usize, outputs: usize) -> Self {
        Self { height: 1, width: 1, inputs, outputs, kernel: 1, stride: 1 }
    }

    /// True of a fully connected layer.
    pub fn is_linear(self) -> bool {
        self == Self::linear(self.inputs, self.outputs)
    }

    /// Zeros on each side.
    pub fn padding(self) -> usize {
        (self.kernel - 1) / 2
    }

    /// Rows and pixels of a row of the output.
    pub fn output_size(self) -> [usize; 2] {
        [self.height, self.width].map(|len| len.div_ceil(self.stride))
    }

    /// Numbers in one image.
    pub fn input_len(self) -> usize {
        self.height * self.width * self.inputs
    }

    /// Numbers in one image of the output.
    pub fn output_len(self) -> usize {
        let [height, width] = self.output_size();
        height * width * self.outputs
    }

    /// Numbers in the kernel.
    pub fn weight_len(self) -> usize {
        self.kernel * self.kernel * self.inputs * self.outputs
    }

    /// Multiplications for one image as they are usually counted, padding included.
    pub fn nominal_multiplications(self) -> usize {
        let [height, width] = self.output_size();
        height * width * self.weight_len()
    }

    /// Multiplications for one image that touch real pixels.
    pub fn needed_multiplications(self) -> usize {
        let [height, width] = self.output_size();
        let valid = |outputs: usize, size| (0..outputs).map(|i| self.taps(i, size).len()).sum();
        let (rows, columns): (usize, usize) =
            (valid(height, self.height), valid(width, self.width));
        rows * columns * self.inputs * self.outputs
    }

    /// The kernel's rows (or columns) that meet the image, of `size` rows, at output row `at`.
    pub(super) fn taps(self, at: usize, size: usize) -> Range<usize> {
        let (start, padding) = (at * self.stride, self.padding());
        padding.saturating_sub(start)..self.kernel.min(size + padding - start)
    }

    /// The output rows (or columns) that meet row `tap` of the kernel in an image of `size` rows.
    pub(super) fn reached(self, tap: usize, size: usize) -> Range<usize> {
        let first = self.padding().saturating_sub(tap).div_ceil(self.stride);
        let end = (size + self.padding()).saturating_sub(tap).div_ceil(self.stride);
        first..end.min(size.div_ceil(self.stride)).max(first)
    }
}

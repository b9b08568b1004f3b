//! Crops and flips of training images, a function of (seed, epoch, sample) alone.

use super::{Dataset, ImageShape, Pixel};
use crate::choice::choice;
use crate::random::Stream;

choice! {
    /// Change of the training images, epoch by epoch.
    Augment {
        /// The images as they are.
        None = "none",
        /// A random crop out of a border of four zeros, and a reflection every other time.
        CropFlip = "crop-flip",
    }
}

/// Zeros around an image before it is cropped back to its size.
const BORDER: usize = 4;

/// A random shift and reflection of one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CropFlip {
    /// Rows that the window lies above (negative) or below the image.
    pub down: isize,
    /// Columns that the window lies left (negative) or right of the image.
    pub right: isize,
    /// Left and right are exchanged after the crop.
    pub flip: bool,
}

impl CropFlip {
    /// Draws the crop out of a border of four zeros and the flip, each as likely as any other.
    pub fn draw(stream: &mut Stream) -> Self {
        let mut shift = || stream.below(2 * BORDER as u64 + 1) as isize - BORDER as isize;
        let (down, right) = (shift(), shift());
        Self { down, right, flip: stream.below(2) == 1 }
    }

    /// The byte offset in the image of each pixel of the crop, row by row; none where it is border.
    fn sources(self, shape: ImageShape) -> impl Iterator<Item = Option<usize>> {
        let ImageShape { height, width, channels } = shape;
        let within = move |position: usize, shift: isize, size: usize| {
            position.checked_add_signed(shift).filter(|&position| position < size)
        };
        (0..height * width).map(move |pixel| {
            let (y, x) = (pixel / width, pixel % width);
            let x = if self.flip { width - 1 - x } else { x };
            let (y, x) = (within(y, self.down, height)?, within(x, self.right, width)?);
            Some((y * width + x) * channels)
        })
    }
}

impl Dataset {
    /// As [`Dataset::pixels`], each image changed by its own crop and flip. The border has the byte
    /// 0, as in an image that was padded before it was normalised.
    ///
    /// # Panics
    /// If an index is not below [`Dataset::len`].
    pub fn augmented_pixels<P: Pixel>(
        &self,
        indices: &[u32],
        change: impl Fn(u32) -> CropFlip,
    ) -> Vec<P> {
        let shape = self.shape();
        let mut bytes = vec![0; indices.len() * shape.bytes()];
        for (&index, target) in indices.iter().zip(bytes.chunks_exact_mut(shape.bytes())) {
            let source = &self.images()[index as usize * shape.bytes()..][..shape.bytes()];
            let sources = change(index).sources(shape);
            for (pixel, offset) in target.chunks_exact_mut(shape.channels).zip(sources) {
                if let Some(offset) = offset {
                    pixel.copy_from_slice(&source[offset..][..shape.channels]);
                }
            }
        }
        self.normalise(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataError, load};

    #[test]
    fn a_crop_shifts_in_zeros_and_a_flip_reflects() -> Result<(), DataError> {
        let digits = load("digits", None)?;
        let plain: Vec<f64> = digits.pixels(&[3]);
        let change = CropFlip { down: 2, right: -1, flip: true };
        let changed: Vec<f64> = digits.augmented_pixels(&[3], |_| change);
        for y in 0..8 {
            for x in 0..8 {
                // The window's pixel (y, 7 - x) is the image's (y + 2, 7 - x - 1).
                let expected = if y + 2 < 8 && x < 7 { plain[(y + 2) * 8 + 6 - x] } else { -0.5 };
                assert_eq!(changed[y * 8 + x], expected, "at {y}, {x}");
            }
        }
        let same = CropFlip { down: 0, right: 0, flip: false };
        assert_eq!(digits.augmented_pixels::<f64>(&[3], |_| same), plain);
        Ok(())
    }

    #[test]
    fn every_shift_and_both_flips_are_drawn() {
        let mut stream = Stream::augmentation(1, 1, 1);
        let drawn: Vec<_> = (0..2000).map(|_| CropFlip::draw(&mut stream)).collect();
        let counts = |f: &dyn Fn(&CropFlip) -> isize, value| {
            drawn.iter().filter(|change| f(change) == value).count()
        };
        for shift in -4..=4 {
            // 2000/9 = 222, standard deviation 14.
            assert!(counts(&|change| change.down, shift).abs_diff(222) < 70);
            assert!(counts(&|change| change.right, shift).abs_diff(222) < 70);
        }
        assert!(counts(&|change| change.flip.into(), 1).abs_diff(1000) < 110);
    }
}

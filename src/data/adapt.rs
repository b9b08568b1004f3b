//! Images made to fit a network: a border of zeros, and grey as colour.

use std::borrow::Cow;

use super::{DataError, Dataset, ImageShape, PixelNormalisation};

impl Dataset {
    /// Every image in the middle of a `size` x `size` image whose border has the byte 0. Of an odd
    /// border the larger part is below and to the right.
    ///
    /// # Errors
    /// [`DataError::Pad`] if the images are larger.
    pub fn padded(self, size: usize) -> Result<Self, DataError> {
        let ImageShape { height, width, channels } = self.shape();
        if height > size || width > size {
            return Err(DataError::Pad { size, height, width });
        }
        let (top, left) = ((size - height) / 2, (size - width) / 2);
        let row = width * channels;
        let mut images = vec![0; self.len() * size * size * channels];
        for (index, source) in self.images().chunks(row).enumerate() {
            let (image, y) = (index / height, index % height);
            let start = ((image * size + top + y) * size + left) * channels;
            images[start..start + row].copy_from_slice(source);
        }
        let shape = ImageShape { height: size, width: size, channels };
        let normalisation = self.normalisation().clone();
        Ok(self.with_images(images, shape, normalisation))
    }

    /// Grey images repeated in `channels` channels, each normalised like the one they had.
    ///
    /// # Errors
    /// [`DataError::Channels`] if the images are not grey.
    pub fn with_channels(self, channels: usize) -> Result<Self, DataError> {
        let shape = self.shape();
        if shape.channels == channels {
            return Ok(self);
        }
        if shape.channels != 1 {
            return Err(DataError::Channels { wanted: channels, found: shape.channels });
        }
        let mut images = Vec::with_capacity(self.images().len() * channels);
        self.images().iter().for_each(|&byte| images.extend(std::iter::repeat_n(byte, channels)));
        let PixelNormalisation { scale, mean, std } = self.normalisation().clone();
        let normalisation = PixelNormalisation {
            scale,
            mean: vec![mean[0]; channels].into(),
            std: vec![std[0]; channels].into(),
        };
        Ok(self.with_images(images, ImageShape { channels, ..shape }, normalisation))
    }

    /// Another mean or standard deviation of pixels on [0, 1] than the set's own, one number a
    /// channel.
    ///
    /// # Errors
    /// [`DataError::Normalisation`] if the images have another number of channels.
    pub fn normalised(self, mean: Option<&[f64]>, std: Option<&[f64]>) -> Result<Self, DataError> {
        let shape = self.shape();
        let PixelNormalisation { scale, mean: own_mean, std: own_std } =
            self.normalisation().clone();
        let normalisation = PixelNormalisation {
            scale,
            mean: per_channel("mean", mean, own_mean, shape.channels)?,
            std: per_channel("std", std, own_std, shape.channels)?,
        };
        Ok(self.renormalised(normalisation))
    }
}

fn per_channel(
    key: &'static str,
    given: Option<&[f64]>,
    own: Cow<'static, [f64]>,
    channels: usize,
) -> Result<Cow<'static, [f64]>, DataError> {
    match given {
        None => Ok(own),
        Some(given) if given.len() == channels => Ok(given.to_vec().into()),
        Some(given) => Err(DataError::Normalisation { key, found: given.len(), channels }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::load;

    #[test]
    fn the_image_lies_in_the_middle_of_its_border() -> Result<(), DataError> {
        let plain = load("digits", None)?.truncated(2)?;
        let padded = plain.clone().padded(11)?.with_channels(3)?;
        assert_eq!(padded.shape(), ImageShape { height: 11, width: 11, channels: 3 });
        let (before, after): (Vec<f64>, Vec<f64>) = (plain.pixels(&[1]), padded.pixels(&[1]));
        for (y, x) in [(0, 0), (3, 5), (7, 7)] {
            for channel in 0..3 {
                assert_eq!(after[((y + 1) * 11 + x + 1) * 3 + channel], before[y * 8 + x]);
            }
        }
        let border = after.chunks(33).next().into_iter().flatten();
        assert!(border.copied().all(|value| value == -0.5));
        assert!(plain.clone().padded(7).is_err());
        assert!(padded.with_channels(1).is_err());
        Ok(())
    }

    #[test]
    fn a_given_mean_or_std_replaces_the_sets_own() -> Result<(), DataError> {
        let digits = load("digits", None)?.truncated(1)?.with_channels(3)?;
        let (mean, std) = ([0.1, 0.2, 0.3], [1.0, 2.0, 4.0]);
        let first = |data: Dataset| data.pixels::<f64>(&[0])[..3].to_vec();
        let both = digits.clone().normalised(Some(&mean), Some(&std))?;
        assert_eq!(first(both), [-0.1, -0.2 / 2.0, -0.3 / 4.0]);
        assert_eq!(first(digits.clone().normalised(None, Some(&std))?), [-0.5, -0.25, -0.125]);
        let message = digits.normalised(Some(&mean[..1]), None).err().map(|e| e.to_string());
        let expected = "data.mean has 1 numbers, but the images have 3 channels";
        assert!(message.unwrap_or_default().contains(expected));
        Ok(())
    }
}

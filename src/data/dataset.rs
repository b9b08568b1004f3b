//! A labelled set of images in memory, and the gathering of batches from it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::DataError;
use super::normalise::{Pixel, PixelNormalisation, Tables};

/// One file of a data set, as read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// The file's name, without its folder.
    pub name: String,
    /// SHA-256 of its bytes as they lie on disk.
    pub sha256: String,
}

/// The size of every image of a set. Pixels are stored `[height, width, channels]`, channels last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageShape {
    /// Rows of pixels.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Bytes of a pixel: 1 for grey, 3 for red, green, blue.
    pub channels: usize,
}

impl ImageShape {
    /// Bytes of one image.
    pub const fn bytes(&self) -> usize {
        self.height * self.width * self.channels
    }
}

impl fmt::Display for ImageShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.height, self.width, self.channels)
    }
}

/// Why parts do not make a data set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// Not one image for every label.
    #[error("{labels} labels, but {image_bytes} bytes of images, which is not {labels} of {shape}")]
    Count {
        /// How many labels there are.
        labels: usize,
        /// How many bytes of images there are.
        image_bytes: usize,
        /// The size that the images should have.
        shape: ImageShape,
    },
    /// More samples than an order of them can number.
    #[error("{labels} samples, more than the {} that can be numbered in 32 bits", u32::MAX)]
    TooMany {
        /// How many labels there are.
        labels: usize,
    },
    /// A label that is not a class.
    #[error("sample {sample} has the label {label}; the labels of {classes} classes are 0 to {}", classes.saturating_sub(1))]
    Label {
        /// Which sample, from 0.
        sample: usize,
        /// Its label.
        label: u16,
        /// The number of classes.
        classes: u16,
    },
    /// A normalisation for another number of channels.
    #[error(
        "the normalisation has {means} means and {stds} standard deviations; the images have {channels} channels"
    )]
    PixelNormalisation {
        /// Entries of the mean.
        means: usize,
        /// Entries of the standard deviation.
        stds: usize,
        /// Channels of the images.
        channels: usize,
    },
}

/// A labelled set of images, kept as the bytes of its files.
///
/// ```
/// use losswalk::data::load;
/// let digits = load("digits", None)?;
/// let batch: Vec<f32> = digits.pixels(&[0, 7]);
/// assert_eq!(batch.len(), 2 * digits.shape().bytes());
/// assert_eq!(digits.label(7), 7);
/// # Ok::<(), losswalk::data::DataError>(())
/// ```
#[derive(Clone)]
pub struct Dataset {
    images: Vec<u8>,
    labels: Vec<u16>,
    shape: ImageShape,
    classes: u16,
    normalisation: PixelNormalisation,
    tables: Tables,
    files: Vec<DataFile>,
}

impl Dataset {
    /// Puts a set together from `images`, `[n, height, width, channels]` bytes, and its n `labels`.
    ///
    /// # Errors
    /// A number of bytes that is not n images, a label that is not below `classes`, or a
    /// normalisation for another number of channels.
    pub fn new(
        images: Vec<u8>,
        labels: Vec<u16>,
        shape: ImageShape,
        classes: u16,
        normalisation: PixelNormalisation,
        files: Vec<DataFile>,
    ) -> Result<Self, DatasetError> {
        check_count(&images, &labels, shape)?;
        check_labels(&labels, classes)?;
        check_channels(&normalisation, shape.channels)?;
        let tables = Tables::new(&normalisation);
        Ok(Self { images, labels, shape, classes, normalisation, tables, files })
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The size of every image.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// The number of classes; every label is below it.
    pub fn classes(&self) -> usize {
        self.classes.into()
    }

    /// Every image as it lies in its file, `[n, height, width, channels]`.
    pub fn images(&self) -> &[u8] {
        &self.images
    }

    /// Every label.
    pub fn labels(&self) -> &[u16] {
        &self.labels
    }

    /// What [`Dataset::pixels`] makes of each byte, one table a channel.
    pub fn levels<P: Pixel>(&self) -> &[[P; 256]] {
        P::tables(&self.tables)
    }

    /// What [`Dataset::pixels`] does to a byte.
    pub fn normalisation(&self) -> &PixelNormalisation {
        &self.normalisation
    }

    /// The classes that no sample has, ascending: labels that leave gaps are often a mistake.
    pub fn empty_classes(&self) -> Vec<u16> {
        let mut is_there = vec![false; self.classes.into()];
        self.labels.iter().for_each(|&label| is_there[usize::from(label)] = true);
        (0..self.classes).filter(|&class| !is_there[usize::from(class)]).collect()
    }

    /// The files that the set was read from, with the checksums of their bytes on disk.
    pub fn files(&self) -> &[DataFile] {
        &self.files
    }

    /// The first `samples` of the set.
    ///
    /// # Errors
    /// [`DataError::Samples`] if `samples` is 0 or more than there are.
    pub fn truncated(mut self, samples: usize) -> Result<Self, DataError> {
        if samples == 0 || samples > self.len() {
            return Err(DataError::Samples { requested: samples, available: self.len() });
        }
        self.images.truncate(samples * self.shape.bytes());
        self.labels.truncate(samples);
        Ok(self)
    }

    /// Some of the samples alone, in an order of theirs.
    ///
    /// # Panics
    /// If an index is not below [`Dataset::len`].
    pub fn only(&self, samples: &[u32]) -> Self {
        let size = self.shape.bytes();
        let image = |&sample: &u32| &self.images[sample as usize * size..][..size];
        let labels = samples.iter().map(|&sample| self.label(sample)).collect();
        Self {
            images: samples.iter().flat_map(image).copied().collect(),
            labels,
            shape: self.shape,
            classes: self.classes,
            normalisation: self.normalisation.clone(),
            tables: self.tables.clone(),
            files: self.files.clone(),
        }
    }

    /// Normalises the same images otherwise from now on.
    ///
    /// # Errors
    /// A normalisation for another number of channels.
    pub fn set_normalisation(
        &mut self,
        normalisation: PixelNormalisation,
    ) -> Result<(), DatasetError> {
        check_channels(&normalisation, self.shape.channels)?;
        self.tables = Tables::new(&normalisation);
        self.normalisation = normalisation;
        Ok(())
    }

    /// The same images, normalised otherwise.
    pub(super) fn renormalised(self, normalisation: PixelNormalisation) -> Self {
        let tables = Tables::new(&normalisation);
        Self { normalisation, tables, ..self }
    }

    /// The same samples with other images.
    pub(super) fn with_images(
        self,
        images: Vec<u8>,
        shape: ImageShape,
        normalisation: PixelNormalisation,
    ) -> Self {
        Self { images, shape, ..self }.renormalised(normalisation)
    }

    /// The normalised images of the samples `indices`, in that order:
    /// `[indices.len(), height, width, channels]`. One table look-up a pixel.
    ///
    /// # Panics
    /// If an index is not below [`Dataset::len`].
    pub fn pixels<P: Pixel>(&self, indices: &[u32]) -> Vec<P> {
        let size = self.shape.bytes();
        let mut pixels = vec![P::default(); indices.len() * size];
        for (index, pixels) in indices.iter().zip(pixels.chunks_exact_mut(size)) {
            let start = *index as usize * size;
            self.tables.apply(&self.images[start..start + size], pixels);
        }
        pixels
    }

    /// Normalises whole images.
    pub(super) fn normalise<P: Pixel>(&self, bytes: &[u8]) -> Vec<P> {
        let mut pixels = vec![P::default(); bytes.len()];
        self.tables.apply(bytes, &mut pixels);
        pixels
    }

    /// The label of the sample `index`.
    ///
    /// # Panics
    /// If the index is not below [`Dataset::len`].
    pub fn label(&self, index: u32) -> u16 {
        self.labels[index as usize]
    }
}

impl fmt::Debug for Dataset {
    /// Leaves the images and labels out: they are megabytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dataset")
            .field("len", &self.len())
            .field("shape", &self.shape)
            .field("classes", &self.classes)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

fn check_count(images: &[u8], labels: &[u16], shape: ImageShape) -> Result<(), DatasetError> {
    if u32::try_from(labels.len()).is_err() {
        return Err(DatasetError::TooMany { labels: labels.len() });
    }
    if shape.bytes() > 0 && images.len() == labels.len() * shape.bytes() {
        return Ok(());
    }
    Err(DatasetError::Count { labels: labels.len(), image_bytes: images.len(), shape })
}

fn check_labels(labels: &[u16], classes: u16) -> Result<(), DatasetError> {
    match labels.iter().enumerate().find(|(_, label)| **label >= classes) {
        Some((sample, label)) => Err(DatasetError::Label { sample, label: *label, classes }),
        None => Ok(()),
    }
}

fn check_channels(normalisation: &PixelNormalisation, channels: usize) -> Result<(), DatasetError> {
    let (means, stds) = (normalisation.mean.len(), normalisation.std.len());
    if means == channels && stds == channels {
        return Ok(());
    }
    Err(DatasetError::PixelNormalisation { means, stds, channels })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { height: 1, width: 2, channels: 1 };

    fn half() -> PixelNormalisation {
        PixelNormalisation { scale: 255.0, mean: vec![0.5].into(), std: vec![1.0].into() }
    }

    fn set(images: &[u8], labels: &[u16]) -> Result<Dataset, DatasetError> {
        Dataset::new(images.to_vec(), labels.to_vec(), SHAPE, 3, half(), Vec::new())
    }

    #[test]
    fn gathers_in_the_order_of_the_indices() {
        let data = set(&[0, 51, 102, 153, 204, 255], &[2, 1, 0]).unwrap();
        let expected: Vec<f64> =
            [204.0, 255.0, 0.0, 51.0, 204.0, 255.0].iter().map(|p| p / 255.0 - 0.5).collect();
        assert_eq!(data.pixels::<f64>(&[2, 0, 2]), expected);
        assert_eq!([2, 0, 2].map(|index| data.label(index)), [0, 2, 0]);
    }

    #[test]
    fn classes_without_a_sample_are_found() {
        assert_eq!(set(&[0; 4], &[0, 2]).unwrap().empty_classes(), [1]);
        assert!(set(&[0; 6], &[2, 0, 1]).unwrap().empty_classes().is_empty());
    }

    #[test]
    fn truncated_keeps_the_first_samples() {
        let data = set(&[1, 2, 3, 4, 5, 6], &[0, 1, 2]).unwrap().truncated(2).unwrap();
        assert_eq!((data.images(), data.labels()), ([1, 2, 3, 4].as_slice(), [0, 1].as_slice()));
    }

    #[test]
    fn truncated_refuses_none_and_too_many() {
        for samples in [0, 4] {
            let data = set(&[1, 2, 3, 4, 5, 6], &[0, 1, 2]).unwrap();
            let error = data.truncated(samples).unwrap_err();
            assert!(matches!(error, DataError::Samples { available: 3, .. }));
        }
    }

    #[test]
    fn refuses_parts_that_do_not_fit() {
        let label = DatasetError::Label { sample: 1, label: 3, classes: 3 };
        assert_eq!(set(&[0; 4], &[0, 3]).unwrap_err(), label);
        assert!(matches!(set(&[0; 5], &[0, 1]).unwrap_err(), DatasetError::Count { .. }));
        let shape = ImageShape { channels: 2, ..SHAPE };
        let error = Dataset::new(vec![0; 4], vec![0], shape, 3, half(), Vec::new()).unwrap_err();
        assert_eq!(error, DatasetError::PixelNormalisation { means: 1, stds: 1, channels: 2 });
    }
}

//! The binary versions of CIFAR-10 and CIFAR-100: records of labels and 3072 pixel bytes.
//!
//! A record of CIFAR-10 begins with its label, one of CIFAR-100 with the coarse and the fine label, of
//! which the fine one is used. The pixels follow as three planes, red, green and blue, of 32 rows of
//! 32. Format: <https://www.cs.toronto.edu/~kriz/cifar.html>.

use std::path::Path;

use super::load::{check_root, format_error, required};
use super::source::SourceFile;
use super::{DataError, Dataset, FileKind, IdxError, ImageShape, PublishedSet, Split};

/// The size of every image.
pub(super) const SHAPE: ImageShape = ImageShape { height: 32, width: 32, channels: 3 };

const PLANE_BYTES: usize = SHAPE.height * SHAPE.width;

/// The superclasses of CIFAR-100.
const COARSE_CLASSES: u8 = 20;

/// What is wrong with the bytes of a CIFAR file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CifarError {
    /// A file that was compressed since, and does not decompress.
    #[error(transparent)]
    Content(#[from] IdxError),
    /// No record.
    #[error("the file is empty")]
    Empty,
    /// Not a whole number of records.
    #[error(
        "{found} bytes are no whole number of records of {record_bytes}: {} records and {} bytes more",
        found / record_bytes,
        found % record_bytes
    )]
    Length {
        /// Bytes there are.
        found: usize,
        /// Bytes of a record.
        record_bytes: usize,
    },
    /// A label that is no class.
    #[error("record {record} has the {kind} {label}; there are {classes}: 0 to {}", classes.saturating_sub(1))]
    Label {
        /// Which record, from 0.
        record: usize,
        /// `label`, `coarse label` or `fine label`.
        kind: &'static str,
        /// The label.
        label: u8,
        /// The number of classes.
        classes: u16,
    },
}

/// The samples of one file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    /// `[n, 32, 32, 3]` bytes.
    pub images: Vec<u8>,
    /// n classes.
    pub labels: Vec<u16>,
}

/// Loads the files of a split in the order of the catalog.
pub(super) fn load(
    set: &PublishedSet,
    root: &Path,
    label_bytes: usize,
    split: Split,
) -> Result<Dataset, DataError> {
    check_root(set.about.name, root)?;
    let (mut all, mut files) = (Records::default(), Vec::new());
    for file in set.files.iter().filter(|file| file.split == split) {
        debug_assert_eq!(file.kind, FileKind::Records);
        let source = required(set, root, file)?;
        let records = read(&source, label_bytes, set.about.classes);
        let records = records.map_err(format_error(set.about.name, &source.path))?;
        all.images.extend(records.images);
        all.labels.extend(records.labels);
        files.push(source.record);
    }
    let normalisation = set.about.normalisation.clone();
    Dataset::new(all.images, all.labels, SHAPE, set.about.classes, normalisation, files).map_err(
        |problem| DataError::Inconsistent { name: set.about.name, path: root.to_owned(), problem },
    )
}

/// Reads the records of one file; each begins with `label_bytes` labels, the last of which counts.
pub(super) fn read(
    source: &SourceFile,
    label_bytes: usize,
    classes: u16,
) -> Result<Records, CifarError> {
    parse(&source.content()?, label_bytes, classes)
}

fn parse(content: &[u8], label_bytes: usize, classes: u16) -> Result<Records, CifarError> {
    let record_bytes = label_bytes + SHAPE.bytes();
    let found = content.len();
    if found == 0 {
        return Err(CifarError::Empty);
    }
    if !found.is_multiple_of(record_bytes) {
        return Err(CifarError::Length { found, record_bytes });
    }
    let mut records = Records::default();
    records.images.reserve(found);
    for (index, record) in content.chunks_exact(record_bytes).enumerate() {
        let (labels, planes) = record.split_at(label_bytes);
        records.labels.push(class(index, labels, classes)?);
        push_interleaved(planes, &mut records.images);
    }
    Ok(records)
}

/// The class that the labels of a record give.
fn class(record: usize, labels: &[u8], classes: u16) -> Result<u16, CifarError> {
    let refuse = |kind, label, classes| CifarError::Label { record, kind, label, classes };
    let (kind, label) = match *labels {
        [coarse, _] if coarse >= COARSE_CLASSES => {
            return Err(refuse("coarse label", coarse, COARSE_CLASSES.into()));
        }
        [_, fine] => ("fine label", fine),
        _ => ("label", labels.first().copied().unwrap_or(0)),
    };
    let is_class = u16::from(label) < classes;
    is_class.then(|| label.into()).ok_or_else(|| refuse(kind, label, classes))
}

/// Appends three planes as pixels of three bytes.
fn push_interleaved(planes: &[u8], images: &mut Vec<u8>) {
    let (red, rest) = planes.split_at(PLANE_BYTES);
    let (green, blue) = rest.split_at(PLANE_BYTES);
    for ((red, green), blue) in red.iter().zip(green).zip(blue) {
        images.extend([red, green, blue]);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn planes_become_pixels_and_the_fine_label_counts() {
        // Byte i of a plane is i / 4, so rows and columns differ; the planes differ by 1, 2, 3.
        let plane = |shift: usize| (0..PLANE_BYTES).map(move |i| (i / 4 % 200 + shift) as u8);
        let pixels: Vec<u8> = plane(1).chain(plane(2)).chain(plane(3)).collect();
        let record = [&[19, 99], pixels.as_slice()].concat();
        let records = parse(&record, 2, 100).unwrap();
        assert_eq!(records.labels, [99]);
        let at = |row: usize, column: usize| &records.images[(row * 32 + column) * 3..][..3];
        assert_eq!(at(0, 0), [1, 2, 3]);
        assert_eq!(at(0, 5), [2, 3, 4]);
        assert_eq!(at(2, 31), [24, 25, 26]);
        assert_eq!(at(31, 31), [56, 57, 58]);
    }

    proptest! {
        #[test]
        fn any_bytes_give_records_or_an_error(
            first in any::<u8>(), second in any::<u8>(), extra in 0..3usize, label_bytes in 1..3usize
        ) {
            let mut bytes = vec![0; label_bytes + 3072 + extra];
            (bytes[0], bytes[1]) = (first, second);
            let whole = extra == 0;
            let fits = if label_bytes == 1 { first < 100 } else { first < 20 && second < 100 };
            prop_assert_eq!(parse(&bytes, label_bytes, 100).is_ok(), whole && fits);
        }
    }
}

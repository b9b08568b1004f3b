//! Two arrays of one's own: `images.npy` and `labels.npy`, or both in `data.npz`; for a test split
//! `test-images.npy` and `test-labels.npy`.
//!
//! Images are bytes, `[n, height, width]` or with 1 or 3 channels last; labels are integers from 0, and
//! the number of classes is one more than the largest.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::memory;
use crate::npy::{Array, NpyError};

use super::checksum::sha256;
use super::load::{check_root, format_error};
use super::{DataError, DataFile, Dataset, ImageShape, PixelNormalisation};

const ARRAYS: [&str; 2] = ["images.npy", "labels.npy"];
const TEST_ARRAYS: [&str; 2] = ["test-images.npy", "test-labels.npy"];
const ARCHIVE: &str = "data.npz";

/// Why arrays are no data set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArraysError {
    /// A file that is none of NumPy's.
    #[error(transparent)]
    Npy(#[from] NpyError),
    /// Images that are no bytes.
    #[error(
        "its elements are `{found}`, but images are bytes, uint8; if they run from 0 to 1, save numpy.round(255 * images).astype(numpy.uint8)"
    )]
    NoBytes {
        /// The type as NumPy writes it.
        found: String,
    },
    /// Labels that are no integers.
    #[error(
        "its elements are `{found}`, but labels are little-endian integers; save labels.astype(numpy.int64)"
    )]
    NoIntegers {
        /// The type as NumPy writes it.
        found: String,
    },
    /// Dimensions that no set of images has.
    #[error(
        "its shape is {found:?}, but images are [n, height, width], [n, height, width, 1] or [n, height, width, 3], channels last and none of them 0"
    )]
    ImageShape {
        /// The shape.
        found: Vec<usize>,
    },
    /// Dimensions that no list of labels has.
    #[error("its shape is {found:?}, but labels are [n], one for each of the {images} images")]
    LabelShape {
        /// The shape.
        found: Vec<usize>,
        /// The number of images.
        images: usize,
    },
    /// A label that is no class.
    #[error("element {index} is {label}; labels count the classes from 0 to at most {}", u16::MAX - 1)]
    Label {
        /// Which one, from 0.
        index: usize,
        /// What it is.
        label: String,
    },
    /// An archive that cannot be read.
    #[error("cannot be unpacked: {0}; write it with numpy.savez")]
    Zip(#[from] zip::result::ZipError),
    /// Neither pair of files nor archive.
    #[error("has neither images.npy and labels.npy nor data.npz")]
    Absent,
    /// Both a pair of files and an archive.
    #[error("has data.npz and images.npy or labels.npy beside it; move one of them elsewhere")]
    Ambiguous,
}

/// An array and where it lies.
type Found = (PathBuf, Array);

/// Loads both arrays.
pub(super) fn load(set: &'static str, root: &Path) -> Result<Dataset, DataError> {
    check_root(set, root)?;
    let is_there = |name: &str| root.join(name).is_file();
    let any_array = ARRAYS.iter().any(|name| is_there(name));
    let ([images, labels], files) = match (any_array, is_there(ARCHIVE)) {
        (true, false) => read_pair(set, root, ARRAYS)?,
        (false, true) => read_archive(set, &root.join(ARCHIVE))?,
        (false, false) => return Err(format_error(set, root)(ArraysError::Absent)),
        (true, true) => return Err(format_error(set, root)(ArraysError::Ambiguous)),
    };
    put_together(set, [images, labels], files)
}

/// Loads the arrays of the test split; none if neither is there.
pub(super) fn load_test(set: &'static str, root: &Path) -> Result<Option<Dataset>, DataError> {
    if !TEST_ARRAYS.iter().any(|name| root.join(name).is_file()) {
        return Ok(None);
    }
    let (arrays, files) = read_pair(set, root, TEST_ARRAYS)?;
    put_together(set, arrays, files).map(Some)
}

fn put_together(
    set: &'static str,
    [(images_path, images), (labels_path, labels)]: [Found; 2],
    files: Vec<DataFile>,
) -> Result<Dataset, DataError> {
    let shape = image_shape(&images).map_err(format_error(set, &images_path))?;
    let labels = classes(&labels, images.shape[0]).map_err(format_error(set, &labels_path))?;
    // Labels are below u16::MAX.
    let count = labels.iter().max().map_or(0, |label| label + 1);
    let normalisation = PixelNormalisation::centred(shape.channels);
    Dataset::new(images.bytes, labels, shape, count, normalisation, files)
        .map_err(|problem| DataError::Inconsistent { name: set, path: labels_path, problem })
}

fn read_pair(
    set: &'static str,
    root: &Path,
    names: [&str; 2],
) -> Result<([Found; 2], Vec<DataFile>), DataError> {
    let read = |name: &str| {
        let path = root.join(name);
        let bytes = memory::read(&path).map_err(DataError::io("read", &path))?;
        let file = DataFile { name: name.to_owned(), sha256: sha256(&bytes) };
        let array = Array::parse(bytes).map_err(ArraysError::from);
        let array = array.map_err(format_error(set, &path))?;
        Ok(((path, array), file))
    };
    let ((images, images_file), (labels, labels_file)) = (read(names[0])?, read(names[1])?);
    Ok(([images, labels], vec![images_file, labels_file]))
}

fn read_archive(set: &'static str, path: &Path) -> Result<([Found; 2], Vec<DataFile>), DataError> {
    let bytes = memory::read(path).map_err(DataError::io("read", path))?;
    let file = DataFile { name: ARCHIVE.to_owned(), sha256: sha256(&bytes) };
    let zip = ZipArchive::new(io::Cursor::new(bytes)).map_err(ArraysError::from);
    let mut zip = zip.map_err(format_error(set, path))?;
    let mut read = |name: &str| {
        let path = path.join(name);
        let array = unpack(&mut zip, name).and_then(|bytes| Ok(Array::parse(bytes)?));
        let array = array.map_err(format_error(set, &path))?;
        Ok((path, array))
    };
    Ok(([read(ARRAYS[0])?, read(ARRAYS[1])?], vec![file]))
}

/// One file of the archive, at most a byte more than the archive says it has.
fn unpack(zip: &mut ZipArchive<io::Cursor<Vec<u8>>>, name: &str) -> Result<Vec<u8>, ArraysError> {
    let (file, mut bytes) = (zip.by_name(name)?, Vec::new());
    let size = file.size();
    memory::reserve(&mut bytes, size).map_err(ZipError::Io)?;
    file.take(size.saturating_add(1)).read_to_end(&mut bytes).map_err(ZipError::Io)?;
    Ok(bytes)
}

fn image_shape(images: &Array) -> Result<ImageShape, ArraysError> {
    if images.element != "|u1" {
        return Err(ArraysError::NoBytes { found: images.element.clone() });
    }
    let (height, width, channels) = match images.shape[..] {
        [_, height, width] => (height, width, 1),
        [_, height, width, channels @ (1 | 3)] => (height, width, channels),
        _ => (0, 0, 0),
    };
    if channels == 0 || images.shape.contains(&0) {
        return Err(ArraysError::ImageShape { found: images.shape.clone() });
    }
    images.check_length(1)?;
    Ok(ImageShape { height, width, channels })
}

fn classes(labels: &Array, images: usize) -> Result<Vec<u16>, ArraysError> {
    let integer = integer(&labels.element);
    let (is_signed, size) =
        integer.ok_or_else(|| ArraysError::NoIntegers { found: labels.element.clone() })?;
    if labels.shape != [images] {
        return Err(ArraysError::LabelShape { found: labels.shape.clone(), images });
    }
    labels.check_length(size)?;
    let values = labels.bytes.chunks_exact(size).map(|bytes| value(bytes, is_signed));
    let class = |(index, label): (usize, i128)| match u16::try_from(label) {
        Ok(class) if class < u16::MAX => Ok(class),
        _ => Err(ArraysError::Label { index, label: label.to_string() }),
    };
    values.enumerate().map(class).collect()
}

/// Whether integers of this type have a sign, and how many bytes; `None` for another type.
fn integer(element: &str) -> Option<(bool, usize)> {
    let (kind, size) = element.split_at_checked(2)?;
    let size = size.parse().ok().filter(|size| [1, 2, 4, 8].contains(size))?;
    match kind {
        "|i" | "<i" => Some((true, size)),
        "|u" | "<u" => Some((false, size)),
        _ => None,
    }
}

/// A little-endian integer of at most 8 bytes.
fn value(bytes: &[u8], is_signed: bool) -> i128 {
    let is_negative = is_signed && bytes.last().is_some_and(|&last| last >= 0x80);
    let mut wide = [if is_negative { 0xff } else { 0 }; 16];
    wide[..bytes.len()].copy_from_slice(bytes);
    i128::from_le_bytes(wide)
}

//! Two arrays of one's own: `images.npy` and `labels.npy`, or both in `data.npz`.
//!
//! Images are bytes, `[n, height, width]` or with 1 or 3 channels last; labels are integers from 0, and
//! the number of classes is one more than the largest.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use super::checksum::sha256;
use super::load::{check_root, format_error};
use super::npy::{Array, NpyError};
use super::{DataError, DataFile, Dataset, ImageShape, PixelNormalisation};

const ARRAYS: [&str; 2] = ["images.npy", "labels.npy"];
const ARCHIVE: &str = "data.npz";

/// An array and where it lies.
type Found = (PathBuf, Array);

/// Loads both arrays.
pub(super) fn load(set: &'static str, root: &Path) -> Result<Dataset, DataError> {
    check_root(set, root)?;
    let is_there = |name: &str| root.join(name).is_file();
    let any_array = ARRAYS.iter().any(|name| is_there(name));
    let ([images, labels], files) = match (any_array, is_there(ARCHIVE)) {
        (true, false) => read_pair(set, root)?,
        (false, true) => read_archive(set, &root.join(ARCHIVE))?,
        (false, false) => return Err(format_error(set, root)(NpyError::Absent)),
        (true, true) => return Err(format_error(set, root)(NpyError::Ambiguous)),
    };
    let ((images_path, images), (labels_path, labels)) = (images, labels);
    let shape = image_shape(&images).map_err(format_error(set, &images_path))?;
    let labels = classes(&labels, images.shape[0]).map_err(format_error(set, &labels_path))?;
    // Labels are below u16::MAX.
    let count = labels.iter().max().map_or(0, |label| label + 1);
    let normalisation = PixelNormalisation::centred(shape.channels);
    Dataset::new(images.bytes, labels, shape, count, normalisation, files)
        .map_err(|problem| DataError::Inconsistent { name: set, path: labels_path, problem })
}

fn read_pair(set: &'static str, root: &Path) -> Result<([Found; 2], Vec<DataFile>), DataError> {
    let read = |name: &str| {
        let path = root.join(name);
        let bytes = fs::read(&path).map_err(DataError::io("read", &path))?;
        let file = DataFile { name: name.to_owned(), sha256: sha256(&bytes) };
        let array = Array::parse(bytes).map_err(format_error(set, &path))?;
        Ok(((path, array), file))
    };
    let ((images, images_file), (labels, labels_file)) = (read(ARRAYS[0])?, read(ARRAYS[1])?);
    Ok(([images, labels], vec![images_file, labels_file]))
}

fn read_archive(set: &'static str, path: &Path) -> Result<([Found; 2], Vec<DataFile>), DataError> {
    let bytes = fs::read(path).map_err(DataError::io("read", path))?;
    let file = DataFile { name: ARCHIVE.to_owned(), sha256: sha256(&bytes) };
    let zip = ZipArchive::new(io::Cursor::new(bytes)).map_err(NpyError::from);
    let mut zip = zip.map_err(format_error(set, path))?;
    let mut read = |name: &str| {
        let path = path.join(name);
        let array = unpack(&mut zip, name).and_then(Array::parse);
        let array = array.map_err(format_error(set, &path))?;
        Ok((path, array))
    };
    Ok(([read(ARRAYS[0])?, read(ARRAYS[1])?], vec![file]))
}

/// One file of the archive, at most a byte more than the archive says it has.
fn unpack(zip: &mut ZipArchive<io::Cursor<Vec<u8>>>, name: &str) -> Result<Vec<u8>, NpyError> {
    let (file, mut bytes) = (zip.by_name(name)?, Vec::new());
    let size = file.size();
    let room = bytes.try_reserve_exact(usize::try_from(size).unwrap_or(usize::MAX));
    room.map_err(|error| ZipError::Io(error.into()))?;
    file.take(size.saturating_add(1)).read_to_end(&mut bytes).map_err(ZipError::Io)?;
    Ok(bytes)
}

fn image_shape(images: &Array) -> Result<ImageShape, NpyError> {
    if images.element != "|u1" {
        return Err(NpyError::NoBytes { found: images.element.clone() });
    }
    let (height, width, channels) = match images.shape[..] {
        [_, height, width] => (height, width, 1),
        [_, height, width, channels @ (1 | 3)] => (height, width, channels),
        _ => (0, 0, 0),
    };
    if channels == 0 || images.shape.contains(&0) {
        return Err(NpyError::ImageShape { found: images.shape.clone() });
    }
    images.check_length(1)?;
    Ok(ImageShape { height, width, channels })
}

fn classes(labels: &Array, images: usize) -> Result<Vec<u16>, NpyError> {
    let integer = integer(&labels.element);
    let (is_signed, size) =
        integer.ok_or_else(|| NpyError::NoIntegers { found: labels.element.clone() })?;
    if labels.shape != [images] {
        return Err(NpyError::LabelShape { found: labels.shape.clone(), images });
    }
    labels.check_length(size)?;
    let values = labels.bytes.chunks_exact(size).map(|bytes| value(bytes, is_signed));
    let class = |(index, label): (usize, i128)| match u16::try_from(label) {
        Ok(class) if class < u16::MAX => Ok(class),
        _ => Err(NpyError::Label { index, label: label.to_string() }),
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

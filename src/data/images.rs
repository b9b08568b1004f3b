//! PNG and JPEG files of one size, decoded side by side into the bytes of a data set.

use std::path::Path;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::memory;

use super::checksum::{hexadecimal, sha256};
use super::class_folders::Listing;
use super::image_file::{ImageError, ImageFile};
use super::load::format_error;
use super::{DataError, ImageShape};

/// Images decoded at a time; bounds what is held beside the set itself.
const BLOCK: usize = 256;

/// Images in the order of their files.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    /// `[n, height, width, channels]` bytes.
    pub pixels: Vec<u8>,
    /// SHA-256 over the SHA-256 of every file, in order.
    pub sha256: String,
}

/// The size of the first image, with three channels if any image has them.
pub(super) fn common_shape(set: &'static str, listing: &Listing) -> Result<ImageShape, DataError> {
    let shapes: Vec<_> = listing.paths.par_iter().map(|path| shape_of(set, path)).collect();
    let shapes = shapes.into_iter().collect::<Result<Vec<_>, _>>()?;
    let channels = shapes.iter().map(|shape| shape.channels).max().unwrap_or(0);
    let (height, width) = shapes.first().map_or((0, 0), |shape| (shape.height, shape.width));
    Ok(ImageShape { height, width, channels })
}

fn shape_of(set: &'static str, path: &Path) -> Result<ImageShape, DataError> {
    let bytes = memory::read(path).map_err(DataError::io("read", path))?;
    ImageFile::open(&bytes).map(|file| file.shape).map_err(format_error(set, path))
}

/// Decodes every file into images of `shape`; where that has three channels, grey is repeated in each.
/// The error is that of the first file that has one.
pub(super) fn decode_all(
    set: &'static str,
    listing: &Listing,
    shape: ImageShape,
) -> Result<Decoded, DataError> {
    let (mut pixels, mut sums) = (Vec::new(), Sha256::new());
    let need = (listing.paths.len() as u64).saturating_mul(shape.bytes() as u64);
    memory::reserve(&mut pixels, need)
        .map_err(DataError::io("hold every image of", &listing.train))?;
    for block in listing.paths.chunks(BLOCK) {
        let images: Vec<_> = block.par_iter().map(|path| decode_file(set, path, shape)).collect();
        for image in images {
            let (image, sum) = image?;
            pixels.extend_from_slice(&image);
            sums.update(sum);
        }
    }
    Ok(Decoded { pixels, sha256: hexadecimal(&sums.finalize()) })
}

fn decode_file(
    set: &'static str,
    path: &Path,
    shape: ImageShape,
) -> Result<(Vec<u8>, String), DataError> {
    let bytes = memory::read(path).map_err(DataError::io("read", path))?;
    let pixels = decode(&bytes, shape).map_err(format_error(set, path))?;
    Ok((pixels, sha256(&bytes)))
}

fn decode(bytes: &[u8], expected: ImageShape) -> Result<Vec<u8>, ImageError> {
    let file = ImageFile::open(bytes)?;
    let found = file.shape;
    let is_grey = found.channels == 1;
    if found != expected && !(is_grey && ImageShape { channels: 1, ..expected } == found) {
        return Err(ImageError::Shape { found, expected });
    }
    let mut pixels = file.pixels()?;
    if is_grey && expected.channels > 1 {
        pixels = pixels.into_iter().flat_map(|grey| [grey; 3]).collect();
    }
    Ok(pixels)
}

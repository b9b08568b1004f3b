//! PNG and JPEG files of one size, decoded side by side into the bytes of a data set.
//!
//! The format is told from the content, not from the name. Decoders of JPEG differ from each other by a
//! few levels, so a set's pixels are those of this decoder. PNG has checksums; of a JPEG file, damage
//! that leaves its markers in place shows in the pixels only.

use std::io::Cursor;
use std::path::Path;

use image::{ColorType, ImageDecoder, ImageReader, Limits};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::memory;

use super::checksum::{hexadecimal, sha256};
use super::class_folders::Listing;
use super::load::format_error;
use super::{DataError, ImageShape};

/// Rows and columns of the largest image that is decoded: a small file may claim any size.
const MAX_SIDE: u32 = 4096;

/// Images decoded at a time; bounds what is held beside the set itself.
const BLOCK: usize = 256;

/// Why an image cannot be part of a data set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// Not an image, a damaged one, or a gigantic one.
    #[error("cannot be decoded as PNG or JPEG: {0}")]
    Decode(#[from] image::ImageError),
    /// A JPEG file without its end.
    #[error("the JPEG file is truncated")]
    Truncated,
    /// Neither grey nor RGB of 8 bits.
    #[error("its pixels are {found:?}; convert it to 8-bit grey or 8-bit RGB without transparency")]
    Colour {
        /// What the pixels are.
        found: ColorType,
    },
    /// Another size than the set's images.
    #[error(
        "its size is {found} (height x width x channels), but this set's images are {expected}"
    )]
    Shape {
        /// The size of this one.
        found: ImageShape,
        /// The size of the others.
        expected: ImageShape,
    },
}

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
    decoder(&bytes).and_then(|decoder| shape(&decoder)).map_err(format_error(set, path))
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
    let decoder = decoder(bytes)?;
    let found = shape(&decoder)?;
    let is_grey = found.channels == 1;
    if found != expected && !(is_grey && ImageShape { channels: 1, ..expected } == found) {
        return Err(ImageError::Shape { found, expected });
    }
    let mut pixels = vec![0; found.bytes()];
    decoder.read_image(&mut pixels)?;
    if is_grey && expected.channels > 1 {
        pixels = pixels.into_iter().flat_map(|grey| [grey; 3]).collect();
    }
    Ok(pixels)
}

fn decoder(bytes: &[u8]) -> Result<impl ImageDecoder + '_, ImageError> {
    if is_truncated_jpeg(bytes) {
        return Err(ImageError::Truncated);
    }
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(image::ImageError::IoError)?;
    reader.limits(limits);
    Ok(reader.into_decoder()?)
}

/// A JPEG file has no end-of-image marker behind its last scan. The decoder would fill what is
/// missing with grey.
fn is_truncated_jpeg(bytes: &[u8]) -> bool {
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|pair| pair == marker);
    bytes.starts_with(&[0xff, 0xd8]) && last([0xff, 0xd9]) <= last([0xff, 0xda])
}

fn shape(decoder: &impl ImageDecoder) -> Result<ImageShape, ImageError> {
    let (width, height) = decoder.dimensions();
    let channels = match decoder.color_type() {
        ColorType::L8 => 1,
        ColorType::Rgb8 => 3,
        found => return Err(ImageError::Colour { found }),
    };
    Ok(ImageShape { height: height as usize, width: width as usize, channels })
}

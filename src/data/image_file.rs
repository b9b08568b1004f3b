//! A PNG or JPEG file: the shape that its header gives, and its pixels.
//!
//! The format is told from the content, not from the name. Decoders of JPEG differ from each other by a
//! few levels, so pixels are those of this decoder. PNG has checksums; of a JPEG file, damage that leaves its
//! markers in place shows in the pixels only.

use std::io::Cursor;

use png::{BitDepth, ColorType, Transformations};
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::ImageShape;

/// Rows and columns of the largest image that is decoded: a small file may claim any size.
const MAX_SIDE: usize = 4096;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = &[0xff, 0xd8];

/// Why an image cannot be part of a data set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// Neither format's first bytes.
    #[error("cannot be decoded as PNG or JPEG: it begins like neither")]
    Format,
    /// A damaged PNG file.
    #[error("cannot be decoded as PNG or JPEG: {0}")]
    Png(#[from] png::DecodingError),
    /// A damaged JPEG file.
    #[error("cannot be decoded as PNG or JPEG: {0}")]
    Jpeg(#[from] zune_jpeg::errors::DecodeErrors),
    /// A JPEG file without its end.
    #[error("the JPEG file is truncated")]
    Truncated,
    /// A gigantic image.
    #[error(
        "cannot be decoded as PNG or JPEG: its size of {height}x{width} exceeds the limit of \
         {MAX_SIDE}x{MAX_SIDE}"
    )]
    Size {
        /// Rows, by its header.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// Neither grey nor RGB of 8 bits.
    #[error("its pixels are {found}; convert it to 8-bit grey or 8-bit RGB without transparency")]
    Colour {
        /// What the pixels are, with bits a channel.
        found: String,
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

/// A file whose header has been read.
pub(super) struct ImageFile<'a> {
    /// By its header.
    pub shape: ImageShape,
    decoder: Decoder<'a>,
}

enum Decoder<'a> {
    Png(Box<png::Reader<Cursor<&'a [u8]>>>),
    Jpeg(Box<zune_jpeg::JpegDecoder<ZCursor<&'a [u8]>>>),
}

impl<'a> ImageFile<'a> {
    /// Reads the header in the content of a file.
    ///
    /// # Errors
    /// If it is no image of either format, is damaged, gigantic, or neither grey nor RGB of 8 bits.
    pub fn open(bytes: &'a [u8]) -> Result<Self, ImageError> {
        if bytes.starts_with(PNG) {
            Self::png(bytes)
        } else if bytes.starts_with(JPEG) {
            Self::jpeg(bytes)
        } else {
            Err(ImageError::Format)
        }
    }

    fn png(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let mut decoder = png::Decoder::new(Cursor::new(bytes));
        let header = decoder.read_header_info()?;
        let (height, width) = sides(header.height as usize, header.width as usize)?;
        // Palettes become colours and fewer bits 8; 16 bits stay, and are refused.
        decoder.set_transformations(Transformations::EXPAND);
        let reader = decoder.read_info()?;
        let channels = match reader.output_color_type() {
            (ColorType::Grayscale, BitDepth::Eight) => 1,
            (ColorType::Rgb, BitDepth::Eight) => 3,
            (colour, bits) => {
                return Err(ImageError::Colour { found: format!("{colour:?}{}", bits as u8) });
            }
        };
        let shape = ImageShape { height, width, channels };
        Ok(Self { shape, decoder: Decoder::Png(Box::new(reader)) })
    }

    fn jpeg(bytes: &'a [u8]) -> Result<Self, ImageError> {
        if is_truncated_jpeg(bytes) {
            return Err(ImageError::Truncated);
        }
        let options = DecoderOptions::default()
            .set_strict_mode(false)
            .set_max_width(usize::MAX)
            .set_max_height(usize::MAX);
        let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
        decoder.decode_headers()?;
        let Some((width, height)) = decoder.dimensions() else { return Err(ImageError::Format) };
        let (height, width) = sides(height, width)?;
        let (space, channels) = match decoder.input_colorspace() {
            Some(ColorSpace::Luma) => (ColorSpace::Luma, 1),
            // The decoder converts every other one.
            _ => (ColorSpace::RGB, 3),
        };
        decoder.set_options(options.jpeg_set_out_colorspace(space));
        let shape = ImageShape { height, width, channels };
        Ok(Self { shape, decoder: Decoder::Jpeg(Box::new(decoder)) })
    }

    /// Its `[height, width, channels]` bytes.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn pixels(self) -> Result<Vec<u8>, ImageError> {
        let mut pixels = vec![0; self.shape.bytes()];
        match self.decoder {
            Decoder::Png(mut reader) => {
                reader.next_frame(&mut pixels)?;
            }
            Decoder::Jpeg(mut decoder) => decoder.decode_into(&mut pixels)?,
        }
        Ok(pixels)
    }
}

fn sides(height: usize, width: usize) -> Result<(usize, usize), ImageError> {
    if height.max(width) > MAX_SIDE {
        return Err(ImageError::Size { height, width });
    }
    Ok((height, width))
}

/// True of a JPEG file without an end-of-image marker behind its last scan. The decoder would fill what is
/// missing with grey.
fn is_truncated_jpeg(bytes: &[u8]) -> bool {
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|pair| pair == marker);
    last([0xff, 0xd9]) <= last([0xff, 0xda])
}

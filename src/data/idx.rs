//! The IDX format of MNIST: a magic number, the dimensions as big-endian u32, then the bytes.
//!
//! Every function takes the content of a file and borrows from it, so no header can make it
//! allocate, and any bytes at all give a result or an [`IdxError`].

use std::borrow::Cow;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use super::ImageShape;

/// The most that a compressed file may expand to. The largest file of the sets known is 47 MB.
const MAX_CONTENT_BYTES: u64 = 1 << 30;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const IMAGES_MAGIC: u32 = 0x0000_0803;
const LABELS_MAGIC: u32 = 0x0000_0801;

/// What is wrong with the bytes of an IDX file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdxError {
    /// No bytes.
    #[error("the file is empty")]
    Empty,
    /// A gzip stream that does not decode.
    #[error("corrupt or incomplete gzip stream ({0})")]
    Gzip(io::Error),
    /// A gzip stream that expands to more than any known data set.
    #[error(
        "the gzip stream expands to more than {MAX_CONTENT_BYTES} bytes, so it is no file of this data set"
    )]
    TooLarge,
    /// Not the kind of file that was expected.
    #[error("magic number {found:#010x} where {expected:#010x} was expected: {}", describe(*found))]
    Magic {
        /// The number that the kind of file begins with.
        expected: u32,
        /// The number that this file begins with.
        found: u32,
    },
    /// Fewer bytes than the header promises.
    #[error("truncated: {expected} bytes expected, {found} found")]
    Truncated {
        /// Bytes of the header and of everything it promises.
        expected: u128,
        /// Bytes there are.
        found: usize,
    },
    /// More bytes than the header promises.
    #[error("too long: {expected} bytes expected, {found} found")]
    TrailingBytes {
        /// Bytes of the header and of everything it promises.
        expected: u128,
        /// Bytes there are.
        found: usize,
    },
    /// A dimension of 0.
    #[error("the header says {}, which is nothing", dimensions.iter().map(u32::to_string).collect::<Vec<_>>().join(" x "))]
    ZeroSized {
        /// Count, and for images height and width.
        dimensions: Vec<u32>,
    },
}

/// The images of an IDX file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Images<'a> {
    /// The number of images.
    pub count: u32,
    /// Rows of each.
    pub height: u32,
    /// Columns of each.
    pub width: u32,
    /// `[count, height, width]` bytes.
    pub pixels: &'a [u8],
}

impl Images<'_> {
    /// The size of each image: one channel.
    pub fn shape(&self) -> ImageShape {
        ImageShape { height: self.height as usize, width: self.width as usize, channels: 1 }
    }
}

/// The content of a file: its bytes, decompressed if they begin as gzip does.
pub(super) fn content(bytes: &[u8]) -> Result<Cow<'_, [u8]>, IdxError> {
    if !bytes.starts_with(&GZIP_MAGIC) {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut content = Vec::new();
    let mut decoder = MultiGzDecoder::new(bytes).take(MAX_CONTENT_BYTES + 1);
    decoder.read_to_end(&mut content).map_err(IdxError::Gzip)?;
    if content.len() as u64 > MAX_CONTENT_BYTES {
        return Err(IdxError::TooLarge);
    }
    Ok(Cow::Owned(content))
}

/// Reads the content of an image file.
pub(super) fn images(content: &[u8]) -> Result<Images<'_>, IdxError> {
    let ([count, height, width], pixels) = parse(content, IMAGES_MAGIC)?;
    Ok(Images { count, height, width, pixels })
}

/// Reads the content of a label file: one byte a label.
pub(super) fn labels(content: &[u8]) -> Result<&[u8], IdxError> {
    parse::<1>(content, LABELS_MAGIC).map(|(_, labels)| labels)
}

/// Splits `content` into D dimensions and exactly as many bytes as they promise.
fn parse<const D: usize>(content: &[u8], magic: u32) -> Result<([u32; D], &[u8]), IdxError> {
    let header_bytes = 4 + 4 * D;
    let (words, _) = content.as_chunks::<4>();
    let mut words = words.iter().map(|word| u32::from_be_bytes(*word));
    match words.next() {
        None if content.is_empty() => return Err(IdxError::Empty),
        Some(found) if found != magic => return Err(IdxError::Magic { expected: magic, found }),
        _ => {}
    }
    let Some(body) = content.get(header_bytes..) else {
        let (expected, found) = (header_bytes as u128, content.len());
        return Err(IdxError::Truncated { expected, found });
    };
    let dimensions: [u32; D] = std::array::from_fn(|_| words.next().unwrap_or(0));
    check_size(&dimensions, header_bytes, content.len())?;
    Ok((dimensions, body))
}

/// Compares the size that a header promises with the size there is.
fn check_size(dimensions: &[u32], header_bytes: usize, found: usize) -> Result<(), IdxError> {
    let body_bytes: u128 = dimensions.iter().map(|size| u128::from(*size)).product();
    if body_bytes == 0 {
        return Err(IdxError::ZeroSized { dimensions: dimensions.to_vec() });
    }
    let expected = header_bytes as u128 + body_bytes;
    match (found as u128).cmp(&expected) {
        std::cmp::Ordering::Less => Err(IdxError::Truncated { expected, found }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(IdxError::TrailingBytes { expected, found }),
    }
}

/// What a file that begins with `magic` seems to be.
fn describe(magic: u32) -> &'static str {
    match magic.to_be_bytes() {
        [0, 0, 8, 1] => "it is a label file",
        [0, 0, 8, 3] => "it is an image file",
        [0, 0, 8..=14, 1..=255] => "it is an IDX file of other dimensions or another element type",
        [0x1f, 0x8b, ..] => "it was compressed twice",
        [b'P', b'K', ..] => "it is a zip archive",
        [b'<', ..] => "it is a web page, so the download went wrong",
        _ => "it is not an IDX file",
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn file(magic: u32, dimensions: &[u32], body: &[u8]) -> Vec<u8> {
        let words = [&[magic], dimensions].concat();
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        bytes.extend_from_slice(body);
        bytes
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn reads_images_and_labels_gzipped_or_not() {
        let plain = file(IMAGES_MAGIC, &[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
        let expected = Images { count: 2, height: 1, width: 3, pixels: &[1, 2, 3, 4, 5, 6] };
        assert_eq!(images(&content(&plain).unwrap()).unwrap(), expected);
        assert_eq!(images(&content(&gzip(&plain)).unwrap()).unwrap(), expected);
        let plain = file(LABELS_MAGIC, &[3], &[7, 0, 9]);
        assert_eq!(labels(&content(&gzip(&plain)).unwrap()).unwrap(), [7, 0, 9]);
    }

    #[test]
    fn says_what_is_wrong() {
        let cases: [(Vec<u8>, &str); 9] = [
            (vec![], "the file is empty"),
            (vec![0, 0, 8], "truncated: 16 bytes expected, 3 found"),
            (file(IMAGES_MAGIC, &[1], &[]), "truncated: 16 bytes expected, 8 found"),
            (file(IMAGES_MAGIC, &[2, 2, 2], &[0; 7]), "truncated: 24 bytes expected, 23 found"),
            (file(IMAGES_MAGIC, &[2, 2, 2], &[0; 9]), "too long: 24 bytes expected, 25 found"),
            (file(IMAGES_MAGIC, &[2, 0, 2], &[]), "the header says 2 x 0 x 2, which is nothing"),
            (file(LABELS_MAGIC, &[1], &[0]), "it is a label file"),
            (b"<!DOCTYPE html>".to_vec(), "it is a web page"),
            (gzip(&[]), "it was compressed twice"),
        ];
        for (bytes, expected) in cases {
            let message = images(&bytes).unwrap_err().to_string();
            assert!(message.contains(expected), "{message} does not say {expected}");
        }
    }

    #[test]
    fn an_absurd_header_is_a_truncated_file() {
        let bytes = file(IMAGES_MAGIC, &[u32::MAX; 3], &[0; 100]);
        let IdxError::Truncated { expected, found } = images(&bytes).unwrap_err() else { panic!() };
        assert_eq!((expected, found), (16 + u128::from(u32::MAX).pow(3), 116));
    }

    #[test]
    fn a_cut_or_damaged_gzip_stream_is_refused() {
        let whole = gzip(&file(LABELS_MAGIC, &[1000], &[5; 1000]));
        let mut damaged = whole.clone();
        let checksum = damaged.len() - 8;
        damaged[checksum] ^= 1;
        let trailing = [whole.as_slice(), b"rubbish"].concat();
        for bytes in [&whole[..whole.len() - 1], &whole[..5], &damaged, &trailing] {
            assert!(matches!(content(bytes), Err(IdxError::Gzip(_))));
        }
    }

    fn read_everything(bytes: &[u8]) {
        if let Ok(content) = content(bytes) {
            let _ = images(&content);
            let _ = labels(&content);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_result_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            read_everything(&bytes);
        }

        #[test]
        fn damaged_files_give_a_result_or_an_error(
            position in 0..40usize, value in any::<u8>(), cut in 0..60usize, compressed in any::<bool>()
        ) {
            let plain = file(IMAGES_MAGIC, &[3, 2, 4], &[9; 24]);
            let mut bytes = if compressed { gzip(&plain) } else { plain };
            let position = position % bytes.len();
            bytes[position] = value;
            bytes.truncate(cut);
            read_everything(&bytes);
        }

        #[test]
        fn what_is_read_is_what_was_written(
            count in 1..5u32, height in 1..5u32, width in 1..5u32, seed in any::<u8>()
        ) {
            let body: Vec<u8> = (0..count * height * width).map(|i| (i as u8).wrapping_mul(seed)).collect();
            let bytes = gzip(&file(IMAGES_MAGIC, &[count, height, width], &body));
            let content = content(&bytes).unwrap();
            prop_assert_eq!(images(&content).unwrap(), Images { count, height, width, pixels: &body });
        }
    }
}

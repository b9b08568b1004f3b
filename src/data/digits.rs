//! The built-in set: 1797 handwritten digits of 8x8 pixels, so that a first run needs no download.
//!
//! They are the test set of E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*
//! (1998), UCI Machine Learning Repository, <https://doi.org/10.24432/C50P49>, licensed under
//! [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/), in the order of that file. Each pixel
//! counts the set pixels of a 4x4 block, 0 to 16. `digits.py` stores them as bytes and changes
//! nothing else.

use std::io::Read;
use std::path::PathBuf;

use flate2::read::GzDecoder;

use super::DataFile;
use super::checksum::sha256;
use super::published::DIGITS;
use super::{DataError, Dataset};

const NAME: &str = "digits.gz";
static RECORDS: &[u8] = include_bytes!("digits.gz");

/// Unpacks the set.
pub(super) fn load() -> Result<Dataset, DataError> {
    let path = || PathBuf::from(format!("{NAME} (built in)"));
    let mut records = Vec::new();
    GzDecoder::new(RECORDS)
        .read_to_end(&mut records)
        .map_err(DataError::io("decompress", path()))?;
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    for record in records.chunks(DIGITS.shape.bytes() + 1) {
        let (label, pixels) = record.split_last().unwrap_or((&0, &[]));
        images.extend_from_slice(pixels);
        labels.push(u16::from(*label));
    }
    let files = vec![DataFile { name: NAME.to_owned(), sha256: sha256(RECORDS) }];
    Dataset::new(images, labels, DIGITS.shape, DIGITS.classes, DIGITS.normalisation.clone(), files)
        .map_err(|problem| DataError::Inconsistent { name: DIGITS.name, path: path(), problem })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_published() {
        let digits = load().unwrap();
        assert_eq!(digits.len(), 1797);
        assert_eq!(&digits.labels()[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(&digits.images()[..8], [0, 0, 5, 13, 9, 1, 0, 0]);
        assert_eq!(digits.images().iter().max(), Some(&16));
        // Class counts as in the description of the test set at UCI.
        let count = |class| digits.labels().iter().filter(|label| **label == class).count();
        let counts: Vec<usize> = (0..10).map(count).collect();
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    }

    #[test]
    fn pixels_become_minus_a_half_to_a_half() {
        let digits = load().unwrap();
        assert_eq!(&digits.pixels::<f32>(&[0])[..4], [-0.5, -0.5, -0.1875, 0.3125]);
    }
}

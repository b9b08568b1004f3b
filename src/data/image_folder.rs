//! Images of one's own, `train/CLASS/*.png`, `.jpg` or `.jpeg`; the classes are the folders, sorted by
//! name.
//!
//! All images have one size; nothing is scaled. Where some are grey and some RGB, grey is repeated in
//! the three channels.

use std::path::Path;

use super::images::{common_shape, decode_all};
use super::load::check_root;
use super::{DataError, DataFile, Dataset, PixelNormalisation, class_folders};

/// Loads `train/CLASS/*`.
pub(super) fn load(set: &'static str, root: &Path) -> Result<Dataset, DataError> {
    check_root(set, root)?;
    let train = root.join("train");
    let classes = class_folders::folders(set, &train, "train/CLASS/")?;
    let listing = class_folders::list(set, &train, &classes)?;
    let shape = common_shape(set, &listing)?;
    let decoded = decode_all(set, &listing, shape)?;
    let files = vec![DataFile { name: "train".to_owned(), sha256: decoded.sha256 }];
    let normalisation = PixelNormalisation::centred(shape.channels);
    Dataset::new(decoded.pixels, listing.labels, shape, listing.classes, normalisation, files)
        .map_err(|problem| DataError::Inconsistent { name: set, path: train, problem })
}

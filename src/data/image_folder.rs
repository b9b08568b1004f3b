//! Images of one's own, `train/CLASS/*.png`, `.jpg` or `.jpeg`, and `test/CLASS/*` if there is a test
//! split; the classes are the folders in `train`, sorted by name.
//!
//! All images have one size; nothing is scaled. Where some are grey and some RGB, grey is repeated in
//! the three channels.

use std::path::{Path, PathBuf};

use super::images::{common_shape, decode_all};
use super::load::check_root;
use super::{DataError, DataFile, Dataset, PixelNormalisation, class_folders};

/// Loads `train/CLASS/*`.
pub(super) fn load(set: &'static str, root: &Path) -> Result<Dataset, DataError> {
    check_root(set, root)?;
    let train = root.join("train");
    let classes = class_folders::folders(set, &train, "train/CLASS/")?;
    read(set, train, &classes, "train")
}

/// Loads `test/CLASS/*`, with the classes of `train`; none if there is no folder `test`.
pub(super) fn load_test(set: &'static str, root: &Path) -> Result<Option<Dataset>, DataError> {
    let (train, test) = (root.join("train"), root.join("test"));
    if !test.is_dir() {
        return Ok(None);
    }
    let classes = class_folders::folders(set, &train, "train/CLASS/")?;
    let in_test = |class: &PathBuf| class.file_name().map(|name| test.join(name));
    let classes: Vec<PathBuf> = classes.iter().filter_map(in_test).collect();
    read(set, test, &classes, "test").map(Some)
}

fn read(
    set: &'static str,
    folder: PathBuf,
    classes: &[PathBuf],
    name: &str,
) -> Result<Dataset, DataError> {
    let listing = class_folders::list(set, &folder, classes)?;
    let shape = common_shape(set, &listing)?;
    let decoded = decode_all(set, &listing, shape)?;
    let files = vec![DataFile { name: name.to_owned(), sha256: decoded.sha256 }];
    let normalisation = PixelNormalisation::centred(shape.channels);
    Dataset::new(decoded.pixels, listing.labels, shape, listing.classes, normalisation, files)
        .map_err(|problem| DataError::Inconsistent { name: set, path: folder, problem })
}

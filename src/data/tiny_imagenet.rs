//! Tiny ImageNet: `train/WNID/images/*.JPEG`, 200 classes in the order of `wnids.txt`, some images grey.
//!
//! A WNID is the name of a class in WordNet, `n` and digits. Y. Le and X. Yang, *Tiny ImageNet Visual
//! Recognition Challenge* (2015), Stanford CS 231N.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::class_folders::{self, Listing};
use super::load::{check_root, format_error, missing};
use super::pixel_cache::{self, Caching};
use super::{DataError, DataFile, Dataset, ImageShape, PublishedSet};

/// The size of every image.
pub(super) const SHAPE: ImageShape = ImageShape { height: 64, width: 64, channels: 3 };

/// The list of the classes.
const WNIDS: &str = "wnids.txt";

/// What is wrong with the list of classes, or with a folder that is not in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WnidError {
    /// Something else than a class.
    #[error("line {line} is no class; it has to be n and digits, like n01443537")]
    Name {
        /// Which line, from 1.
        line: usize,
    },
    /// A class that comes twice.
    #[error("line {line} names a class again")]
    Again {
        /// Which line, from 1.
        line: usize,
    },
    /// Another number of classes than the set has.
    #[error("{found} classes, but the set has {expected}")]
    Count {
        /// How many lines there are.
        found: usize,
        /// How many there should be.
        expected: u16,
    },
    /// A folder that is not in the list.
    #[error("is no class of {WNIDS}")]
    Unlisted,
}

/// Loads the training images, from the cache beside them if `caching` says so.
pub(super) fn load(
    set: &PublishedSet,
    root: &Path,
    caching: Caching,
) -> Result<Dataset, DataError> {
    let listing = list(set, root)?;
    let decoded = pixel_cache::decoded(set.about.name, &listing, SHAPE, caching)?;
    let files = vec![DataFile { name: "train".to_owned(), sha256: decoded.sha256 }];
    let Listing { train, labels, classes, .. } = listing;
    Dataset::new(decoded.pixels, labels, SHAPE, classes, set.about.normalisation.clone(), files)
        .map_err(|problem| DataError::Inconsistent { name: set.about.name, path: train, problem })
}

/// The images there are in the folder of the archive, or else in `root` itself.
pub(super) fn list(set: &PublishedSet, root: &Path) -> Result<Listing, DataError> {
    check_root(set.about.name, root)?;
    let unpacked = set.archive.map_or("", |archive| archive.folder);
    let candidates = [format!("{unpacked}/{WNIDS}"), WNIDS.to_owned()];
    let found = candidates.iter().map(|name| root.join(name)).find(|path| path.is_file());
    let list = found.ok_or_else(|| missing(set.about.name, root, candidates.to_vec()))?;
    let train = list.with_file_name("train");
    let classes: Vec<PathBuf> =
        read_wnids(set, &list)?.iter().map(|wnid| train.join(wnid)).collect();
    let images: Vec<PathBuf> = classes.iter().map(|class| class.join("images")).collect();
    if let Some(absent) = images.iter().find(|folder| !folder.is_dir()) {
        return Err(missing(set.about.name, root, vec![absent.display().to_string()]));
    }
    let listed: HashSet<&PathBuf> = classes.iter().collect();
    let folders = class_folders::folders(set.about.name, &train, "train/WNID/images/")?;
    match folders.iter().find(|folder| !listed.contains(folder)) {
        Some(other) => Err(format_error(set.about.name, other)(WnidError::Unlisted)),
        None => class_folders::list(set.about.name, &train, &images),
    }
}

fn read_wnids(set: &PublishedSet, path: &Path) -> Result<Vec<String>, DataError> {
    let text = fs::read_to_string(path).map_err(DataError::io("read", path))?;
    let wnids =
        parse_wnids(&text, set.about.classes).map_err(format_error(set.about.name, path))?;
    Ok(wnids.into_iter().map(str::to_owned).collect())
}

fn parse_wnids(text: &str, expected: u16) -> Result<Vec<&str>, WnidError> {
    let (mut wnids, mut seen) = (Vec::new(), HashSet::new());
    for (line, wnid) in (1..).zip(text.trim_end().lines().map(str::trim_end)) {
        let digits = wnid.strip_prefix('n').unwrap_or_default();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(WnidError::Name { line });
        }
        if !seen.insert(wnid) {
            return Err(WnidError::Again { line });
        }
        wnids.push(wnid);
    }
    let found = wnids.len();
    if found == usize::from(expected) {
        Ok(wnids)
    } else {
        Err(WnidError::Count { found, expected })
    }
}

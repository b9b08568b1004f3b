//! Images in a folder for each class.
//!
//! The samples take turns: the first image of every class by name, then the second of every class, and
//! so on, so that the first so many samples are balanced. Hidden files are passed over; anything else
//! that is no image is refused rather than left out unseen.

use std::fs;
use std::path::{Path, PathBuf};

use super::DataError;
use super::load::format_error;

/// Why a folder does not hold the images of classes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// Not there.
    #[error("no such folder; the images have to be in {0}")]
    Absent(&'static str),
    /// No class, or a class without images.
    #[error("has no {0}; every class is a folder with at least one image")]
    Empty(&'static str),
    /// A file where a class was expected.
    #[error("is no folder; here every class is a folder of images: move it elsewhere")]
    NotAClass,
    /// Something else among the images.
    #[error("is no .png, .jpg or .jpeg file; only images may be here: move it elsewhere")]
    NotAnImage,
    /// A name that is no text.
    #[error("its name is not valid UTF-8; rename it")]
    Name,
    /// More classes than labels.
    #[error("has {found} classes; at most {} are possible", u16::MAX)]
    TooManyClasses {
        /// How many there are.
        found: usize,
    },
}

/// The files of a set.
#[derive(Debug)]
pub(super) struct Listing {
    /// The folder that everything is in.
    pub train: PathBuf,
    /// Images in the order of the samples.
    pub paths: Vec<PathBuf>,
    /// The class of each.
    pub labels: Vec<u16>,
    /// The number of classes.
    pub classes: u16,
}

/// Lists the images of every class; `classes` are their folders, in the order of the labels.
pub(super) fn list(
    set: &'static str,
    train: &Path,
    classes: &[PathBuf],
) -> Result<Listing, DataError> {
    let refuse = |problem: FolderError| format_error(set, train)(problem);
    let found = classes.len();
    let count = u16::try_from(found).map_err(|_| refuse(FolderError::TooManyClasses { found }))?;
    if count == 0 {
        return Err(refuse(FolderError::Empty("class")));
    }
    let mut samples = Vec::new();
    for (label, class) in (0..count).zip(classes) {
        let images = images_in(set, class)?;
        samples.extend(images.into_iter().enumerate().map(|(turn, path)| (turn, label, path)));
    }
    samples.sort_unstable_by_key(|(turn, label, _)| (*turn, *label));
    let (labels, paths) = samples.into_iter().map(|(_, label, path)| (label, path)).unzip();
    Ok(Listing { train: train.to_owned(), paths, labels, classes: count })
}

/// The folders in `train`, sorted by name; `wanted` says where images have to be.
pub(super) fn folders(
    set: &'static str,
    train: &Path,
    wanted: &'static str,
) -> Result<Vec<PathBuf>, DataError> {
    let folders = visible(set, train, wanted)?;
    match folders.iter().find(|path| !path.is_dir()) {
        Some(file) => Err(format_error(set, file)(FolderError::NotAClass)),
        None => Ok(folders),
    }
}

fn images_in(set: &'static str, class: &Path) -> Result<Vec<PathBuf>, DataError> {
    let files = visible(set, class, "a folder for each class")?;
    if let Some(other) = files.iter().find(|path| !is_image(path)) {
        return Err(format_error(set, other)(FolderError::NotAnImage));
    }
    if files.is_empty() {
        return Err(format_error(set, class)(FolderError::Empty("image")));
    }
    Ok(files)
}

/// What is in a folder, sorted by name, without hidden files.
fn visible(
    set: &'static str,
    folder: &Path,
    wanted: &'static str,
) -> Result<Vec<PathBuf>, DataError> {
    if !folder.is_dir() {
        return Err(format_error(set, folder)(FolderError::Absent(wanted)));
    }
    let mut paths = Vec::new();
    for found in fs::read_dir(folder).map_err(DataError::io("list", folder))? {
        let found = found.map_err(DataError::io("list", folder))?;
        match found.file_name().to_str() {
            None => return Err(format_error(set, &found.path())(FolderError::Name)),
            Some(name) if name.starts_with('.') => {}
            Some(_) => paths.push(found.path()),
        }
    }
    paths.sort();
    Ok(paths)
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    let is_known = ["png", "jpg", "jpeg"].iter().any(|known| extension.eq_ignore_ascii_case(known));
    is_known && path.is_file()
}

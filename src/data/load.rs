//! Reading the training split of a data set into memory.

use std::path::Path;

use super::pixel_cache::Caching;
use super::source::SourceFile;
use super::{
    DataError, Dataset, DatasetEntry, FileKind, Format, FormatError, IdxError, ImageShape,
    PublishedFile, Split, catalog, cifar, digits, idx, image_folder, numpy_arrays, tiny_imagenet,
};

/// Loads the training split of the data set `name` from the folder `root`, by default
/// [`default_root`](super::default_root). What the folder holds is taken as it is, provided that it
/// is well formed; [`verify`](super::verify()) compares it with what was published. A built-in set
/// needs no folder; a set of one's own has no default.
///
/// # Errors
/// A name that is not in the catalog, a missing folder or file, a file that is not what its name
/// promises, or files that do not belong together.
pub fn load(name: &str, root: Option<&Path>) -> Result<Dataset, DataError> {
    read(name, root, Caching::Use)
}

/// As [`load`], but every file is read, even those that a cache stands for.
///
/// # Errors
/// Those of [`load`].
pub fn load_uncached(name: &str, root: Option<&Path>) -> Result<Dataset, DataError> {
    read(name, root, Caching::Ignore)
}

fn read(name: &str, root: Option<&Path>, caching: Caching) -> Result<Dataset, DataError> {
    let entry = catalog::find(name)?;
    if entry.is_own() && root.is_none() {
        return Err(DataError::NoRoot { name: entry.name });
    }
    let root = root.map(Path::to_owned).or_else(|| catalog::default_root(name)).unwrap_or_default();
    match entry.format {
        Format::BuiltIn => digits::load(),
        Format::Idx => load_idx(entry, &root),
        Format::Cifar { label_bytes } => cifar::load(entry, &root, label_bytes),
        Format::TinyImagenet => tiny_imagenet::load(entry, &root, caching),
        Format::Folder => image_folder::load(entry, &root),
        Format::Npy => numpy_arrays::load(entry, &root),
    }
}

fn load_idx(entry: &DatasetEntry, root: &Path) -> Result<Dataset, DataError> {
    check_root(entry, root)?;
    let images_file = training_file(entry, root, FileKind::Images)?;
    let labels_file = training_file(entry, root, FileKind::Labels)?;

    let (shape, pixels) =
        read_images(&images_file).map_err(format_error(entry, &images_file.path))?;
    let labels = read_labels(&labels_file).map_err(format_error(entry, &labels_file.path))?;
    let normalisation = entry.normalisation.clone();
    let files = vec![images_file.record, labels_file.record];
    Dataset::new(pixels, labels, shape, entry.classes, normalisation, files).map_err(|problem| {
        DataError::Inconsistent { name: entry.name, path: labels_file.path, problem }
    })
}

/// An error if the folder is not there.
pub(super) fn check_root(entry: &DatasetEntry, root: &Path) -> Result<(), DataError> {
    if root.is_dir() {
        return Ok(());
    }
    Err(DataError::MissingRoot { name: entry.name, root: root.to_owned() })
}

fn training_file(
    entry: &DatasetEntry,
    root: &Path,
    kind: FileKind,
) -> Result<SourceFile, DataError> {
    let mut files = entry.files.iter();
    match files.find(|file| file.split == Split::Train && file.kind == kind) {
        Some(file) => required(entry, root, file),
        None => Err(missing(entry, root, Vec::new())),
    }
}

/// Reads a file that has to be there.
pub(super) fn required(
    entry: &DatasetEntry,
    root: &Path,
    file: &PublishedFile,
) -> Result<SourceFile, DataError> {
    let source = SourceFile::find(entry, root, file)?;
    source.ok_or_else(|| missing(entry, root, entry.candidates(file)))
}

/// The error for a file or folder that is under none of its names.
pub(super) fn missing(entry: &DatasetEntry, root: &Path, candidates: Vec<String>) -> DataError {
    DataError::MissingFile { name: entry.name, root: root.to_owned(), candidates }
}

/// A closure for `map_err` that adds the data set and the path to what is wrong with a file.
pub(super) fn format_error<E: Into<FormatError>>(
    entry: &DatasetEntry,
    path: &Path,
) -> impl FnOnce(E) -> DataError {
    let (name, path) = (entry.name, path.to_owned());
    move |problem| DataError::Format { name, path, problem: problem.into() }
}

fn read_images(file: &SourceFile) -> Result<(ImageShape, Vec<u8>), IdxError> {
    let content = file.content()?;
    let images = idx::images(&content)?;
    Ok((images.shape(), images.pixels.to_vec()))
}

fn read_labels(file: &SourceFile) -> Result<Vec<u16>, IdxError> {
    let content = file.content()?;
    Ok(idx::labels(&content)?.iter().map(|label| u16::from(*label)).collect())
}

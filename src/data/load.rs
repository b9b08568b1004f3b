//! Reading the training split of a data set into memory.

use std::path::Path;

use super::pixel_cache::Caching;
use super::source::SourceFile;
use super::{
    DataError, Dataset, DatasetEntry, FileKind, Format, FormatError, IdxError, ImageShape,
    OwnFormat, OwnSet, PublishedFile, PublishedSet, Split, catalog, cifar, digits, idx,
    image_folder, numpy_arrays, tiny_imagenet,
};

/// Loads the training split of the data set `name` from the folder `root`, by default
/// [`PublishedSet::default_root`]. What the folder holds is taken as it is, provided that it
/// is well formed; [`verify`](super::verify()) compares it with what was published. A built-in set
/// needs no folder; a set of one's own has no default.
///
/// # Errors
/// A name that is not in the catalog, a missing folder or file, a file that is not what its name
/// promises, or files that do not belong together.
pub fn load(name: &str, root: Option<&Path>) -> Result<Dataset, DataError> {
    read(name, root, Caching::Use)
}

/// Loads the test split, as [`load`] does the training split; none if it is not there: all sets but
/// `digits` and `tiny-imagenet` can have one.
///
/// # Errors
/// Those of [`load`], of files that are there.
pub fn load_test(name: &str, root: Option<&Path>) -> Result<Option<Dataset>, DataError> {
    match catalog::find(name)? {
        DatasetEntry::BuiltIn(_) => Ok(None),
        DatasetEntry::Published(set) => {
            let root = root.map_or_else(|| set.default_root(), Path::to_owned);
            if !has_test_files(set, &root) {
                return Ok(None);
            }
            match set.format {
                Format::Idx => load_idx(set, &root, Split::Test).map(Some),
                Format::Cifar { label_bytes } => {
                    cifar::load(set, &root, label_bytes, Split::Test).map(Some)
                }
                Format::TinyImagenet => Ok(None),
            }
        }
        DatasetEntry::Own(set) => {
            let root = root.ok_or(DataError::NoRoot { name: set.name })?;
            match set.format {
                OwnFormat::Folder => image_folder::load_test(set.name, root),
                OwnFormat::Npy => numpy_arrays::load_test(set.name, root),
            }
        }
    }
}

/// Every file of the test split is there, and there is one.
fn has_test_files(set: &PublishedSet, root: &Path) -> bool {
    let is_there =
        |file: &PublishedFile| set.candidates(file).iter().any(|name| root.join(name).is_file());
    let mut files = set.files.iter().filter(|file| file.split == Split::Test).peekable();
    files.peek().is_some() && files.all(is_there)
}

/// As [`load`], but every file is read, even those that a cache stands for.
///
/// # Errors
/// Those of [`load`].
pub fn load_uncached(name: &str, root: Option<&Path>) -> Result<Dataset, DataError> {
    read(name, root, Caching::Ignore)
}

fn read(name: &str, root: Option<&Path>, caching: Caching) -> Result<Dataset, DataError> {
    match catalog::find(name)? {
        DatasetEntry::BuiltIn(_) => digits::load(),
        DatasetEntry::Published(set) => {
            let root = root.map_or_else(|| set.default_root(), Path::to_owned);
            load_published(set, &root, caching)
        }
        DatasetEntry::Own(set) => load_own(set, root.ok_or(DataError::NoRoot { name: set.name })?),
    }
}

fn load_published(set: &PublishedSet, root: &Path, caching: Caching) -> Result<Dataset, DataError> {
    match set.format {
        Format::Idx => load_idx(set, root, Split::Train),
        Format::Cifar { label_bytes } => cifar::load(set, root, label_bytes, Split::Train),
        Format::TinyImagenet => tiny_imagenet::load(set, root, caching),
    }
}

fn load_own(set: &OwnSet, root: &Path) -> Result<Dataset, DataError> {
    match set.format {
        OwnFormat::Folder => image_folder::load(set.name, root),
        OwnFormat::Npy => numpy_arrays::load(set.name, root),
    }
}

fn load_idx(set: &PublishedSet, root: &Path, split: Split) -> Result<Dataset, DataError> {
    check_root(set.about.name, root)?;
    let images_file = file_of(set, root, split, FileKind::Images)?;
    let labels_file = file_of(set, root, split, FileKind::Labels)?;

    let (shape, pixels) =
        read_images(&images_file).map_err(format_error(set.about.name, &images_file.path))?;
    let labels =
        read_labels(&labels_file).map_err(format_error(set.about.name, &labels_file.path))?;
    let normalisation = set.about.normalisation.clone();
    let files = vec![images_file.record, labels_file.record];
    Dataset::new(pixels, labels, shape, set.about.classes, normalisation, files).map_err(
        |problem| DataError::Inconsistent { name: set.about.name, path: labels_file.path, problem },
    )
}

/// An error if the folder is not there.
pub(super) fn check_root(name: &'static str, root: &Path) -> Result<(), DataError> {
    if root.is_dir() {
        return Ok(());
    }
    Err(DataError::MissingRoot { name, root: root.to_owned() })
}

fn file_of(
    set: &PublishedSet,
    root: &Path,
    split: Split,
    kind: FileKind,
) -> Result<SourceFile, DataError> {
    let mut files = set.files.iter();
    match files.find(|file| file.split == split && file.kind == kind) {
        Some(file) => required(set, root, file),
        None => Err(missing(set.about.name, root, Vec::new())),
    }
}

/// Reads a file that has to be there.
pub(super) fn required(
    set: &PublishedSet,
    root: &Path,
    file: &PublishedFile,
) -> Result<SourceFile, DataError> {
    let source = SourceFile::find(set, root, file)?;
    source.ok_or_else(|| missing(set.about.name, root, set.candidates(file)))
}

/// The error for a file or folder that is under none of its names.
pub(super) fn missing(name: &'static str, root: &Path, candidates: Vec<String>) -> DataError {
    DataError::MissingFile { name, root: root.to_owned(), candidates }
}

/// A closure for `map_err` that adds the data set and the path to what is wrong with a file.
pub(super) fn format_error<E: Into<FormatError>>(
    name: &'static str,
    path: &Path,
) -> impl FnOnce(E) -> DataError {
    let path = path.to_owned();
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

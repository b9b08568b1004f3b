//! Reading the training split of a data set into memory.

use std::path::Path;

use super::source::SourceFile;
use super::{
    DataError, Dataset, DatasetEntry, FileKind, Format, IdxError, ImageShape, Split, catalog,
    digits, idx,
};

/// Loads the training split of the data set `name` from the folder `root`, by default
/// [`default_root`](super::default_root). What the folder holds is taken as it is, provided that it
/// is well formed; [`verify`](super::verify()) compares it with what was published. A built-in set
/// needs no folder.
///
/// # Errors
/// A name that is not in the catalog, a missing folder or file, a file that is not what its name
/// promises, or files that do not belong together.
pub fn load(name: &str, root: Option<&Path>) -> Result<Dataset, DataError> {
    let entry = catalog::find(name)?;
    let root = root.map(Path::to_owned).or_else(|| catalog::default_root(name)).unwrap_or_default();
    match entry.format {
        Format::BuiltIn => digits::load(),
        Format::Idx => load_idx(entry, &root),
    }
}

fn load_idx(entry: &DatasetEntry, root: &Path) -> Result<Dataset, DataError> {
    check_root(entry, root)?;
    let images_file = training_file(entry, root, FileKind::Images)?;
    let labels_file = training_file(entry, root, FileKind::Labels)?;

    let (shape, pixels) = read_images(&images_file).map_err(format_error(entry, &images_file))?;
    let labels = read_labels(&labels_file).map_err(format_error(entry, &labels_file))?;
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
    let missing =
        |candidates| DataError::MissingFile { name: entry.name, root: root.to_owned(), candidates };
    let mut files = entry.files.iter();
    let Some(file) = files.find(|file| file.split == Split::Train && file.kind == kind) else {
        return Err(missing(Vec::new()));
    };
    SourceFile::find(root, file)?.ok_or_else(|| missing(file.candidates()))
}

fn format_error(entry: &DatasetEntry, file: &SourceFile) -> impl FnOnce(IdxError) -> DataError {
    let (name, path) = (entry.name, file.path.clone());
    move |problem| DataError::Format { name, path, problem }
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

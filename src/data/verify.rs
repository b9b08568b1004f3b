//! Comparing a folder with the data set as it was published, file by file.

use std::path::Path;

use super::checksum::sha256;
use super::source::{Likeness, SourceFile};
use super::{
    DataError, DatasetEntry, FileKind, Format, FormatError, PublishedFile, Split, catalog, cifar,
    idx, load, tiny_imagenet,
};

/// What was found out about one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file's name on disk, or as published if it is not there.
    pub file: String,
    /// Whether it is as it should be.
    pub status: Status,
    /// Why.
    pub detail: String,
}

/// The verdict on one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The content is the published one.
    Right,
    /// Not there, and not needed: a file of the test split.
    Absent,
    /// Needed and not there, or not the published content.
    Wrong,
}

/// Checks every file of a data set, of both splits, in the folder `root`: that it is there, that its
/// SHA-256 is the published one of the file or, if somebody recompressed it, of its content. For a
/// file that differs, says how. Of a set of single images, counts the training images. A set that is
/// built in or one's own has no published files, hence no findings.
///
/// # Errors
/// Only if the folder is missing or a file cannot be read; a wrong file is a finding.
pub fn verify(entry: &DatasetEntry, root: &Path) -> Result<Vec<Finding>, DataError> {
    if entry.format == Format::TinyImagenet {
        load::check_root(entry, root)?;
        return Ok(vec![count_images(entry, root)]);
    }
    if entry.files.is_empty() {
        return Ok(Vec::new());
    }
    load::check_root(entry, root)?;
    entry.files.iter().map(|file| verify_file(entry, file, root)).collect()
}

/// Whether there are as many images as were published, which have no checksums of their own. Whether
/// they can be read only shows in [`load_uncached`](super::load_uncached).
fn count_images(entry: &DatasetEntry, root: &Path) -> Finding {
    let (status, detail) = match tiny_imagenet::list(entry, root) {
        Err(problem) => (Status::Wrong, problem.to_string()),
        Ok(listing) if listing.paths.len() != entry.train as usize => {
            (Status::Wrong, format!("{} samples, published {}", listing.paths.len(), entry.train))
        }
        Ok(_) => (Status::Right, format!("{} samples, as many as published", entry.train)),
    };
    Finding { file: "train".to_owned(), status, detail }
}

fn verify_file(
    entry: &DatasetEntry,
    file: &PublishedFile,
    root: &Path,
) -> Result<Finding, DataError> {
    let Some(source) = SourceFile::find(entry, root, file)? else { return Ok(absent(file)) };
    let samples = entry.samples_in(file);
    let (status, detail) = match source.likeness(file) {
        Likeness::Published => (Status::Right, format!("{samples} samples, as published")),
        Likeness::SameContent => {
            (Status::Right, format!("{samples} samples, the published content"))
        }
        Likeness::Other => {
            let difference = difference(entry, file, &source);
            (Status::Wrong, difference.unwrap_or_else(|problem| problem.to_string()))
        }
    };
    Ok(Finding { file: source.record.name, status, detail })
}

fn absent(file: &PublishedFile) -> Finding {
    let (status, detail) = match file.split {
        Split::Train => (Status::Wrong, "not there"),
        Split::Test => (Status::Absent, "not there, and not needed: a test file"),
    };
    Finding { file: file.name.to_owned(), status, detail: detail.to_owned() }
}

/// The first difference between a file and the published one: the number of samples, the size of the
/// images, a label out of range, or else the checksum.
fn difference(
    entry: &DatasetEntry,
    file: &PublishedFile,
    source: &SourceFile,
) -> Result<String, FormatError> {
    let content = source.content()?;
    let problem = match file.kind {
        FileKind::Images => {
            let images = idx::images(&content)?;
            wrong_count(entry, file, images.count as usize).or_else(|| {
                let (found, expected) = (images.shape(), entry.shape);
                (found != expected).then(|| format!("images of {found}, published {expected}"))
            })
        }
        FileKind::Labels => {
            let labels = idx::labels(&content)?;
            wrong_count(entry, file, labels.len()).or_else(|| wrong_label(entry, labels))
        }
        FileKind::Records => {
            let Format::Cifar { label_bytes } = entry.format else { return Ok(String::new()) };
            let records = cifar::read(source, label_bytes, entry.classes)?;
            wrong_count(entry, file, records.labels.len())
        }
    };
    Ok(problem.unwrap_or_else(|| other_content(file, &sha256(&content))))
}

/// What to call well-formed content that is not the published one.
fn other_content(file: &PublishedFile, found: &str) -> String {
    let is_it = |entry: &&DatasetEntry| entry.files.iter().any(|file| file.content_sha256 == found);
    if let Some(entry) = catalog::entries().find(is_it) {
        return format!("this file belongs to {}", entry.name);
    }
    let published = file.content_sha256;
    format!("not the published content (uncompressed SHA-256 {found}, published {published})")
}

fn wrong_count(entry: &DatasetEntry, file: &PublishedFile, found: usize) -> Option<String> {
    let expected = entry.samples_in(file);
    (found != expected as usize).then(|| format!("{found} samples, published {expected}"))
}

fn wrong_label(entry: &DatasetEntry, labels: &[u8]) -> Option<String> {
    let (sample, label) =
        labels.iter().enumerate().find(|(_, label)| u16::from(**label) >= entry.classes)?;
    Some(format!("sample {sample} has the label {label}; there are {} classes", entry.classes))
}

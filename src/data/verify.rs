//! Comparing a folder with the data set as it was published, file by file.

use std::path::Path;

use super::checksum::sha256;
use super::source::{Likeness, SourceFile};
use super::{
    DataError, FileKind, Format, FormatError, PublishedFile, PublishedSet, Split, catalog, cifar,
    idx, load, tiny_imagenet,
};

/// What was found out about one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file's name on disk, or as published if it is not there.
    pub file: String,
    /// Whether it is as it should be.
    pub status: FileStatus,
    /// Why.
    pub detail: String,
}

/// The verdict on one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileStatus {
    /// The content is the published one.
    Right,
    /// Not there, and not needed: a file of the test split.
    Absent,
    /// Needed and not there, or not the published content.
    Wrong,
}

/// Checks every file of a data set, of both splits, in the folder `root`: that it is there, that its
/// SHA-256 is the published one of the file or, if somebody recompressed it, of its content. For a
/// file that differs, says how. Of a set of single images, counts the training images.
///
/// # Errors
/// Only if the folder is missing or a file cannot be read; a wrong file is a finding.
pub fn verify(set: &PublishedSet, root: &Path) -> Result<Vec<Finding>, DataError> {
    load::check_root(set.about.name, root)?;
    match set.format {
        Format::TinyImagenet => Ok(vec![count_images(set, root)]),
        Format::Idx | Format::Cifar { .. } => {
            set.files.iter().map(|file| verify_file(set, file, root)).collect()
        }
    }
}

/// Whether there are as many images as were published, which have no checksums of their own. Whether
/// they can be read only shows in [`load_uncached`](super::load_uncached).
fn count_images(set: &PublishedSet, root: &Path) -> Finding {
    let (status, detail) = match tiny_imagenet::list(set, root) {
        Err(problem) => (FileStatus::Wrong, problem.to_string()),
        Ok(listing) if listing.paths.len() != set.about.train as usize => (
            FileStatus::Wrong,
            format!("{} samples, published {}", listing.paths.len(), set.about.train),
        ),
        Ok(_) => (FileStatus::Right, format!("{} samples, as many as published", set.about.train)),
    };
    Finding { file: "train".to_owned(), status, detail }
}

fn verify_file(
    set: &PublishedSet,
    file: &PublishedFile,
    root: &Path,
) -> Result<Finding, DataError> {
    let Some(source) = SourceFile::find(set, root, file)? else { return Ok(absent(file)) };
    let samples = set.samples_in(file);
    let (status, detail) = match source.likeness(file) {
        Likeness::Published => (FileStatus::Right, format!("{samples} samples, as published")),
        Likeness::SameContent => {
            (FileStatus::Right, format!("{samples} samples, the published content"))
        }
        Likeness::Other => {
            let difference = difference(set, file, &source);
            (FileStatus::Wrong, difference.unwrap_or_else(|problem| problem.to_string()))
        }
    };
    Ok(Finding { file: source.record.name, status, detail })
}

fn absent(file: &PublishedFile) -> Finding {
    let (status, detail) = match file.split {
        Split::Train => (FileStatus::Wrong, "not there"),
        Split::Test => (FileStatus::Absent, "not there, and not needed: a test file"),
    };
    Finding { file: file.name.to_owned(), status, detail: detail.to_owned() }
}

/// The first difference between a file and the published one: the number of samples, the size of the
/// images, a label out of range, or else the checksum.
fn difference(
    set: &PublishedSet,
    file: &PublishedFile,
    source: &SourceFile,
) -> Result<String, FormatError> {
    let content = source.content()?;
    let problem = match file.kind {
        FileKind::Images => {
            let images = idx::images(&content)?;
            wrong_count(set, file, images.count as usize).or_else(|| {
                let (found, expected) = (images.shape(), set.about.shape);
                (found != expected).then(|| format!("images of {found}, published {expected}"))
            })
        }
        FileKind::Labels => {
            let labels = idx::labels(&content)?;
            wrong_count(set, file, labels.len()).or_else(|| wrong_label(set, labels))
        }
        FileKind::Records => {
            let Format::Cifar { label_bytes } = set.format else { return Ok(String::new()) };
            let records = cifar::read(source, label_bytes, set.about.classes)?;
            wrong_count(set, file, records.labels.len())
        }
    };
    Ok(problem.unwrap_or_else(|| other_content(file, &sha256(&content))))
}

/// What to call well-formed content that is not the published one.
fn other_content(file: &PublishedFile, found: &str) -> String {
    let is_it = |set: &&PublishedSet| set.files.iter().any(|file| file.content_sha256 == found);
    if let Some(set) = catalog::published().find(is_it) {
        return format!("this file belongs to {}", set.about.name);
    }
    let published = file.content_sha256;
    format!("not the published content (uncompressed SHA-256 {found}, published {published})")
}

fn wrong_count(set: &PublishedSet, file: &PublishedFile, found: usize) -> Option<String> {
    let expected = set.samples_in(file);
    (found != expected as usize).then(|| format!("{found} samples, published {expected}"))
}

fn wrong_label(set: &PublishedSet, labels: &[u8]) -> Option<String> {
    let (sample, label) =
        labels.iter().enumerate().find(|(_, label)| u16::from(**label) >= set.about.classes)?;
    Some(format!("sample {sample} has the label {label}; there are {} classes", set.about.classes))
}

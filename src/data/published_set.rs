//! A data set that its makers published: what it holds, its files, and where those can be had.

use std::path::{Path, PathBuf};

use super::Description;

/// A data set that can be fetched, and whose files can be compared with the published ones.
#[derive(Debug, Clone)]
pub struct PublishedSet {
    /// What it is.
    pub about: Description,
    /// How the files are to be read.
    pub format: Format,
    /// The files as published; none if the set is made of images.
    pub files: &'static [PublishedFile],
    /// What the files are published in; none if each is published by itself.
    pub archive: Option<Archive>,
    /// Base URLs that the files are under, the first to try first.
    pub mirrors: &'static [&'static str],
}

/// How a published data set is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Images and labels of each split in a pair of IDX files.
    Idx,
    /// Records of labels and pixels.
    Cifar {
        /// Labels at the beginning of a record, a byte each; the last one counts.
        label_bytes: usize,
    },
    /// JPEG images in a folder for each class, and a list of the classes.
    TinyImagenet,
}

/// Something to download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Download {
    /// Its name under a mirror, and in the folder.
    pub name: &'static str,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of it.
    pub sha256: &'static str,
}

/// An archive that holds the files of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Archive {
    /// The archive itself, a `.tar.gz` or a `.zip`.
    pub download: Download,
    /// The folder that everything in it is under.
    pub folder: &'static str,
    /// What is kept of it: paths in that folder that begin with one of these.
    pub keep: &'static [&'static str],
    /// More entries than this, and it is refused.
    pub max_entries: usize,
    /// If it expands to more bytes than this, it is refused.
    pub max_bytes: u64,
}

/// One file of a data set as its makers published it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedFile {
    /// Its name, with `.gz`.
    pub name: &'static str,
    /// The split it belongs to.
    pub split: Split,
    /// What is in it.
    pub kind: FileKind,
    /// Its size, compressed.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: &'static str,
    /// SHA-256 of what is in it, uncompressed: it does not depend on who compressed it.
    pub content_sha256: &'static str,
}

/// The part of a data set that a file belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// What networks are trained on, and what every loss of a walk is measured on.
    Train,
    /// Held out. A walk never reads it.
    Test,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// Pixels.
    Images,
    /// Classes.
    Labels,
    /// Classes and pixels.
    Records,
}

impl PublishedSet {
    /// The folder that its files are looked for in unless another is given: `data/NAME`.
    pub fn default_root(&self) -> PathBuf {
        Path::new("data").join(self.about.name)
    }

    /// How much is downloaded to get it.
    pub fn download_bytes(&self) -> u64 {
        match self.archive {
            Some(archive) => archive.download.bytes,
            None => self.files.iter().map(|file| file.bytes).sum(),
        }
    }

    /// The number of samples in one of its files.
    pub fn samples_in(&self, file: &PublishedFile) -> u32 {
        let like = |other: &&PublishedFile| other.split == file.split && other.kind == file.kind;
        let files = self.files.iter().filter(like).count() as u32;
        self.about.samples(file.split) / files.max(1)
    }

    /// The names that one of its files goes by: those of [`PublishedFile::candidates`], and the same
    /// in the folder of its archive.
    pub fn candidates(&self, file: &PublishedFile) -> Vec<String> {
        let mut names = file.candidates();
        if let Some(archive) = self.archive {
            names.extend(file.candidates().iter().map(|name| format!("{}/{name}", archive.folder)));
        }
        names
    }
}

impl PublishedFile {
    /// The file as something to download.
    pub fn download(&self) -> Download {
        Download { name: self.name, bytes: self.bytes, sha256: self.sha256 }
    }

    /// The names that the file goes by: as published, uncompressed, and both in the older spelling
    /// that has a dot before `idx`.
    pub fn candidates(&self) -> Vec<String> {
        let plain = self.name.trim_end_matches(".gz");
        let older = plain.replace("-idx", ".idx");
        let mut names = vec![self.name.to_owned()];
        if plain != self.name {
            names.push(plain.to_owned());
        }
        if older != plain {
            names.extend([format!("{older}.gz"), older]);
        }
        names
    }
}

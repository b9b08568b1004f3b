//! The data sets that losswalk knows: what they are, their files, and where those can be had.
//!
//! To add one: describe it in `published`, and if its format is new, give [`Format`] a variant and
//! the format a file of its own that `load` and `verify` call.

use std::path::{Path, PathBuf};

use super::{DataError, ImageShape, Normalisation, published};

/// A data set that can be named in an experiment.
#[derive(Debug, Clone)]
pub struct DatasetEntry {
    /// The name in experiments and on the command line.
    pub name: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// Who made it.
    pub credit: &'static str,
    /// What its makers ask of those who use it.
    pub license: &'static str,
    /// The number of classes.
    pub classes: u16,
    /// The size of every image.
    pub shape: ImageShape,
    /// The number of training samples.
    pub train: u32,
    /// The number of test samples.
    pub test: u32,
    /// What a network sees of a pixel.
    pub normalisation: Normalisation,
    /// How the files are to be read.
    pub format: Format,
    /// The files as published; none if the set is built into the program or made of images.
    pub files: &'static [PublishedFile],
    /// What the files are published in; none if each is published by itself.
    pub archive: Option<Archive>,
    /// Base URLs that the files are under, the first to try first.
    pub mirrors: &'static [&'static str],
}

/// How a data set is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Inside this program.
    BuiltIn,
    /// Images and labels of each split in a pair of IDX files.
    Idx,
    /// Records of labels and pixels.
    Cifar {
        /// Labels at the beginning of a record, a byte each; the last one counts.
        label_bytes: usize,
    },
    /// JPEG images in a folder for each class, and a list of the classes.
    TinyImagenet,
    /// Images of one's own in a folder for each class.
    Folder,
    /// Arrays of one's own as NumPy saves them.
    Npy,
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

impl DatasetEntry {
    /// Whether it is not published but brought by whoever names it: it needs a folder, cannot be
    /// fetched, and has no size, credit or classes before it is read.
    pub fn is_own(&self) -> bool {
        matches!(self.format, Format::Folder | Format::Npy)
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
        self.samples(file.split) / files.max(1)
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

    /// The number of samples in a split.
    pub fn samples(&self, split: Split) -> u32 {
        match split {
            Split::Train => self.train,
            Split::Test => self.test,
        }
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

/// Every data set known.
pub fn entries() -> impl Iterator<Item = &'static DatasetEntry> {
    published::ALL.iter().copied()
}

/// The data set called `name`.
///
/// # Errors
/// [`DataError::UnknownSet`], which lists the names there are.
pub fn find(name: &str) -> Result<&'static DatasetEntry, DataError> {
    let entry = entries().find(|entry| entry.name == name);
    entry.ok_or_else(|| DataError::UnknownSet { name: name.to_owned() })
}

/// The names of the data sets known.
pub fn names() -> Vec<&'static str> {
    entries().map(|entry| entry.name).collect()
}

/// The folder that a data set's files are looked for in unless another is given, `data/NAME`; `None`
/// if it is built in or one's own, or the name is unknown.
pub fn default_root(name: &str) -> Option<PathBuf> {
    let entry = entries().find(|entry| entry.name == name)?;
    (entry.format != Format::BuiltIn && !entry.is_own()).then(|| Path::new("data").join(name))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::iter;

    use super::*;

    #[test]
    fn a_file_goes_by_four_names() {
        let file = find("mnist").unwrap().files[0];
        let names = [
            "train-images-idx3-ubyte.gz",
            "train-images-idx3-ubyte",
            "train-images.idx3-ubyte.gz",
            "train-images.idx3-ubyte",
        ];
        assert_eq!(file.candidates(), names);
    }

    #[test]
    fn an_unknown_name_lists_the_known() {
        let message = find("mnits").unwrap_err().to_string();
        assert_eq!(
            message,
            "unknown data set `mnits`; the data sets are digits, mnist, fashion-mnist, cifar10, \
             cifar100, tiny-imagenet, folder, npy"
        );
    }

    #[test]
    fn checksums_have_64_digits_and_differ() {
        let files = entries().flat_map(|entry| entry.files);
        // A file that is published uncompressed is its own content.
        let mut sums: Vec<&str> = files
            .flat_map(|file| {
                let is_compressed = file.sha256 != file.content_sha256;
                iter::once(file.sha256).chain(is_compressed.then_some(file.content_sha256))
            })
            .collect();
        sums.extend(entries().filter_map(|entry| Some(entry.archive?.download.sha256)));
        assert!(sums.iter().all(|sum| sum.len() == 64));
        let count = sums.len();
        sums.sort_unstable();
        sums.dedup();
        assert_eq!(sums.len(), count);
    }
}

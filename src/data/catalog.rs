//! The data sets that losswalk knows by name, and what is known of each before it is read.
//!
//! A published set is described in `published`. A new format of one is a variant of [`Format`], a file
//! of its own, and an arm in `load`, `verify` and `error`; a format of one's own is a variant of
//! [`OwnFormat`], a file of its own, an entry in `published` and an arm in `load`. What is wrong with a
//! file of it is a variant of [`FormatError`].
//!
//! [`Format`]: super::Format
//! [`FormatError`]: super::FormatError

use super::{DataError, ImageShape, PixelNormalisation, PublishedSet, Split, published};

/// A data set that can be named in an experiment.
#[derive(Debug, Clone, Copy)]
pub enum DatasetEntry {
    /// Inside this program: it needs no folder.
    BuiltIn(&'static Description),
    /// Published by its makers: it can be fetched and verified, and has a default folder.
    Published(&'static PublishedSet),
    /// Brought by whoever names it: its folder has to be named.
    Own(&'static OwnSet),
}

/// What a data set is, known before it is read.
#[derive(Debug, Clone)]
pub struct Description {
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
    pub normalisation: PixelNormalisation,
}

/// A kind of data set of one's own: its samples, classes and sizes are known when it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnSet {
    /// The name in experiments and on the command line.
    pub name: &'static str,
    /// What its folder has to hold.
    pub title: &'static str,
    /// How the files are to be read.
    pub format: OwnFormat,
}

/// How a data set of one's own is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnFormat {
    /// Images in a folder for each class.
    Folder,
    /// Arrays as NumPy saves them.
    Npy,
}

impl DatasetEntry {
    /// The name in experiments and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::BuiltIn(about) => about.name,
            Self::Published(set) => set.about.name,
            Self::Own(set) => set.name,
        }
    }

    /// What it is; `None` for a set of one's own, which says so when it is read.
    pub fn description(self) -> Option<&'static Description> {
        match self {
            Self::BuiltIn(about) => Some(about),
            Self::Published(set) => Some(&set.about),
            Self::Own(_) => None,
        }
    }
}

impl Description {
    /// The number of samples in a split.
    pub fn samples(&self, split: Split) -> u32 {
        match split {
            Split::Train => self.train,
            Split::Test => self.test,
        }
    }
}

/// Every data set known.
pub fn entries() -> impl Iterator<Item = DatasetEntry> {
    published::ALL.into_iter()
}

/// Every data set that its makers published.
pub(super) fn published() -> impl Iterator<Item = &'static PublishedSet> {
    entries().filter_map(|entry| match entry {
        DatasetEntry::Published(set) => Some(set),
        DatasetEntry::BuiltIn(_) | DatasetEntry::Own(_) => None,
    })
}

/// The data set called `name`.
///
/// # Errors
/// [`DataError::UnknownSet`], which lists the names there are.
pub fn find(name: &str) -> Result<DatasetEntry, DataError> {
    let entry = entries().find(|entry| entry.name() == name);
    entry.ok_or_else(|| DataError::UnknownSet { name: name.to_owned() })
}

/// The names of the data sets known.
pub fn names() -> Vec<&'static str> {
    entries().map(DatasetEntry::name).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::iter;

    use super::*;

    #[test]
    fn a_file_goes_by_four_names() {
        let file = published().next().unwrap().files[0];
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
        let files = published().flat_map(|set| set.files);
        // A file that is published uncompressed is its own content.
        let mut sums: Vec<&str> = files
            .flat_map(|file| {
                let is_compressed = file.sha256 != file.content_sha256;
                iter::once(file.sha256).chain(is_compressed.then_some(file.content_sha256))
            })
            .collect();
        sums.extend(published().filter_map(|set| Some(set.archive?.download.sha256)));
        assert!(sums.iter().all(|sum| sum.len() == 64));
        let count = sums.len();
        sums.sort_unstable();
        sums.dedup();
        assert_eq!(sums.len(), count);
    }
}

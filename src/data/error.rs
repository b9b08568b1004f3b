//! What can go wrong with data, and what the reader of the message can do about it.

use std::io;
use std::path::{Path, PathBuf};

use super::{
    ArchiveError, ArraysError, CifarError, DatasetEntry, DatasetError, FolderError, Format,
    IdxError, ImageError, PublishedSet, WnidError, catalog,
};

/// An error of the data; every variant says what is wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A name that no data set has.
    #[error("unknown data set `{name}`; the data sets are {}", catalog::names().join(", "))]
    UnknownSet {
        /// The name asked for.
        name: String,
    },
    /// A set of one's own without a folder.
    #[error(
        "the data set `{name}` is your own: name its folder with `data.root` in an experiment, with --root on the command line"
    )]
    NoRoot {
        /// The data set.
        name: &'static str,
    },
    /// A set of one's own cannot be downloaded.
    #[error(
        "the data set `{name}` is your own: there is nothing to fetch; check your files with `losswalk data verify {name} --root DIR`"
    )]
    NotPublished {
        /// The data set.
        name: &'static str,
    },
    /// The folder of the data set is not there.
    #[error("{}: no such folder; {}set `data.root` to the folder that has the files", root.display(), or_fetch(name, root))]
    MissingRoot {
        /// The data set.
        name: &'static str,
        /// The folder.
        root: PathBuf,
    },
    /// A file of the data set is not there under any name it goes by.
    #[error("{}: found none of {}; {}", root.display(), candidates.join(", "), fetch_it(name, root))]
    MissingFile {
        /// The data set.
        name: &'static str,
        /// The folder.
        root: PathBuf,
        /// The names looked for.
        candidates: Vec<String>,
    },
    /// The operating system refused to read or write.
    #[error("{}: cannot {action}: {error}{}", path.display(), remedy(error))]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's answer.
        error: io::Error,
    },
    /// A file is not what its name promises.
    #[error("{}: {problem}{}", path.display(), fetch_again(name, path))]
    Format {
        /// The data set.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: FormatError,
    },
    /// Files that are valid each, but not together.
    #[error("{}: {problem}{}", path.display(), fetch_again(name, path))]
    Inconsistent {
        /// The data set.
        name: &'static str,
        /// The label file, or the file that holds everything.
        path: PathBuf,
        /// What does not fit.
        problem: DatasetError,
    },
    /// More samples asked for than there are, or none.
    #[error(
        "{requested} training samples asked for, but the data set has {available}; set `data.train_samples` to a number from 1 to {available}, or leave it out for all"
    )]
    Samples {
        /// The number asked for.
        requested: usize,
        /// The number there is.
        available: usize,
    },
    /// Images larger than the size that they are to be padded to.
    #[error("data.pad = {size}: the images are {height}x{width} already; choose at least that")]
    Pad {
        /// The size asked for.
        size: usize,
        /// Rows of an image.
        height: usize,
        /// Columns of an image.
        width: usize,
    },
    /// Channels that the images cannot be given.
    #[error("data.channels = {wanted}: the images have {found}; only grey images can be repeated")]
    Channels {
        /// Channels asked for.
        wanted: usize,
        /// Channels there are.
        found: usize,
    },
    /// A normalisation for another number of channels.
    #[error(
        "data.{key} has {found} numbers, but the images have {channels} channels; give one number a channel"
    )]
    Normalisation {
        /// `mean` or `std`.
        key: &'static str,
        /// Numbers given.
        found: usize,
        /// Channels there are.
        channels: usize,
    },
    /// A download would replace a file that is not the published one.
    #[error("{}: this file is in the way: it is not the published one (SHA-256 {found}, published {published}); delete it and fetch again, or fetch into another folder with --root", path.display())]
    InTheWay {
        /// The file.
        path: PathBuf,
        /// Its SHA-256.
        found: String,
        /// The published SHA-256.
        published: &'static str,
    },
    /// An archive that cannot be trusted or read.
    #[error("{}: {problem}; delete it and fetch again", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong with it.
        problem: ArchiveError,
    },
    /// Another process downloads into the same folder.
    #[error("{}: another losswalk process is fetching into this folder; wait for it, then run this again", root.display())]
    Busy {
        /// The folder.
        root: PathBuf,
    },
    /// No mirror delivered a file.
    #[error("{file}: could not be fetched{}\ncheck the connection and run the command again (what has arrived is kept and continued); behind a proxy set HTTPS_PROXY; with a copy of your own set LOSSWALK_MIRROR to its URL or put the file into {}", listed(attempts), root.display())]
    Download {
        /// The file's published name.
        file: &'static str,
        /// The folder it was meant for.
        root: PathBuf,
        /// Each URL tried, with what went wrong there.
        attempts: Vec<String>,
    },
}

/// What is wrong with a file, by its format.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// In an IDX file.
    #[error(transparent)]
    Idx(#[from] IdxError),
    /// In a CIFAR file.
    #[error(transparent)]
    Cifar(#[from] CifarError),
    /// In a PNG or JPEG file.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// In a folder of classes.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// In a list of classes.
    #[error(transparent)]
    Wnid(#[from] WnidError),
    /// In arrays of NumPy.
    #[error(transparent)]
    Npy(#[from] ArraysError),
}

impl DataError {
    /// A closure for `map_err` that adds the action and the path to an I/O error.
    pub(super) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io { action, path, error }
    }
}

fn fetch_it(name: &str, root: &Path) -> String {
    format!("get the files with `losswalk data fetch {name} --root {}`", root.display())
}

/// The other remedy for a missing folder; only of a published set.
fn or_fetch(name: &str, root: &Path) -> String {
    match catalog::find(name) {
        Ok(DatasetEntry::Published(_)) => format!("{}, or ", fetch_it(name, root)),
        _ => String::new(),
    }
}

/// The remedy for a damaged file of a published set; with one's own, the problem says what to do.
fn fetch_again(name: &str, path: &Path) -> String {
    match catalog::find(name) {
        Ok(DatasetEntry::Published(set)) => {
            format!("; delete it, then {}", fetch_it(name, root_of(set, path)))
        }
        _ => String::new(),
    }
}

/// The folder to fetch into, for a file that lies in the archive's folder or directly in the root.
fn root_of<'a>(set: &PublishedSet, path: &'a Path) -> &'a Path {
    let above = |name| path.ancestors().find(|folder| folder.ends_with(name));
    let folder = set.archive.and_then(|archive| above(archive.folder));
    let folder = folder.or_else(|| match set.format {
        Format::TinyImagenet => above("train"),
        Format::Idx | Format::Cifar { .. } => None,
    });
    let root = folder.unwrap_or(path).parent();
    root.filter(|root| !root.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn listed(attempts: &[String]) -> String {
    attempts.iter().map(|attempt| format!("\n  {attempt}")).collect()
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some space and run the command again"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; change the permissions, or use another folder with --root"
        }
        _ => "",
    }
}

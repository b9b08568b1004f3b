//! Getting the files of a data set into a folder: from the first mirror that serves them, resumed
//! where an earlier attempt stopped, checked before they take their name.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::Duration;

use ureq::Agent;

use super::download::{Failure, download};
use super::source::{Likeness, SourceFile};
use super::{DataError, DatasetEntry, PublishedFile};

/// How often a mirror is asked for a file while its transfers break off.
const ATTEMPTS: u32 = 3;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// How to fetch.
#[derive(Debug, Clone)]
pub struct FetchOptions {
    /// A base URL to use in place of the catalog's mirrors; the files are at `MIRROR/NAME/FILE`.
    pub mirror: Option<String>,
    /// A server that sends nothing for so long is given up.
    pub stalled_after: Duration,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self { mirror: None, stalled_after: Duration::from_secs(30) }
    }
}

/// What a fetch reports while it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// The file is there and right; nothing is downloaded.
    Present(&'a PublishedFile),
    /// Asking for a file.
    Asking {
        /// The file.
        file: &'a PublishedFile,
        /// Where.
        url: &'a str,
    },
    /// Bytes of the file on disk so far, those of earlier attempts included.
    Received(u64),
    /// A mirror failed; the next attempt, if there is one, follows.
    Failed(&'a str),
    /// The file is complete, checked and under its name.
    Done(&'a PublishedFile),
}

/// Puts every file of a data set into the folder `root`, which is created if need be. A file that is
/// already there, compressed or not, is checked and left alone. A download goes to `FILE.part`,
/// which the next attempt continues, and takes its name when its SHA-256 is the published one.
///
/// # Errors
/// [`DataError::Download`] if no mirror serves a file with the published checksum,
/// [`DataError::InTheWay`] if there is a file of that name which is not the published one,
/// [`DataError::Busy`] if another process fetches into the folder, and disk errors.
pub fn fetch(
    entry: &DatasetEntry,
    root: &Path,
    options: &FetchOptions,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), DataError> {
    let mut missing = Vec::new();
    for file in entry.files {
        match is_present(file, root)? {
            true => progress(Progress::Present(file)),
            false => missing.push(file),
        }
    }
    if missing.is_empty() {
        return Ok(()); // The folder may be somebody else's, and read-only.
    }
    fs::create_dir_all(root).map_err(DataError::io("create", root))?;
    let _lock = lock(root)?;
    let agent = agent(options);
    for file in missing {
        fetch_file(&agent, file, root, &urls(entry, file, options), progress)?;
        progress(Progress::Done(file));
    }
    Ok(())
}

fn agent(options: &FetchOptions) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_per_read(Some(options.stalled_after))
        .user_agent(concat!("losswalk/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

fn urls(entry: &DatasetEntry, file: &PublishedFile, options: &FetchOptions) -> Vec<String> {
    match &options.mirror {
        Some(mirror) => {
            vec![format!("{}/{}/{}", mirror.trim_end_matches('/'), entry.name, file.name)]
        }
        None => entry.mirrors.iter().map(|mirror| format!("{mirror}/{}", file.name)).collect(),
    }
}

fn is_present(file: &PublishedFile, root: &Path) -> Result<bool, DataError> {
    let Some(source) = SourceFile::find(root, file)? else { return Ok(false) };
    match source.likeness(file) {
        Likeness::Published | Likeness::SameContent => Ok(true),
        Likeness::Other => Err(DataError::InTheWay {
            path: source.path,
            found: source.record.sha256,
            published: file.sha256,
        }),
    }
}

fn fetch_file(
    agent: &Agent,
    file: &'static PublishedFile,
    root: &Path,
    urls: &[String],
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), DataError> {
    let part = root.join(format!("{}.part", file.name));
    let mut attempts = Vec::new();
    for url in urls {
        for _ in 0..ATTEMPTS {
            progress(Progress::Asking { file, url });
            match download(agent, url, file, &part, progress) {
                Ok(()) => return publish(&part, root, file.name),
                Err(Failure::Disk(error)) => return Err(error),
                Err(Failure::Server { problem, retry }) => {
                    progress(Progress::Failed(&problem));
                    attempts.push(format!("{url}: {problem}"));
                    if !retry {
                        break;
                    }
                }
            }
        }
    }
    Err(DataError::Download { file: file.name, root: root.to_owned(), attempts })
}

/// Gives a complete file its name and makes the name durable.
fn publish(part: &Path, root: &Path, name: &str) -> Result<(), DataError> {
    fs::rename(part, root.join(name)).map_err(DataError::io("rename", part))?;
    if cfg!(windows) {
        return Ok(()); // Windows cannot open a folder as a file.
    }
    File::open(root).and_then(|folder| folder.sync_all()).map_err(DataError::io("sync", root))
}

/// Locks the folder against other fetches until the file is dropped. The lock file stays: deleting it
/// would let two processes hold locks on two files of that name.
fn lock(root: &Path) -> Result<File, DataError> {
    let path = root.join(".fetch.lock");
    let file = File::create(&path).map_err(DataError::io("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DataError::Busy { root: root.to_owned() }),
        Err(TryLockError::Error(error)) => Err(DataError::io("lock", path)(error)),
    }
}

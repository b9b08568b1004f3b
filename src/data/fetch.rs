//! Getting the files of a data set into a folder: from the first mirror that serves them, resumed
//! where an earlier attempt stopped, checked before they take their name.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::Duration;

use ureq::Agent;

use super::checksum::sha256;
use super::download::{Failure, download};
use super::source::{Likeness, SourceFile};
use super::unpack::unpack;
use super::{
    Archive, ArchiveError, DataError, Download, Format, PublishedFile, PublishedSet, tiny_imagenet,
};
use crate::partial::Partial;

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
pub enum FetchProgress<'a> {
    /// The file is there and right; nothing is downloaded.
    Present(Download),
    /// Asking for a file.
    Asking {
        /// The file.
        file: Download,
        /// Where.
        url: &'a str,
    },
    /// Bytes of the file on disk so far, those of earlier attempts included.
    Received(u64),
    /// A mirror failed; the next attempt, if there is one, follows.
    Failed(&'a str),
    /// The file is complete, checked and under its name.
    Done(Download),
}

/// Puts every file of a data set into the folder `root`, which is created if need be. A file that is
/// already there, compressed or not, is checked and left alone. A download goes to `FILE.part`,
/// which the next attempt continues, and takes its name when its SHA-256 is the published one. An
/// archive is then unpacked; it is kept, and may be deleted.
///
/// # Errors
/// [`DataError::Download`] if no mirror serves a file with the published checksum,
/// [`DataError::Archive`] if an archive does not hold what it should,
/// [`DataError::InTheWay`] if there is a file of that name which is not the published one,
/// [`DataError::Busy`] if another process fetches into the folder, and disk errors.
pub fn fetch(
    set: &PublishedSet,
    root: &Path,
    options: &FetchOptions,
    progress: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<(), DataError> {
    let mut missing = Vec::new();
    for file in set.files {
        match is_present(set, file, root)? {
            true => progress(FetchProgress::Present(file.download())),
            false => missing.push(file.download()),
        }
    }
    if missing.is_empty() && has_every_image(set, root, progress) {
        return Ok(()); // The folder may be somebody else's, and read-only.
    }
    fs::create_dir_all(root).map_err(DataError::io("create", root))?;
    let _lock = lock(root)?;
    let agent = agent(options);
    let mut get = |file| {
        fetch_file(&agent, file, root, &urls(set, file, options), progress)?;
        progress(FetchProgress::Done(file));
        Ok(())
    };
    let Some(archive) = set.archive else { return missing.into_iter().try_for_each(get) };
    if !archive_is_present(&archive, root)? {
        get(archive.download)?;
    }
    unpack_into(&archive, root, &missing)
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

fn urls(set: &PublishedSet, file: Download, options: &FetchOptions) -> Vec<String> {
    match &options.mirror {
        Some(mirror) => {
            vec![format!("{}/{}/{}", mirror.trim_end_matches('/'), set.about.name, file.name)]
        }
        None => set.mirrors.iter().map(|mirror| format!("{mirror}/{}", file.name)).collect(),
    }
}

fn is_present(set: &PublishedSet, file: &PublishedFile, root: &Path) -> Result<bool, DataError> {
    let Some(source) = SourceFile::find(set, root, file)? else { return Ok(false) };
    match source.likeness(file) {
        Likeness::Published | Likeness::SameContent => Ok(true),
        Likeness::Other => Err(DataError::InTheWay {
            path: source.path,
            found: source.record.sha256,
            published: file.sha256,
        }),
    }
}

/// Whether a set that is made of images is complete; true for a set of other files.
fn has_every_image(
    set: &PublishedSet,
    root: &Path,
    progress: &mut dyn FnMut(FetchProgress<'_>),
) -> bool {
    let (Format::TinyImagenet, Some(archive)) = (set.format, set.archive) else { return true };
    let listing = tiny_imagenet::list(set, root);
    let is_complete = listing.is_ok_and(|listing| listing.paths.len() == set.about.train as usize);
    if is_complete {
        progress(FetchProgress::Present(archive.download));
    }
    is_complete
}

fn archive_is_present(archive: &Archive, root: &Path) -> Result<bool, DataError> {
    let path = root.join(archive.download.name);
    if !path.is_file() {
        return Ok(false);
    }
    let found = sha256(&fs::read(&path).map_err(DataError::io("read", &path))?);
    let published = archive.download.sha256;
    if found == published { Ok(true) } else { Err(DataError::InTheWay { path, found, published }) }
}

/// Unpacks the archive beside its folder, and moves into that folder what is not there yet.
fn unpack_into(archive: &Archive, root: &Path, expected: &[Download]) -> Result<(), DataError> {
    let path = root.join(archive.download.name);
    let staging = Partial::at(root.join(format!(".{}.part", archive.folder)));
    let folder = root.join(archive.folder);
    remove(&staging)?; // What an interrupted attempt left.
    fs::create_dir_all(&*staging).map_err(DataError::io("create", &*staging))?;
    let unpacked = unpack(archive, &path, &staging).and_then(|()| {
        let missing = expected.iter().find(|file| !staging.join(file.name).is_file());
        missing.map_or(Ok(()), |file| {
            let name = format!("{}/{}", archive.folder, file.name);
            Err(DataError::Archive { path, problem: ArchiveError::Missing { name } })
        })
    });
    if let Err(error) = unpacked {
        remove(&staging)?;
        return Err(error);
    }
    move_missing(&staging, &folder)?;
    remove(&staging)
}

/// Moves what `folder` lacks of `staging` into it, whole folders at once.
fn move_missing(staging: &Path, folder: &Path) -> Result<(), DataError> {
    fs::create_dir_all(folder).map_err(DataError::io("create", folder))?;
    let entries = fs::read_dir(staging).map_err(DataError::io("list", staging))?;
    for entry in entries {
        let path = entry.map_err(DataError::io("list", staging))?.path();
        let target = folder.join(path.file_name().unwrap_or_default());
        if !target.exists() {
            fs::rename(&path, &target).map_err(DataError::io("rename", &path))?;
        } else if path.is_dir() && target.is_dir() {
            move_missing(&path, &target)?;
        }
    }
    sync(folder)
}

/// Deletes a folder if it is there.
fn remove(folder: &Path) -> Result<(), DataError> {
    if !folder.exists() {
        return Ok(());
    }
    fs::remove_dir_all(folder).map_err(DataError::io("delete", folder))
}

fn fetch_file(
    agent: &Agent,
    file: Download,
    root: &Path,
    urls: &[String],
    progress: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<(), DataError> {
    let part = root.join(format!("{}.part", file.name));
    let mut attempts = Vec::new();
    for url in urls {
        for _ in 0..ATTEMPTS {
            progress(FetchProgress::Asking { file, url });
            match download(agent, url, file, &part, progress) {
                Ok(()) => return publish(&part, root, file.name),
                Err(Failure::Disk(error)) => return Err(error),
                Err(Failure::Server { problem, retry }) => {
                    progress(FetchProgress::Failed(&problem));
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
    sync(root)
}

/// Makes the names in a folder durable.
fn sync(folder: &Path) -> Result<(), DataError> {
    if cfg!(windows) {
        return Ok(()); // Windows cannot open a folder as a file.
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(DataError::io("sync", folder))
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

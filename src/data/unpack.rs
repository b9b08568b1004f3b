//! Unpacking an archive into a folder: only what is wanted, nothing outside the folder, no links, and
//! within limits, whatever the archive says.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;

use super::{Archive, DataError};

/// Why an archive is not unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Not an archive, damaged, or too large.
    #[error("cannot be unpacked: {0}")]
    Unreadable(#[from] io::Error),
    /// Not a zip archive, or a damaged one.
    #[error("cannot be unpacked: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// More entries than the data set has.
    #[error("has more than {limit} entries")]
    TooMany {
        /// The most that are accepted.
        limit: usize,
    },
    /// An entry that would lie outside the folder.
    #[error("the entry `{name}` leads out of the folder")]
    Outside {
        /// The entry's path as the archive has it.
        name: String,
    },
    /// An entry that is neither a file nor a folder.
    #[error("the entry `{name}` is a link or a device")]
    Special {
        /// The entry's path.
        name: String,
    },
    /// A file that the data set consists of is not in it.
    #[error("has no `{name}`")]
    Missing {
        /// The file's path in the archive.
        name: String,
    },
}

/// Reads at most so many bytes; more are an error, not an end.
struct Limited<'a, R> {
    inner: R,
    left: &'a mut u64,
}

impl<R: Read> Read for Limited<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        *self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::FileTooLarge, "it expands to more than the data set")
        })?;
        Ok(count)
    }
}

/// What an entry is.
enum Kind {
    File,
    Folder,
    Other,
}

/// Unpacks what `archive` keeps of the file at `path` into the empty folder `target`, without the
/// archive's own folder. The limits hold for what is left out too.
pub(super) fn unpack(archive: &Archive, path: &Path, target: &Path) -> Result<(), DataError> {
    let unpack = if archive.download.name.ends_with(".zip") { unpack_zip } else { unpack_tar };
    let file = File::open(path).map_err(DataError::io("open", path))?;
    unpack(archive, file, target)
        .map_err(|problem| DataError::Archive { path: path.to_owned(), problem })
}

fn unpack_tar(archive: &Archive, file: File, target: &Path) -> Result<(), ArchiveError> {
    let mut left = archive.max_bytes;
    let inner = GzDecoder::new(BufReader::new(file));
    let mut tar = tar::Archive::new(Limited { inner, left: &mut left });
    for (index, entry) in tar.entries()?.enumerate() {
        let mut entry = entry?;
        check_count(archive, index + 1)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = match entry.header().entry_type() {
            tar::EntryType::Regular | tar::EntryType::Continuous => Kind::File,
            tar::EntryType::Directory => Kind::Folder,
            _ => Kind::Other,
        };
        if let Some(path) = wanted(archive, &name, &kind)? {
            write(&mut entry, &target.join(path))?;
        }
    }
    Ok(())
}

fn unpack_zip(archive: &Archive, file: File, target: &Path) -> Result<(), ArchiveError> {
    let mut left = archive.max_bytes;
    let mut zip = zip::ZipArchive::new(BufReader::new(file))?;
    check_count(archive, zip.len())?;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index)?;
        let name = entry.name()?.into_owned();
        let kind = match (entry.is_symlink(), entry.is_dir()) {
            (true, _) => Kind::Other,
            (false, true) => Kind::Folder,
            (false, false) => Kind::File,
        };
        if let Some(path) = wanted(archive, &name, &kind)? {
            write(&mut Limited { inner: &mut entry, left: &mut left }, &target.join(path))?;
        }
    }
    Ok(())
}

fn check_count(archive: &Archive, count: usize) -> Result<(), ArchiveError> {
    let limit = archive.max_entries;
    if count > limit { Err(ArchiveError::TooMany { limit }) } else { Ok(()) }
}

/// The path that an entry is unpacked to, relative to the archive's folder; `None` if it is left out.
fn wanted(archive: &Archive, name: &str, kind: &Kind) -> Result<Option<PathBuf>, ArchiveError> {
    let path = Path::new(name);
    let stays = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    // A backslash or colon means something on Windows only; no data set has one.
    if name.contains(['\\', ':', '\0']) || !path.components().all(stays) {
        return Err(ArchiveError::Outside { name: name.to_owned() });
    }
    match kind {
        Kind::Other => Err(ArchiveError::Special { name: name.to_owned() }),
        Kind::Folder => Ok(None),
        Kind::File => {
            let clean: PathBuf =
                path.components().filter(|part| *part != Component::CurDir).collect();
            let inside = clean.strip_prefix(archive.folder).ok().and_then(Path::to_str);
            let kept = inside.filter(|path| archive.keep.iter().any(|keep| path.starts_with(keep)));
            Ok(kept.map(PathBuf::from))
        }
    }
}

/// Writes a new file; an entry that comes twice is an error.
fn write(entry: &mut impl Read, path: &Path) -> Result<(), ArchiveError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = File::create_new(path)?;
    io::copy(entry, &mut file)?;
    Ok(())
}

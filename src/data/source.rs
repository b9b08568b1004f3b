//! One file of a data set on disk: found under any of its names, read whole, compared with the
//! published checksums.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::memory;

use super::DataFile;
use super::checksum::sha256;
use super::{DataError, IdxError, PublishedFile, PublishedSet, idx};

/// A file that was read.
pub(super) struct SourceFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its name there and the checksum of its bytes.
    pub record: DataFile,
    bytes: Vec<u8>,
}

/// How a file compares with the published one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// The very same bytes.
    Published,
    /// Another compression, or none, of the same content.
    SameContent,
    /// Something else.
    Other,
}

impl SourceFile {
    /// Reads the first file there is among [`PublishedSet::candidates`]; `None` if there is none.
    pub fn find(
        set: &PublishedSet,
        root: &Path,
        file: &PublishedFile,
    ) -> Result<Option<Self>, DataError> {
        let mut paths = set.candidates(file).into_iter().map(|name| (root.join(&name), name));
        let Some((path, name)) = paths.find(|(path, _)| path.is_file()) else { return Ok(None) };
        let bytes = memory::read(&path).map_err(DataError::io("read", &path))?;
        Ok(Some(Self { path, record: DataFile { name, sha256: sha256(&bytes) }, bytes }))
    }

    /// Its content, decompressed if need be.
    pub fn content(&self) -> Result<Cow<'_, [u8]>, IdxError> {
        idx::content(&self.bytes)
    }

    /// Compares it with the published file.
    pub fn likeness(&self, file: &PublishedFile) -> Likeness {
        if self.record.sha256 == file.sha256 {
            return Likeness::Published;
        }
        match self.content() {
            Ok(content) if sha256(&content) == file.content_sha256 => Likeness::SameContent,
            _ => Likeness::Other,
        }
    }
}

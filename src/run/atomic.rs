//! Whole files, written so that a reader or a crash sees the old content or the new, never a part.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use super::RunError;

/// Writes `bytes` to `path` through a temporary file, fsync and rename, then syncs the folder.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.tmp"));
    write_synced(&temporary, bytes)?;
    rename_synced(&temporary, path)
}

/// Writes `bytes` to `path` and waits until the disk has them.
pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    let mut file = File::create(path).map_err(RunError::io("create", path))?;
    file.write_all(bytes).map_err(RunError::io("write", path))?;
    file.sync_all().map_err(RunError::io("sync", path))
}

/// Renames a file or folder and makes the new name durable.
pub(super) fn rename_synced(from: &Path, to: &Path) -> Result<(), RunError> {
    fs::rename(from, to).map_err(RunError::io("rename", from))?;
    match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        _ => sync_folder(Path::new(".")),
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), RunError> {
    if cfg!(windows) {
        return Ok(()); // Windows cannot open a folder as a file.
    }
    File::open(path).and_then(|folder| folder.sync_all()).map_err(RunError::io("sync", path))
}

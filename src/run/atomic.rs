//! Whole files and folders: a reader or a crash sees the old content or the new, never a part.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use super::RunError;
use crate::partial::Partial;

/// Writes `bytes` to `path` through a temporary file, fsync and rename, then syncs the folder, which is
/// made if it is not there.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        fs::create_dir_all(folder).map_err(RunError::io("create", folder))?;
        sync_name(folder)?;
    }
    let temporary = temporary(path);
    write_synced(&temporary, bytes)?;
    rename_synced(&temporary, path)
}

/// The name under which `path` is made before it gets its own; [`remove_temporaries`] knows it.
pub(super) fn temporary(path: &Path) -> Partial {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Partial::at(path.with_file_name(format!(".{name}.tmp")))
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
    sync_name(to)
}

/// Makes the name of a file or folder durable.
pub(super) fn sync_name(path: &Path) -> Result<(), RunError> {
    match path.parent() {
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

/// Removes a folder that readers may know: it loses its name at once, and then its content.
pub(super) fn remove_published(path: &Path) -> Result<(), RunError> {
    let hidden = temporary(&path.with_added_extension("old"));
    remove(&hidden)?;
    rename_synced(path, &hidden)?;
    remove(&hidden)
}

/// Removes what [`temporary`] names in `folder`: the leftovers of a process that was killed.
pub(super) fn remove_temporaries(folder: &Path) -> Result<(), RunError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(RunError::io("list", folder))?,
    };
    for entry in entries {
        let entry = entry.map_err(RunError::io("list", folder))?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(b".") && name.ends_with(b".tmp") {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a file or folder if it is there.
pub(super) fn remove(path: &Path) -> Result<(), RunError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(RunError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

//! Files and folders that are made under a passing name, so that whoever ends the process can remove
//! them.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What every thread is making.
static MADE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Attempts to remove a folder that somebody may still be filling.
const ATTEMPTS: usize = 10;

/// The passing name of a file or folder, until this is dropped.
#[derive(Debug)]
pub(crate) struct Partial(PathBuf);

impl Partial {
    /// To be called before anything of that name is made. Does not return once the process is ending.
    pub fn at(path: PathBuf) -> Self {
        made().insert(path.clone());
        Self(path)
    }
}

impl Deref for Partial {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        made().remove(&self.0);
    }
}

/// Removes all that is being made. Until the guard is dropped nothing is begun: let the process end
/// before.
pub(crate) fn remove_all() -> impl Drop {
    let made = made();
    for path in made.iter() {
        (0..ATTEMPTS).any(|_| is_removed(path));
    }
    made
}

/// Returns at once, or never if [`remove_all`] has begun: the failure of what is being made is no error
/// then.
pub(crate) fn unless_ending() {
    drop(made());
}

fn made() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    MADE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_removed(path: &Path) -> bool {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.is_ok() || fs::symlink_metadata(path).is_err_and(|e| e.kind() == ErrorKind::NotFound)
}

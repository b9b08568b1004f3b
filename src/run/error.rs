//! What can go wrong with a run folder.

use std::path::PathBuf;

/// An error of the run folder; every variant names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The operating system refused to read or write.
    #[error("{}: cannot {action}: {error}{}", path.display(), remedy(error))]
    Io {
        /// What was tried, as a verb phrase.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's answer.
        error: std::io::Error,
    },
    /// The folder is there and the user did not ask to go on with it.
    #[error("{}: this run folder exists; continue it with --resume, begin again with --force, or choose another with --out", path.display())]
    Exists {
        /// The run folder.
        path: PathBuf,
    },
    /// `--resume` or `report` without a run to read.
    #[error("{}: not a run folder (no manifest.json); name one that `losswalk run` has made", path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// Another process is writing to the same folder.
    #[error("{}: another losswalk process is writing to this run folder; wait for it or stop it", path.display())]
    Busy {
        /// The run folder.
        path: PathBuf,
    },
    /// A file of parameters.
    #[error(transparent)]
    Parameters(#[from] crate::parameters::ParameterFileError),
    /// A file's content is not what this version writes.
    #[error("{}: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
}

impl RunError {
    /// A closure for `map_err` that adds the action and the path to an I/O error.
    pub fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io { action, path, error }
    }

    /// A content error.
    pub fn content(path: impl Into<PathBuf>, problem: impl Into<String>) -> Self {
        Self::Content { path: path.into(), problem: problem.into() }
    }
}

fn remedy(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "; free some space, then continue with --resume: nothing measured so far is lost"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "; make the folder writable or choose another with --out"
        }
        _ => "",
    }
}

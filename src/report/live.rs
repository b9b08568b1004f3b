//! The page for a server: the same, with a script that asks for news of the run.

use crate::run::RunFolder;

use super::ReportError;
use super::html::{page, waiting};
use super::run_data::RunData;
use super::write::drawn;

/// The page of a run that may be going on, as [`write`](super::write) makes it. `version` tells a page
/// from earlier ones.
///
/// # Errors
/// If the run has no step yet, or its records cannot be read.
pub fn live_page(folder: &RunFolder, version: u64) -> Result<String, ReportError> {
    let runs = [RunData::load(folder)?];
    page(&runs, &drawn(&runs), Some(version))
}

/// A page without figures, which says why; the script brings them once they are there.
pub fn waiting_page(name: &str, message: &str, version: u64) -> String {
    waiting(name, message, version)
}

//! What can go wrong with a report.

use std::path::PathBuf;

use crate::run::RunError;

/// An error of the report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A run folder cannot be read, or a file of the report not be written.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A report on nothing.
    #[error("no run to report on; name at least one run folder")]
    NoRuns,
    /// A run without a single step.
    #[error("{}: no step is recorded yet, so there is nothing to report; let the run go on first", path.display())]
    Empty {
        /// The run folder.
        path: PathBuf,
    },
    /// A figure cannot be turned into another format.
    #[error("figure {figure}: cannot be drawn as {format}: {problem}")]
    Image {
        /// The figure's name.
        figure: String,
        /// The format.
        format: &'static str,
        /// What the renderer said.
        problem: String,
    },
    /// A figure cannot be turned into the page's data.
    #[error("figure {figure}: cannot be written into the page")]
    Json {
        /// The figure's name.
        figure: String,
        /// What the serialiser said.
        source: serde_json::Error,
    },
    /// The numbers of a figure cannot be written.
    #[error("table {table}: cannot be written as CSV: {source}")]
    Csv {
        /// The table's name.
        table: &'static str,
        /// What the writer said.
        source: csv::Error,
    },
}

//! What can go wrong with an export.

use std::path::PathBuf;

use crate::run::RunError;

/// An error of the export.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A run folder cannot be read, or a file not be written.
    #[error(transparent)]
    Run(#[from] RunError),
    /// There is no record to write.
    #[error("{}: nothing is recorded yet, so there is nothing to export; let the run go on first", path.display())]
    Empty {
        /// The run folder.
        path: PathBuf,
    },
    /// A value is not of its column's kind.
    #[error("{}: line {line}: `{column}` is {found}, which is no {kind}; restore the file from a copy", path.display())]
    Value {
        /// The record file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The column.
        column: &'static str,
        /// The value.
        found: String,
        /// What it should have been.
        kind: String,
    },
    /// The writer of Parquet refused.
    #[error("table {table}: cannot be written as Parquet: {source}")]
    Parquet {
        /// The table's name.
        table: &'static str,
        /// What the writer said.
        source: parquet::errors::ParquetError,
    },
    /// The writer of CSV refused.
    #[error("table {table}: cannot be written as CSV: {source}")]
    Csv {
        /// The table's name.
        table: &'static str,
        /// What the writer said.
        source: csv::Error,
    },
}

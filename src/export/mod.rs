//! Records for other programs: every record file of a run as a typed table, in a format that they read.
//!
//! `tables` says which columns there are and of what kind; each format is a file of its own. Values go
//! out as they stand in the records, bit for bit, but to TensorBoard, whose scalars are single precision.

mod csv;
mod error;
mod format;
mod parquet;
mod rows;
mod tables;
mod tensorboard;
mod write;

pub use error::ExportError;
pub use format::Format;
pub use tables::{Column, Kind, TABLES, Table};
pub use write::write;

//! The formats.

use crate::choice::choice;

choice! {
    /// What records are written as.
    Format {
        /// A table a record file; lists and records in a column keep their structure.
        Parquet = "parquet",
        /// A table a record file; lists and records in a column are JSON.
        Csv = "csv",
        /// One file of events, for TensorBoard.
        Tensorboard = "tensorboard",
    }
}

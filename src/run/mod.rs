//! The run folder: everything a run leaves on disk, and the only code that knows where.
//!
//! Records (`steps.jsonl`, `line.jsonl`) hold results alone, no times and no machine names, so that
//! equal runs are equal files; times go to `timing.jsonl`, machines to the manifest.

mod atomic;
mod checkpoint;
mod curvature_records;
mod error;
mod folder;
mod log;
mod manifest;
mod order;
mod records;

pub use atomic::write_atomic;
pub use checkpoint::Checkpoint;
pub use curvature_records::{
    AlignmentRecord, CovarianceRecord, DensityRule, ShareRecord, SpectrumRecord,
};
pub use error::RunError;
pub use folder::RunFolder;
pub use log::{Log, read_records};
pub use manifest::{FORMAT_VERSION, Manifest, ManifestParameter, Problem, Status};
pub use order::write_u32;
pub use records::{LineRecord, ReachRecord, StepRecord, TimingRecord};

//! The run folder: everything a run leaves on disk, and the only code that knows where.
//!
//! Records (`steps.jsonl`, `line.jsonl`) hold results alone, no times and no machine names, so that
//! equal runs are equal files; times go to `timing.jsonl`, machines to the manifest.

mod alignment_record;
mod atomic;
mod certificate_record;
mod checkpoint;
mod covariance_record;
mod epoch_record;
mod error;
mod folder;
mod journal;
mod log;
mod machine;
mod manifest;
mod order;
mod point_record;
mod records;
mod spectrum_record;
mod standing;

pub use alignment_record::AlignmentRecord;
pub use atomic::write_atomic;
pub use certificate_record::{BoundsRecord, CertificateRecord};
pub use checkpoint::Checkpoint;
pub use covariance_record::CovarianceRecord;
pub use epoch_record::EpochRecord;
pub use error::RunError;
pub use folder::RunFolder;
pub use journal::Journal;
pub use log::{Log, read_records};
pub use machine::{Machine, now, seconds_since_1970};
pub use manifest::{
    Departure, Extension, FORMAT_VERSION, Manifest, ManifestParameter, Problem, Status,
};
pub use order::write_u32;
pub use point_record::PointRecord;
pub use records::{LineRecord, ReachRecord, Samples, StepRecord, TimingRecord, Verdict};
pub use spectrum_record::{DensityRule, ShareRecord, SpectrumRecord};
pub use standing::Standing;

//! Quantities along the path, one a file. They know nothing of schedules, files or figures.

mod alignment;
mod barrier;
pub mod certified;
mod certified_line;
mod cosine;
mod covariance;
mod line;
mod mean;
mod path;
mod proportion;
mod reach;
mod spectrum;
mod student;
mod trajectory;
mod trust;
mod vector;

pub use alignment::{Alignment, alignments};
pub use barrier::{Barrier, barrier};
pub use cosine::{cosine, cosine_of};
pub use covariance::{GradientSpread, sample_traces};
pub use line::{LineLosses, Mode, check_determinism, evaluation_error};
pub use mean::Mean;
pub use path::{Path, Segment};
pub use proportion::Proportion;
pub use reach::{Reach, reach};
pub use spectrum::{SpectrumError, resumed_spectrum_ends, spectral_density, spectrum_ends};
pub use trajectory::{End, Movement, Trajectory};
pub use trust::{LineError, Trust};
pub use vector::{overlap, share_in_space};

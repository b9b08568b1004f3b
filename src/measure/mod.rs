//! Quantities along the path, one a file. They know nothing of schedules, files or figures.

mod barrier;
mod cosine;
mod line;
mod path;

pub use barrier::{Barrier, barrier};
pub use cosine::cosine;
pub use line::{LineLosses, check_determinism, line_losses, trusted_error};
pub use path::{Path, Segment};

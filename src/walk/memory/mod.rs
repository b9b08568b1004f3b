//! What an experiment needs of the machine's memory, reckoned from its settings before any of it is
//! taken.
//!
//! Every figure is the least that is held for certain at one moment, so that nothing is refused that
//! could run; a little more is taken, which `docs/limits.md` has measured. Sums and products end at the
//! largest number there is, so no setting is too absurd to be reckoned.

mod claim;
mod experiment;

pub(super) use claim::product;
pub use claim::{Bound, Claim, MemoryError, check};
pub(super) use experiment::{of_data, of_loss, of_walk};

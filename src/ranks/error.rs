//! Why ranks cannot work together.

use crate::data::DatasetError;
use crate::objective::ObjectiveError;
use crate::walk::PrepareError;

/// Why several processes cannot do a job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RanksError {
    /// Nothing to join them by.
    #[error("started as {0} processes, each of which would do the whole job: start one")]
    WithoutMpi(usize),
    /// The experiment, on this rank.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// Another normalisation.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The experiment, on any rank.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
}

//! Why ranks cannot work together.

use crate::data::DatasetError;
use crate::objective::ObjectiveError;
use crate::walk::PrepareError;

/// Why several processes cannot do a job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RanksError {
    /// A build without MPI.
    #[error(
        "started as {0} processes, each of which would do the whole job: build with --features mpi to share it, or start one"
    )]
    WithoutMpi(usize),
    /// A launcher of another MPI.
    #[error(
        "started as {expected} processes, of which MPI joins {found}: start with the mpirun of the MPI that losswalk was built with, or with srun --mpi=pmix"
    )]
    Apart {
        /// Processes that were started.
        expected: usize,
        /// Processes that know of one another.
        found: usize,
    },
    /// An MPI that cannot be called from several threads in turn.
    #[error(
        "this MPI cannot be called by threads in turn (MPI_THREAD_SERIALIZED), which losswalk does"
    )]
    Threads,
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

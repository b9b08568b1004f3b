//! A loss that several processes compute together: ranks, as MPI calls them.
//!
//! The leading rank runs the program as one process alone would. Whenever it asks the loss for
//! something that goes over several units, it sends an [`Order`] with the parameters to the others,
//! and all make the same call, in which each computes its share (`objective::Crew`). So only the
//! leading rank walks, writes and speaks, and its parameters are everybody's.

mod error;
mod job;
mod launch;
mod metered;
#[cfg(feature = "mpi")]
mod mpi;
mod order;
mod server;
mod shared_loss;
mod survey;

pub use error::RanksError;
pub use job::Job;
pub use launch::Launch;
pub use metered::Exchange;
pub use order::Order;
pub use server::serve;
pub use shared_loss::SharedLoss;
pub use survey::Survey;

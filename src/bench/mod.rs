//! What the passes over the paper's networks cost on this machine, as `losswalk bench` prints it.
//!
//! Images are of a formula and theta is the initialisation: no arithmetic here takes longer for one
//! number than for another. Passes take turns, and medians over the rounds are reported beside the
//! machine's own peak of fused multiplications and additions.

mod error;
mod machine;
mod network;
mod pass;
mod report;
mod resident;
mod work;

pub use error::BenchError;
pub use machine::Machine;
pub use network::BenchNetwork;
pub use pass::Pass;
pub use report::{BenchReport, PassResult, bench};

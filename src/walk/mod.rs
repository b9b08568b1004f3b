//! The walk: theta_0, theta_1, ... by an optimiser, measured on schedule, recorded, resumable.

mod cost;
mod error;
mod forecast;
mod line;
mod memory;
mod optimizer;
mod outlook;
mod path_run;
mod plan;
mod point;
mod prepare;
mod recorder;
mod replay;
mod sampling;
mod state;
mod walker;

pub use error::WalkError;
pub use forecast::share_done;
pub use memory::{Bound, Claim, MemoryError, check};
pub use optimizer::Carried;
pub use outlook::{Outlook, Rates};
pub use path_run::PathRun;
pub use plan::{Place, Plan};
pub use prepare::{PrepareError, Prepared, Setup, prepare};
pub use replay::Replay;
pub use state::State;
pub use walker::{Event, Observer, Outcome, walk};

//! The command line, one file a subcommand.

mod arguments;
mod bench;
mod data;
mod exit;
mod expect;
mod export;
mod inferred;
mod line;
mod measured;
mod output;
mod path;
mod progress;
mod report;
mod run;
mod signals;
mod verify;
mod watch;

pub use arguments::Cli;
pub use exit::{Exit, fail};

//! The command line, one file a subcommand.

mod arguments;
mod bench;
mod command;
mod data;
mod device;
mod exit;
mod expect;
mod export;
mod inferred;
mod init;
mod line;
mod list;
mod measured;
mod outlook;
mod output;
mod path;
mod progress;
mod report;
mod run;
mod several;
mod shell;
mod signals;
mod sweep;
mod verify;
mod watch;

pub use command::Cli;
pub use exit::{Exit, fail};

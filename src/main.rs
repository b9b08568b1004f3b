//! The command `losswalk`: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser;
use losswalk::cli::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(exit) => exit.into(),
        Err(error) => losswalk::cli::fail(&error).into(),
    }
}

//! The command `losswalk`: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser;
use losswalk::cli::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("error: {error:#}");
            losswalk::cli::exit_of(&error).into()
        }
    }
}

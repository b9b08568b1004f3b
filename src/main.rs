//! The command `losswalk`: parse, run, exit code.

use std::process::ExitCode;

use losswalk::cli::Cli;
use losswalk::ranks::Launch;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Of several processes one speaks.
    let speaks = Launch::detect().is_none_or(|launch| launch.place == 0);
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(error) if speaks => error.exit(),
        Err(_) => return ExitCode::SUCCESS,
    };
    match cli.run() {
        Ok(exit) => exit.into(),
        Err(error) if speaks => losswalk::cli::fail(&error).into(),
        Err(_) => ExitCode::SUCCESS,
    }
}

//! What shells, readers of manuals and editors want: `losswalk completions`, `man` and `schema`.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::output::show;
use super::{Cli, Exit};
use crate::experiment;

/// For which shell.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

/// Where the pages go.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// A folder, made if missing, such as ~/.local/share/man/man1.
    dir: PathBuf,
}

/// Prints a completion script.
pub(super) fn completions(arguments: CompletionsArgs) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "losswalk", &mut script);
    show(String::from_utf8(script)?.trim_end())?;
    Ok(Exit::Done)
}

/// Prints the JSON Schema of experiments.
pub(super) fn schema() -> anyhow::Result<Exit> {
    show(serde_json::to_string_pretty(&experiment::json_schema())?)?;
    Ok(Exit::Done)
}

/// Writes a page for the command and one for each subcommand.
pub(super) fn man(arguments: ManArgs) -> anyhow::Result<Exit> {
    let dir = &arguments.dir;
    write_pages(dir).with_context(|| format!("{}: cannot write the pages", dir.display()))?;
    show(dir.join("losswalk.1").display())?;
    Ok(Exit::Done)
}

fn write_pages(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    clap_mangen::generate_to(Cli::command(), dir)
}

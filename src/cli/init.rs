//! `losswalk init`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Exit;
use super::output::show;
use crate::experiment;
use crate::run::write_atomic;

/// The first experiment. It has no name, and is called after its file.
const FIRST: &str = include_str!("first-walk.toml");

/// Where the experiment goes.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Name of the experiment; NAME.toml is written.
    #[arg(default_value = "first-walk")]
    name: PathBuf,
    /// Replace a file of this name.
    #[arg(long)]
    force: bool,
}

/// The file is there already.
#[derive(Debug, thiserror::Error)]
#[error("{}: this file exists; choose another name, or replace it with --force", path.display())]
pub(super) struct FileExists {
    path: PathBuf,
}

pub(super) fn run(arguments: InitArgs) -> anyhow::Result<Exit> {
    let path = match arguments.name.extension() {
        Some(extension) if extension == "toml" => arguments.name,
        _ => arguments.name.with_added_extension("toml"),
    };
    // The name becomes that of a folder.
    experiment::parse(FIRST, &path.display().to_string(), &stem(&path), &[])?;
    if path.exists() && !arguments.force {
        return Err(FileExists { path }.into());
    }
    write_atomic(&path, FIRST.as_bytes())?;
    let file = path.display();
    show(format!("wrote {file}; next:\n\n  losswalk run {file}"))?;
    Ok(Exit::Done)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

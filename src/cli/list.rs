//! `losswalk list` and `losswalk show`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use toml::Table;

use super::Exit;
use super::output::show;
use crate::report::{self, Overview, Setting, differences};
use crate::run::{RunError, RunFolder, Standing, Status};

/// Where to look.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// The folder that has the runs, however deep within.
    #[arg(default_value = "runs")]
    dir: PathBuf,
    /// Print JSON, one object a run, instead of a table.
    #[arg(long)]
    json: bool,
}

/// Which run.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The run folder.
    run: PathBuf,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// What `show --json` prints.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    overview: Overview,
    settings: Table,
}

/// A folder that holds no run.
#[derive(Debug, thiserror::Error)]
#[error("{}: no run in this folder; `losswalk run` writes into runs/ unless told otherwise", dir.display())]
pub(super) struct NoRuns {
    dir: PathBuf,
}

/// Folders within folders that are looked into.
const DEPTH: usize = 8;

/// A run as `list` shows it.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    /// Below the folder that was listed.
    #[serde(skip)]
    name: String,
    #[serde(flatten)]
    found: Found,
    /// Its settings that other runs of the same name have not.
    differs: Vec<Setting>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Found {
    Standing(Box<Standing>),
    /// It cannot be read.
    Damaged {
        run: PathBuf,
        damaged: String,
    },
}

pub(super) fn list(arguments: ListArgs) -> anyhow::Result<Exit> {
    let dir = &arguments.dir;
    let mut paths = Vec::new();
    if dir.is_dir() {
        runs_below(dir, DEPTH, &mut paths).with_context(|| dir.display().to_string())?;
    }
    if paths.is_empty() {
        return Err(NoRuns { dir: arguments.dir }.into());
    }
    paths.sort_by_cached_key(|path| by_number(&path.to_string_lossy()));
    let rows = Row::all(dir, &paths);
    if arguments.json {
        rows.iter().try_for_each(|row| anyhow::Ok(show(serde_json::to_string(row)?)?))?;
    } else {
        show(table(&rows))?;
    }
    Ok(Exit::Done)
}

pub(super) fn show_run(arguments: ShowArgs) -> anyhow::Result<Exit> {
    let folder = RunFolder::open(&arguments.run)?;
    if arguments.json {
        let shown = Shown { overview: report::overview(&folder)?, settings: folder.settings()? };
        show(serde_json::to_string(&shown)?)?;
        return Ok(Exit::Done);
    }
    let standing = folder.standing()?;
    show(report::summary(&folder)?.trim_end())?;
    let began =
        standing.started.as_deref().map(|time| format!("  {:<20} {}\n", "began", date(time)));
    show(began.unwrap_or_default() + &page(&folder))?;
    show(format!("\n{}", fs::read_to_string(folder.experiment())?.trim_end()))?;
    Ok(Exit::Done)
}

fn page(folder: &RunFolder) -> String {
    let page = folder.report();
    if page.is_file() {
        return format!("  {:<20} {}", "report", page.display());
    }
    format!("  {:<20} none; write it by: losswalk report {}", "report", folder.path().display())
}

/// Every run folder below a folder, or the folder itself.
fn runs_below(dir: &Path, depth: usize, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if dir.join("manifest.json").is_file() || dir.join("run.toml").is_file() {
        found.push(dir.to_owned());
        return Ok(());
    }
    if depth == 0 {
        return Ok(());
    }
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !is_hidden && entry.path().is_dir() {
            runs_below(&entry.path(), depth - 1, found)?;
        }
    }
    Ok(())
}

/// The text with its numbers at one width, so that 2 comes before 10.
fn by_number(text: &str) -> String {
    let mut key = String::new();
    let mut digits = String::new();
    for letter in text.chars().chain(['\0']) {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        if !digits.is_empty() {
            key.push_str(&format!("{digits:0>20}"));
            digits.clear();
        }
        key.push(letter);
    }
    key
}

impl Row {
    /// A row for each run, with what sets it apart from others of its name.
    pub(super) fn all(dir: &Path, paths: &[PathBuf]) -> Vec<Self> {
        let read: Vec<_> = paths.iter().map(|path| read(path)).collect();
        let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, run) in read.iter().enumerate() {
            if let Ok((standing, _)) = run {
                by_name.entry(&standing.name).or_default().push(index);
            }
        }
        let mut differs: Vec<Vec<Setting>> = vec![Vec::new(); read.len()];
        for indices in by_name.values() {
            let settings = indices.iter().filter_map(|&index| read[index].as_ref().ok());
            let settings: Vec<&Table> = settings.map(|(_, settings)| settings).collect();
            for (&index, found) in indices.iter().zip(differences(&settings)) {
                differs[index] = found;
            }
        }
        let rows = paths.iter().zip(read).zip(differs);
        rows.map(|((path, read), differs)| Self {
            name: name_below(dir, path),
            found: match read {
                Ok((standing, _)) => Found::Standing(Box::new(standing)),
                Err(error) => Found::Damaged { run: path.clone(), damaged: error.to_string() },
            },
            differs,
        })
        .collect()
    }

    fn cells(&self) -> [String; 6] {
        let dash = || "-".to_owned();
        match &self.found {
            Found::Damaged { run, damaged } => {
                let problem = damaged.strip_prefix(&*run.to_string_lossy()).unwrap_or(damaged);
                let problem = problem.trim_start_matches([':', '/', ' ']);
                let cells = [dash(), dash(), dash(), problem.to_owned()];
                let [epochs, loss, began, problem] = cells;
                [self.name.clone(), "damaged".to_owned(), epochs, loss, began, problem]
            }
            Found::Standing(standing) => {
                let epochs = standing.epochs.map_or_else(dash, |epochs| epochs.to_string());
                [
                    self.name.clone(),
                    status(standing.status).to_owned(),
                    format!("{} of {epochs}", standing.epochs_done),
                    standing.loss.map_or_else(dash, |loss| format!("{loss:.4}")),
                    standing.started.as_deref().map_or_else(dash, date),
                    report::label(&self.differs),
                ]
            }
        }
    }
}

fn read(path: &Path) -> Result<(Standing, Table), RunError> {
    let folder = RunFolder::open(path)?;
    Ok((folder.standing()?, folder.settings()?))
}

fn name_below(dir: &Path, path: &Path) -> String {
    let below = path.strip_prefix(dir).unwrap_or(path);
    let path = if below.as_os_str().is_empty() { path } else { below };
    path.display().to_string()
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Running => "running, or killed",
        Status::Done => "done",
        Status::Diverged => "diverged",
        Status::Interrupted => "interrupted",
    }
}

/// An RFC 3339 time to the minute.
fn date(time: &str) -> String {
    time.get(..16).unwrap_or(time).replace('T', " ")
}

/// The rows under their heads, as wide as they need.
pub(super) fn table(rows: &[Row]) -> String {
    let heads = ["run", "status", "epochs", "loss", "began (UTC)", "differs in"];
    let mut cells = vec![heads.map(str::to_owned)];
    cells.extend(rows.iter().map(Row::cells));
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..heads.len()).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &[String; 6]| {
        let padded = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    cells.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_their_order() {
        let mut names = ["seed-10", "b-500", "seed-2", "b-1000", "a"];
        names.sort_by_cached_key(|name| by_number(name));
        assert_eq!(names, ["a", "b-500", "b-1000", "seed-2", "seed-10"]);
    }
}

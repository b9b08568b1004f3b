//! Runs that are killed or fail at every moment, resumed until they end: all their files must be those
//! of a run that was left alone.
//!
//! `LOSSWALK_CRASHES=N` bombards N runs, and lets N calls of each kind fail, spread over all of them
//! (each one, if there are fewer).

mod bombardment;
#[cfg(target_os = "linux")]
mod last_calls;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::program::{TestResult, losswalk};

/// Every kind of measurement, checkpoints enough that some are removed, and half a second long.
const EXPERIMENT: &str = "
name = 'crash'
[data]
name = 'digits'
train_samples = 100
[model]
arch = 'mlp'
hidden = [20, 10]
[train]
learning_rate = 0.1
batch_size = 50
epochs = 4
momentum = 0.9
save_iterates = true
[evaluation]
batch_norm = 'running'
[[measure]]
kind = 'line'
points = 4
reach = 4.0
second_order = true
[[measure]]
kind = 'alignment'
epochs = [0, 2, 4]
batch_sizes = [20, 100]
batches = 3
[[measure]]
kind = 'covariance'
epochs = [0, 4]
batch_sizes = [20, 50]
batches = 3
probes = 3
[[measure]]
kind = 'spectrum'
epochs = [0, 2, 4]
top = 2
probes = 1
batch_sizes = [20]
batches = 2
";

/// Files that hold times, or nothing.
const NOT_COMPARED: [&str; 3] = [".lock", "report.html", "timing.jsonl"];

/// How many runs to bombard, and how many calls to let fail; so many unless the environment says.
fn amount(default: usize) -> TestResult<usize> {
    match std::env::var("LOSSWALK_CRASHES") {
        Ok(amount) => Ok(amount.parse()?),
        Err(_) => Ok(default),
    }
}

/// A folder for runs of the experiment, and the files of one that was left alone.
struct Site {
    folder: TempDir,
    expected: BTreeMap<PathBuf, Vec<u8>>,
}

impl Site {
    fn new() -> TestResult<Self> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("crash.toml"), EXPERIMENT)?;
        let mut site = Self { folder, expected: BTreeMap::new() };
        let whole = site.path("whole");
        succeeded(&site.command(&whole).output()?)?;
        site.expected = files(&whole)?;
        assert!(
            site.expected.len() > 60
                && site.expected.contains_key(Path::new("spectrum.jsonl"))
                && site.expected.contains_key(Path::new("epochs.jsonl"))
        );
        Ok(site)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a user would enter: with `--resume` as soon as there is a folder.
    fn command(&self, out: &Path) -> Command {
        let mut command = losswalk();
        command.arg("run").arg(self.path("crash.toml")).args(["--threads", "1", "--out"]).arg(out);
        if out.exists() {
            command.arg("--resume");
        }
        command
    }

    /// Resumes the run once more, to its end; fails unless it gets there and left the same files.
    fn must_end_alike(&self, out: &Path) -> TestResult {
        succeeded(&self.command(out).output()?)?;
        let found = files(out)?;
        let names = |files: &BTreeMap<PathBuf, _>| files.keys().cloned().collect::<Vec<PathBuf>>();
        assert_eq!(names(&found), names(&self.expected));
        for (name, bytes) in &self.expected {
            let found = found.get(name).map(|bytes| comparable(name, bytes)).transpose()?;
            assert!(found == Some(comparable(name, bytes)?), "{} differs", name.display());
        }
        fs::remove_dir_all(out)?;
        Ok(())
    }
}

fn succeeded(output: &Output) -> TestResult {
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}

/// Keys of the manifest that tell times and the command.
const OF_THE_OCCASION: [&str; 3] = ["started", "seconds", "arguments"];

/// The bytes that equal runs share: of the manifest, all but [`OF_THE_OCCASION`].
fn comparable(name: &Path, bytes: &[u8]) -> TestResult<Vec<u8>> {
    if name != Path::new("manifest.json") {
        return Ok(bytes.to_owned());
    }
    let mut manifest: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(bytes)?;
    for key in OF_THE_OCCASION {
        assert!(manifest.remove(key).is_some_and(|value| !value.is_null()), "{key}");
    }
    Ok(serde_json::to_vec(&manifest)?)
}

/// Every file of a run by its path in there.
fn files(run: &Path) -> TestResult<BTreeMap<PathBuf, Vec<u8>>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![run.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.strip_prefix(run)?;
            if path.is_dir() {
                folders.push(path);
            } else if !NOT_COMPARED.iter().any(|other| name == Path::new(other)) {
                found.insert(name.to_owned(), fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

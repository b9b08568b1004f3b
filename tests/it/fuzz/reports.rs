//! Reports on run folders of which one file is damaged, or holds numbers that no run would write.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use losswalk::report;
use losswalk::run::RunFolder;
use tempfile::TempDir;

use super::Target;
use crate::program::{TestResult, losswalk};

const EXPERIMENT: &str = "
[data]
name = 'digits'
train_samples = 60
[model]
arch = 'mlp'
hidden = [5]
[train]
batch_size = 20
epochs = 2
[[measure]]
kind = 'line'
points = 3
reach = 3.0
second_order = true
[[measure]]
kind = 'alignment'
epochs = [0, 2]
batch_sizes = [20, 60]
batches = 2
[[measure]]
kind = 'covariance'
epochs = [0, 2]
batches = 2
probes = 2
[[measure]]
kind = 'spectrum'
epochs = [0, 2]
top = 2
probes = 1
probe_products = 3
batches = 1
";

/// A folder with `run`, of every kind of measurement, made once.
pub fn small_run() -> TestResult<&'static TempDir> {
    static RUN: OnceLock<Option<TempDir>> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir().ok()?;
        let path = folder.path().join("small.toml");
        fs::write(&path, EXPERIMENT).ok()?;
        let mut command = losswalk();
        command.arg("run").arg(&path).arg("--out").arg(folder.path().join("run"));
        let output = command.output().ok()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(folder)
    };
    Ok(RUN.get_or_init(make).as_ref().ok_or("the small run could not be made")?)
}

/// The files that a report reads.
const FILES: [&str; 8] = [
    "manifest.json",
    "run.toml",
    "steps.jsonl",
    "line.jsonl",
    "alignment.jsonl",
    "covariance.jsonl",
    "spectrum.jsonl",
    "timing.jsonl",
];

fn reports(run: &Path, out: &Path) -> bool {
    let Ok(folder) = RunFolder::open(run) else { return false };
    report::summary(&folder).is_ok() && report::write(&[folder], out).is_ok()
}

#[test]
fn reports_on_damaged_runs() -> TestResult {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run");
    fs::create_dir_all(&run)?;
    let source = small_run()?.path().join("run");
    let whole = |name: &str| fs::read(source.join(name));
    for name in FILES {
        fs::write(run.join(name), whole(name)?)?;
    }
    // Its number stands before the content of the file that an input is for.
    let seeds = (0u8..).zip(FILES).map(|(index, name)| Ok([vec![index], whole(name)?].concat()));
    let seeds: Result<Vec<_>, std::io::Error> = seeds.collect();
    Target::new("report", seeds?).fuzz(|input| {
        let Some((index, content)) = input.split_first() else { return false };
        let name = FILES[usize::from(*index) % FILES.len()];
        let is_written = fs::write(run.join(name), content).is_ok();
        let is_reported = is_written && reports(&run, &folder.path().join("out"));
        whole(name).and_then(|whole| fs::write(run.join(name), whole)).is_ok() && is_reported
    })
}

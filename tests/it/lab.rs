//! Small runs side by side in a temporary folder, for tests that make several.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use losswalk::run::{LineRecord, Manifest, RunFolder, StepRecord};
use tempfile::TempDir;

use crate::program::Run;

/// 18 steps on digits, the last one short; a measured step costs milliseconds.
pub const SMALL: [&str; 4] =
    ["model.hidden=[12, 8]", "train.batch_size=100", "train.epochs=1", "measure.points=4"];

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Panics unless the exit code is `code` and stderr has every one of `parts`.
    #[track_caller]
    pub fn must_say(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "`{part}` is missing from: {}", self.stderr);
        }
    }
}

/// Runs a command to its end.
pub fn end(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A temporary folder for runs.
pub struct Lab {
    folder: TempDir,
}

impl Lab {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A path in the lab.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the small experiment with other settings and further arguments to its end.
    pub fn run_with(&self, out: &str, settings: &[&str], arguments: &[&str]) -> Ended {
        let settings = [&SMALL, settings].concat();
        end(Run::new(self.path(out), &settings).command().args(arguments))
    }

    /// As [`Lab::run_with`], on one thread.
    pub fn run(&self, out: &str, settings: &[&str]) -> Ended {
        self.run_with(out, settings, &["--threads", "1"])
    }

    /// As [`Lab::run`], for a run that must succeed; returns its folder.
    #[track_caller]
    pub fn done(&self, out: &str, settings: &[&str]) -> PathBuf {
        self.run(out, settings).must_say(0, &[]);
        self.path(out)
    }
}

/// The bytes that equal runs share: `steps.jsonl` and `line.jsonl`.
pub fn records(run: &Path) -> [Vec<u8>; 2] {
    ["steps.jsonl", "line.jsonl"].map(|name| fs::read(run.join(name)).unwrap())
}

/// Panics with the first line that differs unless two runs have the same bytes.
#[track_caller]
pub fn must_equal(found: &[Vec<u8>; 2], expected: &[Vec<u8>; 2]) {
    for (found, expected) in found.iter().zip(expected) {
        let (found, expected) = (String::from_utf8_lossy(found), String::from_utf8_lossy(expected));
        for (one, other) in found.lines().zip(expected.lines()) {
            assert_eq!(one, other);
        }
        assert!(found == expected, "{} bytes instead of {}", found.len(), expected.len());
    }
}

pub fn manifest(run: &Path) -> Manifest {
    RunFolder::open(run).unwrap().manifest().unwrap()
}

pub fn steps(run: &Path) -> Vec<StepRecord> {
    RunFolder::open(run).unwrap().steps().unwrap()
}

pub fn lines(run: &Path) -> Vec<LineRecord> {
    RunFolder::open(run).unwrap().lines().unwrap()
}

/// Losses that are all finite.
pub fn finite(losses: &[Option<f64>]) -> Vec<f64> {
    losses.iter().map(|loss| loss.unwrap()).collect()
}

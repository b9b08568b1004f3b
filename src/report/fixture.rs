//! Small runs on disk, for the tests of the report.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::experiment::{Mode, Precision, Protocol};
use crate::run::{
    FORMAT_VERSION, LineRecord, Manifest, Problem, RunFolder, Status, StepRecord, TimingRecord,
};

/// The error of a test.
pub(super) type TestError = Box<dyn std::error::Error>;

/// A run with the given records.
pub(super) struct Fixture {
    pub manifest: Manifest,
    pub steps: Vec<StepRecord>,
    pub lines: Vec<LineRecord>,
    pub timings: Vec<TimingRecord>,
}

impl Fixture {
    /// `count` steps in epochs of ten, the first `measured` of which have a line.
    pub fn new(name: &str, count: u64, measured: u64) -> Self {
        Self {
            manifest: manifest(name, count),
            steps: (0..count).map(step).collect(),
            lines: (0..measured).map(line).collect(),
            timings: vec![TimingRecord {
                step: count,
                train_seconds: 1.0,
                line_seconds: 3.0,
                curvature_seconds: 0.0,
                other_seconds: 0.0,
                sample_points: 600,
            }],
        }
    }

    /// Stops at the last step for a loss that is not finite.
    pub fn diverged(mut self) -> Self {
        if let Some(last) = self.steps.last_mut() {
            (last.batch_loss, last.distance, last.cosine) = (None, None, None);
            let message = "the loss is <not> finite".to_owned();
            self.manifest.problems.push(Problem { step: last.step, message });
        }
        if let Some(last) = self.lines.last_mut() {
            last.losses[1] = None;
            (last.barrier, last.barrier_height, last.barrier_height_mean) = (None, None, None);
            (last.floor_loss, last.floor_alpha) = (None, None);
        }
        self.manifest.status = Status::Diverged;
        self
    }

    /// Writes the run folder.
    pub fn write(&self, path: &Path) -> Result<RunFolder, TestError> {
        fs::create_dir_all(path)?;
        fs::write(path.join("manifest.json"), serde_json::to_vec(&self.manifest)?)?;
        fs::write(path.join("steps.jsonl"), jsonl(&self.steps)?)?;
        fs::write(path.join("line.jsonl"), jsonl(&self.lines)?)?;
        fs::write(path.join("timing.jsonl"), jsonl(&self.timings)?)?;
        Ok(RunFolder::open(path)?)
    }
}

fn jsonl<T: Serialize>(records: &[T]) -> Result<String, serde_json::Error> {
    records.iter().map(|record| Ok(serde_json::to_string(record)? + "\n")).collect()
}

fn manifest(name: &str, total_steps: u64) -> Manifest {
    Manifest {
        format_version: FORMAT_VERSION,
        version: "0.1.0".to_owned(),
        commit: None,
        name: name.to_owned(),
        data: "digits".to_owned(),
        data_files: Vec::new(),
        samples: 100,
        parameters: Vec::new(),
        parameter_count: 7,
        total_steps,
        seed: 1,
        device: "cpu".to_owned(),
        threads: 1,
        evaluation_error: Some(1e-7),
        status: Status::Done,
        problems: Vec::new(),
    }
}

fn step(t: u64) -> StepRecord {
    let time = t as f64 + 1.0;
    StepRecord {
        step: t,
        epoch: t / 10 + 1,
        iteration: t % 10,
        learning_rate: 0.1,
        batch_size: 10,
        batch_loss: Some(2.0 / time),
        grad_norm: Some(1.0),
        cosine: (t > 0).then_some(-0.25),
        update_norm: Some(0.1),
        distance: Some(0.5 + 0.25 * time.ln()),
        path_length: Some(0.1 * time),
        param_norm: Some(3.0),
    }
}

/// A line with a barrier at every third step.
fn line(t: u64) -> LineRecord {
    let (first, last) = (2.0 / (t as f64 + 1.0), 2.0 / (t as f64 + 2.0));
    let barrier = t % 3 == 2;
    let middle = if barrier { first + 0.25 } else { last - 0.125 };
    LineRecord {
        step: t,
        epoch: t / 10 + 1,
        iteration: t % 10,
        alphas: vec![0.0, 0.5, 1.0],
        losses: [first, middle, last].map(Some).to_vec(),
        samples: 100,
        barrier: Some(barrier),
        barrier_height: Some(middle - first),
        barrier_height_mean: Some(middle - (first + last) / 2.0),
        floor_loss: Some(middle.min(last)),
        floor_alpha: Some(if barrier { 1.0 } else { 0.5 }),
        mode: Mode::Exact,
        protocol: Protocol::Fixed,
        precision: Precision::F32,
        resolved: true,
        batch_norm: None,
        slope: None,
        curvature: None,
        predicted_change: None,
        reach: None,
    }
}

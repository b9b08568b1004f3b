//! How a run stands, read from the ends of its files: quick, however long it is.

use std::fs;
use std::path::PathBuf;

use serde::Serialize;
use toml::{Table, Value};

use super::log::read_last;
use super::{EpochRecord, RunError, RunFolder, Status, StepRecord};

/// How a run stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// The run folder.
    pub run: PathBuf,
    /// Name of the experiment.
    pub name: String,
    /// How it ended, or that it did not.
    pub status: Status,
    /// Steps recorded.
    pub steps: u64,
    /// Steps that it has in all.
    pub total_steps: u64,
    /// Epochs that are over.
    pub epochs_done: u64,
    /// Epochs that it has in all; null for an objective that no experiment describes.
    pub epochs: Option<u64>,
    /// The loss on the full training set after the last of them; null if none is recorded.
    pub loss: Option<f64>,
    /// The share of the training set that is classified right there.
    pub accuracy: Option<f64>,
    /// The loss on the test split there.
    pub test_loss: Option<f64>,
    /// The share of the test split that is classified right there.
    pub test_accuracy: Option<f64>,
    /// When it was begun, in UTC.
    pub started: Option<String>,
    /// How long it took; null until it ends.
    pub seconds: Option<f64>,
}

impl RunFolder {
    /// How the run stands.
    pub fn standing(&self) -> Result<Standing, RunError> {
        let manifest = self.manifest()?;
        let step: Option<StepRecord> = read_last(&self.steps_log())?;
        let scores: Option<EpochRecord> = read_last(&self.point_log::<EpochRecord>())?;
        let settings = self.settings()?;
        let epochs = settings.get("train").and_then(|train| train.get("epochs"));
        let behind_step = step.as_ref().map_or(0, |step| step.epoch - 1);
        Ok(Standing {
            run: self.path().to_owned(),
            name: manifest.name,
            status: manifest.status,
            steps: step.map_or(0, |step| step.step + 1),
            total_steps: manifest.total_steps,
            epochs_done: scores.as_ref().map_or(0, |record| record.epoch).max(behind_step),
            epochs: epochs.and_then(Value::as_integer).and_then(|epochs| epochs.try_into().ok()),
            loss: scores.as_ref().and_then(|record| record.loss),
            accuracy: scores.as_ref().and_then(|record| record.accuracy),
            test_loss: scores.as_ref().and_then(|record| record.test_loss),
            test_accuracy: scores.as_ref().and_then(|record| record.test_accuracy),
            started: manifest.started,
            seconds: manifest.seconds,
        })
    }

    /// What `run.toml` holds; empty for an objective that no experiment describes.
    pub fn settings(&self) -> Result<Table, RunError> {
        let path = self.experiment();
        let text = fs::read_to_string(&path).map_err(RunError::io("read", &path))?;
        text.parse().map_err(|error| RunError::content(path, format!("not valid TOML: {error}")))
    }
}

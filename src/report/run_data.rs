//! All records of a run in memory, under a name that no other run of the report has.

use std::fs;
use std::path::Path;

use toml::Table;

use crate::run::{
    AlignmentRecord, CovarianceRecord, EpochRecord, LineRecord, Manifest, RunError, RunFolder,
    SpectrumRecord, StepRecord, TimingRecord,
};

use super::ReportError;
use super::differences::{differences, label};

/// A name of more settings than these says less than that of the folder.
const MOST_SETTINGS: usize = 4;

/// A run as the figures see it.
#[derive(Debug, Clone)]
pub(super) struct RunData {
    /// What the figures call it: the experiment's name, with more where runs share one.
    pub label: String,
    pub manifest: Manifest,
    /// What `run.toml` holds: every setting of the experiment; empty for an objective of one's own.
    pub settings: Table,
    /// The same as text.
    pub experiment: String,
    /// Never empty.
    pub steps: Vec<StepRecord>,
    pub lines: Vec<LineRecord>,
    pub alignments: Vec<AlignmentRecord>,
    pub covariances: Vec<CovarianceRecord>,
    pub spectra: Vec<SpectrumRecord>,
    pub epochs: Vec<EpochRecord>,
    pub timings: Vec<TimingRecord>,
}

impl RunData {
    /// Reads a run; one without steps is an error.
    pub fn load(folder: &RunFolder) -> Result<Self, ReportError> {
        let manifest = folder.manifest()?;
        let steps = folder.steps()?;
        if steps.is_empty() {
            return Err(ReportError::Empty { path: folder.path().to_owned() });
        }
        let label = manifest.name.clone();
        let path = folder.experiment();
        let experiment = fs::read_to_string(&path).map_err(RunError::io("read", &path))?;
        Ok(Self {
            label,
            manifest,
            settings: settings(&path, &experiment)?,
            experiment,
            steps,
            lines: folder.lines()?,
            alignments: folder.points()?,
            covariances: folder.points()?,
            spectra: folder.points()?,
            epochs: folder.points()?,
            timings: folder.timings()?,
        })
    }

    /// Reads several runs. Equal names are told apart by what differs in the settings, then by the
    /// folder, then by the order.
    pub fn load_all(folders: &[RunFolder]) -> Result<Vec<Self>, ReportError> {
        if folders.is_empty() {
            return Err(ReportError::NoRuns);
        }
        let mut runs = folders.iter().map(Self::load).collect::<Result<Vec<_>, _>>()?;
        let settings: Vec<&Table> = runs.iter().map(|run| &run.settings).collect();
        let differing = differences(&settings);
        let is_one_experiment = runs.iter().all(|run| run.label == runs[0].label);
        if runs.len() > 1 && is_one_experiment && differing[0].len() <= MOST_SETTINGS {
            for (run, settings) in runs.iter_mut().zip(&differing).filter(|(_, s)| !s.is_empty()) {
                run.label = label(settings);
            }
        }
        let folder_name = |i: usize| {
            let name = folders[i].path().file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        };
        for detail in [&folder_name as &dyn Fn(usize) -> String, &|i| (i + 1).to_string()] {
            let labels: Vec<String> = runs.iter().map(|run| run.label.clone()).collect();
            for (i, run) in runs.iter_mut().enumerate() {
                if labels.iter().filter(|&label| *label == run.label).count() > 1 {
                    run.label = format!("{} ({})", run.label, detail(i));
                }
            }
        }
        Ok(runs)
    }

    /// Updates of an epoch, as far as the experiment says how many epochs there are.
    pub fn steps_per_epoch(&self) -> Option<f64> {
        let epochs = self.settings.get("train")?.get("epochs")?.as_integer()?;
        Some(self.manifest.total_steps as f64 / epochs as f64)
    }

    /// eta of the update from the parameters before `step`, or of the last one at the end of the run.
    pub fn learning_rate(&self, step: u64) -> Option<f64> {
        let after = self.steps.iter().find(|record| record.step >= step);
        after.or(self.steps.last()).and_then(|record| record.learning_rate)
    }

    /// The steps from one to another, both included.
    pub fn steps_between(&self, first: u64, last: u64) -> &[StepRecord] {
        let start = self.steps.partition_point(|step| step.step < first);
        let end = self.steps.partition_point(|step| step.step <= last);
        &self.steps[start..end.max(start)]
    }

    /// The cosine of the gradients of a step and of the one before it; of their updates where no gradient
    /// is recorded.
    pub fn cosine(&self, step: u64) -> Option<f64> {
        let record = self.steps_between(step, step).first()?;
        record.cosine.or(record.update_cosine)
    }

    /// The points of a path of saved checkpoints, without what follows the last dot; empty for a walk.
    pub fn checkpoints(&self) -> Vec<String> {
        let name = |file: &String| match file.rsplit_once('.') {
            Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
            _ => file.clone(),
        };
        self.manifest.checkpoints.iter().map(name).collect()
    }

    /// Where the run begins, in a sentence.
    pub fn start(&self) -> &'static str {
        if self.manifest.checkpoints.is_empty() { "initialisation" } else { "the first checkpoint" }
    }

    /// The epochs whose updates were measured, ascending.
    pub fn measured_epochs(&self) -> Vec<u64> {
        let mut epochs: Vec<u64> = self.lines.iter().map(|line| line.epoch).collect();
        epochs.dedup();
        epochs
    }

    /// The lines measured in an epoch.
    pub fn lines_of(&self, epoch: u64) -> impl Iterator<Item = &LineRecord> {
        self.lines.iter().filter(move |line| line.epoch == epoch)
    }
}

fn settings(path: &Path, text: &str) -> Result<Table, RunError> {
    text.parse().map_err(|error| RunError::content(path, format!("no TOML: {error}")))
}

//! The folder of a prepared run: begun, gone on with, or lengthened.

use std::path::Path;

use super::{PrepareError, Prepared};
use crate::experiment::parse;
use crate::objective::Objective;
use crate::run::{Extension, Manifest, RunError, RunFolder, Status, now, write_atomic, write_u32};

impl Prepared {
    /// Creates the run folder, or opens it to go on. A start that was killed before there was
    /// anything to go on with is begun again either way.
    ///
    /// # Errors
    /// Before anything is written, if the machine has not the memory that the walk needs.
    pub fn open(&self, path: &Path, resume: bool) -> Result<RunFolder, PrepareError> {
        self.check_memory()?;
        let folder = if resume && !RunFolder::is_unfinished_start(path)? {
            self.reopen(path)?
        } else {
            RunFolder::create(path, &self.manifest, &self.experiment)?
        };
        let order = folder.evaluation_order();
        if !order.exists() {
            write_u32(&order, &self.objective.measured().order)?;
        }
        Ok(folder)
    }

    /// Creates the folder of a path of checkpoints, which are named in their order: as [`Self::open`]
    /// does, without what the experiment says of training.
    pub fn open_path(
        &self,
        path: &Path,
        checkpoints: Vec<String>,
    ) -> Result<RunFolder, PrepareError> {
        let broken = |error: toml::de::Error| RunError::content("run.toml", error.to_string());
        let mut settings: toml::Table = self.experiment.parse().map_err(broken)?;
        settings.retain(|key, _| ["name", "data", "model", "evaluation"].contains(&key));
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        settings.insert("name".to_owned(), name.clone().into());
        let total_steps = checkpoints.len().saturating_sub(1) as u64;
        let manifest = Manifest { name, total_steps, checkpoints, ..self.manifest.clone() };
        let folder = RunFolder::create(path, &manifest, &settings.to_string())?;
        write_u32(&folder.evaluation_order(), &self.objective.measured().order)?;
        Ok(folder)
    }

    fn reopen(&self, path: &Path) -> Result<RunFolder, PrepareError> {
        let name = || path.display().to_string();
        let folder = RunFolder::resume(path).map_err(|error| match error {
            RunError::NotARun { .. } => PrepareError::NothingBegun { folder: name() },
            error => error.into(),
        })?;
        let text_path = folder.experiment();
        let text = std::fs::read_to_string(&text_path).map_err(RunError::io("read", &text_path))?;
        let text = self.as_written_now(text);
        let is_longer = self.continues(&text);
        if text != self.experiment && !is_longer {
            let missing =
                text.lines().filter(|line| !self.experiment.lines().any(|ours| ours == *line));
            let difference: Vec<_> = missing.map(|line| format!("  {line}")).collect();
            return Err(PrepareError::OtherExperiment {
                folder: name(),
                difference: difference.join("\n"),
            });
        }
        // A run of an earlier version does not name the files of a test split.
        let earlier = folder.manifest()?.data_files;
        let changed = earlier.iter().filter(|file| !self.manifest.data_files.contains(file));
        let changed: Vec<_> = changed.map(|file| file.name.as_str()).collect();
        if !changed.is_empty() {
            return Err(PrepareError::OtherData { folder: name(), files: changed.join(", ") });
        }
        if is_longer {
            write_atomic(&text_path, self.experiment.as_bytes())?;
        }
        self.lengthen(&folder)?;
        Ok(folder)
    }

    /// True if the experiment is that of a `run.toml` with more epochs.
    fn continues(&self, text: &str) -> bool {
        let read = |text| parse(text, "run.toml", "run", &[]).ok();
        read(&self.experiment)
            .zip(read(text))
            .is_some_and(|(later, earlier)| later.continues(&earlier))
    }

    /// Says in the manifest that the run goes on longer, unless it says so.
    fn lengthen(&self, folder: &RunFolder) -> Result<(), RunError> {
        let mut manifest = folder.manifest()?;
        let total_steps = self.plan.total_steps();
        if manifest.total_steps < total_steps {
            let earlier = Extension { total_steps: manifest.total_steps, date: now() };
            manifest.extensions.push(earlier);
            manifest.total_steps = total_steps;
            manifest.status = Status::Interrupted;
            folder.write_manifest(&manifest)?;
        }
        Ok(())
    }

    /// A `run.toml` with the settings that came after its version, which had their defaults then.
    fn as_written_now(&self, text: String) -> String {
        let experiment = parse(&text, "run.toml", "run", &[]).ok();
        let has_test = self.objective.test_samples() > 0;
        let experiment = experiment.map(|experiment| experiment.on_data(&self.own, has_test));
        experiment.and_then(|experiment| experiment.to_toml().ok()).unwrap_or(text)
    }
}

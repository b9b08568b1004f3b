//! Several runs of one command: what differs among them, one after the other, compared at the end.

use std::path::{Path, PathBuf};

use indicatif::DecimalBytes;

use super::list::{Row, table};
use super::output::show;
use super::run::{How, Runner, warn_about_measures};
use super::sweep::Variant;
use super::{Exit, outlook};
use crate::experiment::{self, Experiment};
use crate::report;
use crate::run::{RunError, RunFolder, Status};

impl Runner<'_> {
    /// All runs one after the other, and a report that compares them. A run that is done is not begun
    /// again.
    pub(super) fn run_all(&self, variants: &[Variant], out: &Path) -> anyhow::Result<Exit> {
        if self.how == How::New && out.exists() {
            return Err(RunError::Exists { path: out.to_owned() }.into());
        }
        let paths: Vec<PathBuf> =
            variants.iter().map(|variant| out.join(&variant.folder)).collect();
        // All at once: what a command that was stopped leaves is not mixed with what was there before.
        let mut replaced = if self.how == How::Again { &paths[..] } else { &[] };
        let mut folders = Vec::new();
        let mut worst = Exit::Done;
        for (index, (variant, path)) in variants.iter().zip(&paths).enumerate() {
            if !self.is_quiet {
                eprintln!("run {} of {}: {}", index + 1, variants.len(), variant.folder);
            }
            // Some may not have begun when the command was stopped.
            let resume = self.how == How::Resume && path.exists();
            let (folder, exit) = if resume && is_over(&variant.experiment, path)? {
                (RunFolder::open(path)?, Exit::Done)
            } else {
                self.run(&variant.experiment, path, resume, std::mem::take(&mut replaced))?
            };
            if exit == Exit::Interrupted {
                return Ok(exit);
            }
            // One that diverged is measured until then, and told; the others go on.
            worst = if exit == Exit::Done { worst } else { exit };
            folders.push(folder);
        }
        let written = report::write(&folders, out)?;
        let rows = Row::all(out, &paths);
        self.tell(format!("{}\n\nreport on all runs: {}", table(&rows), written.page.display()))?;
        Ok(worst)
    }

    /// Says what runs take, and writes nothing. Those that differ in the seed alone take the same.
    pub(super) fn dry_run(&self, variants: &[Variant]) -> anyhow::Result<Exit> {
        let (mut seconds, mut bytes) = (0.0, 0);
        for alike in variants.chunk_by(Variant::differs_in_seed) {
            let Variant { folder, experiment } = &alike[0];
            warn_about_measures(&experiment.measure);
            let found = outlook::outlook(experiment, &self.setup, self.signals.interrupt())?;
            seconds += found.total_seconds() * alike.len() as f64;
            bytes += found.total_disk_bytes() * alike.len() as u64;
            if self.has_json {
                show(serde_json::to_string(&found)?)?;
                continue;
            }
            if variants.len() > 1 {
                show(format!("{folder}, and as much for {} more seeds:", alike.len() - 1))?;
            }
            show(outlook::table(&found))?;
        }
        if variants.len() > 1 && !self.has_json {
            let (count, time) = (variants.len(), outlook::time(seconds));
            show(format!("{count} runs: about {time}, {} on the disk", DecimalBytes(bytes)))?;
        }
        Ok(Exit::Done)
    }
}

/// True for the run of an experiment that is done, with its report.
fn is_over(experiment: &Experiment, path: &Path) -> anyhow::Result<bool> {
    let Ok(folder) = RunFolder::open(path) else { return Ok(false) };
    let written = experiment::load(&folder.experiment(), &[])?;
    let mut wanted = experiment.clone();
    // What the data decided.
    wanted.data.mean = wanted.data.mean.or(written.data.mean.clone());
    wanted.data.std = wanted.data.std.or(written.data.std.clone());
    wanted.evaluation.test = wanted.evaluation.test.or(written.evaluation.test);
    let is_done = folder.manifest()?.status == Status::Done && folder.report().is_file();
    Ok(is_done && wanted == written)
}

//! `losswalk run`.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::arguments::{RunArgs, arguments_given};
use super::measured::warn_about_classes;
use super::output::show;
use super::signals::Signals;
use super::sweep::{Variant, variants};
use super::{Exit, progress, watch};
use crate::data::{self, DatasetEntry};
use crate::experiment::{self, Experiment};
use crate::ranks::Job;
use crate::report;
use crate::run::{RunError, RunFolder};
use crate::walk::{Outcome, Setup, walk};
use crate::watch::Server;

pub(super) fn run(arguments: RunArgs, job: &Job, signals: &Signals) -> anyhow::Result<Exit> {
    let variants = variants(&arguments)?;
    let setup = arguments.device.set_up(job)?;
    let how = match (arguments.resume, arguments.force) {
        (true, _) => How::Resume,
        (_, true) => How::Again,
        _ => How::New,
    };
    let RunArgs { quiet: is_quiet, json: has_json, .. } = arguments;
    let mut runner = Runner { job, setup, signals, how, is_quiet, has_json, server: None };
    if arguments.dry_run {
        return runner.dry_run(&variants);
    }
    if arguments.watch {
        let server = watch::start(arguments.bind, arguments.port, None)?;
        eprintln!("watch: {}", server.url());
        runner.server = Some(server);
    }
    let name = variants.first().map(|variant| variant.experiment.name.clone()).unwrap_or_default();
    let out = arguments.out.unwrap_or_else(|| PathBuf::from("runs").join(name));
    let exit = match &variants[..] {
        [Variant { folder, experiment }] if folder.is_empty() => {
            let replaced = if how == How::Again { std::slice::from_ref(&out) } else { &[] };
            runner.run(experiment, &out, how == How::Resume, replaced)?.1
        }
        variants => runner.run_all(variants, &out)?,
    };
    if let Some(server) = runner.server {
        server.finish();
    }
    Ok(exit)
}

/// What to do about a run that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Refuse.
    New,
    /// Go on with it.
    Resume,
    /// Begin again in its place.
    Again,
}

/// What all runs of a command share.
pub(super) struct Runner<'a> {
    job: &'a Job,
    pub(super) setup: Setup,
    pub(super) signals: &'a Signals,
    pub(super) how: How,
    pub(super) is_quiet: bool,
    pub(super) has_json: bool,
    /// Shows the run that goes on.
    server: Option<Server>,
}

impl Runner<'_> {
    /// Walks an experiment into its folder and reports on it. Nothing is replaced before the experiment
    /// is known to fit its data and the machine.
    pub(super) fn run(
        &self,
        experiment: &Experiment,
        out: &Path,
        resume: bool,
        replaced: &[PathBuf],
    ) -> anyhow::Result<(RunFolder, Exit)> {
        let prepared = self.job.prepare(experiment, &self.setup, self.signals.interrupt())?;
        let prepared = prepared.asked_by(arguments_given());
        warn_about_measures(&experiment.measure);
        warn_about_data(&experiment.data)?;
        warn_about_classes(&experiment.data.name, &prepared.empty_classes);
        prepared.check_memory()?;
        replaced.iter().try_for_each(|path| make_room(path))?;
        let folder = prepared.open(out, resume)?;
        if let Some(server) = &self.server {
            server.follow(out);
        }
        let (name, total) = (&experiment.name, prepared.plan.total_steps());
        if !self.is_quiet {
            eprintln!("{name}: {total} steps into {}", out.display());
        }

        let mut bar = progress::Progress::new(self.is_quiet);
        let (loss, plan) = (self.job.share(&prepared.objective), &prepared.plan);
        let start = prepared.start();
        let outcome = self.signals.gently(|| walk(&loss, plan, start, &folder, &mut bar));
        bar.finish();
        let outcome = outcome.with_context(|| format!("{} stopped", out.display()))?;

        if let Outcome::Interrupted { step } = outcome {
            eprintln!(
                "interrupted after {step} steps; continue with the same command and --resume"
            );
            return Ok((folder, Exit::Interrupted));
        }
        self.signals.interrupt().check()?; // After the last step, before the report.
        let folders = [folder];
        let written = report::write(&folders, out)?;
        let [folder] = folders;
        if self.has_json {
            show(serde_json::to_string(&report::overview(&folder)?)?)?;
        } else {
            let summary = report::summary(&folder)?;
            self.tell(format!("{summary}report: {}", written.page.display()))?;
        }
        if let Outcome::Diverged { step } = outcome {
            eprintln!("training diverged at step {step}; everything measured until then is kept");
            return Ok((folder, Exit::Diverged));
        }
        Ok((folder, Exit::Done))
    }

    /// Says something on stdout, for people.
    pub(super) fn tell(&self, text: String) -> std::io::Result<()> {
        if self.is_quiet || self.has_json { Ok(()) } else { show(text) }
    }
}

/// Removes a run that is there.
fn make_room(path: &Path) -> Result<(), RunError> {
    let is_there = path.exists() && !RunFolder::is_unfinished_start(path)?;
    if is_there { RunFolder::remove(path) } else { Ok(()) }
}

/// Says on stderr if no loss is measured along updates or at points.
pub(super) fn warn_about_measures(measures: &[experiment::Measure]) {
    if measures.is_empty() {
        eprintln!(
            "warning: no [[measure]]: steps and epochs alone are recorded. For the loss along every \
             update, add\n  [[measure]]\n  kind = \"line\""
        );
    }
}

/// Says on stderr if a training file is not the published one; the run goes on, since the manifest
/// records what was read.
fn warn_about_data(settings: &experiment::Data) -> anyhow::Result<()> {
    let (DatasetEntry::Published(set), Some(root)) = (data::find(&settings.name)?, &settings.root)
    else {
        return Ok(());
    };
    let findings = data::verify(set, root)?;
    for found in findings.iter().filter(|found| found.status == data::FileStatus::Wrong) {
        let (name, file, detail) = (&settings.name, &found.file, &found.detail);
        eprintln!("warning: {file} in {} is not {name} as published: {detail}", root.display());
    }
    Ok(())
}

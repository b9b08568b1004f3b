//! `losswalk run`.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::arguments::{RunArgs, arguments_given};
use super::measured::warn_about_classes;
use super::output::show;
use super::signals::Signals;
use super::{Exit, progress, watch};
use crate::data::{self, DatasetEntry};
use crate::experiment::{self, Experiment};
use crate::report;
use crate::run::{RunError, RunFolder};
use crate::walk::{Outcome, Setup, prepare, walk};
use crate::watch::Server;

pub(super) fn run(arguments: RunArgs, signals: &Signals) -> anyhow::Result<Exit> {
    let mut experiment = experiment::load(&arguments.experiment, &arguments.overrides)?;
    if !arguments.seeds.is_empty() {
        experiment.seeds = arguments.seeds;
    }
    let setup = arguments.device.set_up()?;
    let out = arguments.out.unwrap_or_else(|| PathBuf::from("runs").join(&experiment.name));
    let server =
        arguments.watch.then(|| watch::start(arguments.bind, arguments.port, None)).transpose()?;
    if let Some(server) = &server {
        eprintln!("watch: {}", server.url());
    }
    let runner = Runner { setup, signals, server };
    let exit = if experiment.seeds.is_empty() {
        runner.run(&experiment, &out, arguments.resume)?.1
    } else {
        runner.run_seeds(&experiment, &out, arguments.resume)?
    };
    if let Some(server) = runner.server {
        server.finish();
    }
    Ok(exit)
}

/// What all runs of a command share.
struct Runner<'a> {
    setup: Setup,
    signals: &'a Signals,
    /// Shows the run that goes on.
    server: Option<Server>,
}

impl Runner<'_> {
    /// One run for each seed, and a report on all. A run that is done is not begun again.
    fn run_seeds(&self, experiment: &Experiment, out: &Path, resume: bool) -> anyhow::Result<Exit> {
        let mut folders = Vec::new();
        let mut worst = Exit::Done;
        if !resume && out.exists() {
            return Err(RunError::Exists { path: out.to_owned() }.into());
        }
        for &seed in &experiment.seeds {
            let path = out.join(format!("seed-{seed}"));
            // Some may not have begun when the command was stopped.
            let resume = resume && path.exists();
            let (folder, exit) = self.run(&experiment.with_seed(seed), &path, resume)?;
            if exit == Exit::Interrupted {
                return Ok(exit);
            }
            // One that diverged is measured until then, and told; the others go on.
            worst = if exit == Exit::Done { worst } else { exit };
            folders.push(folder);
        }
        let written = report::write(&folders, out)?;
        show(format!("report on all seeds: {}", written.page.display()))?;
        Ok(worst)
    }

    /// Walks an experiment into its folder and reports on it.
    fn run(
        &self,
        experiment: &Experiment,
        out: &Path,
        resume: bool,
    ) -> anyhow::Result<(RunFolder, Exit)> {
        let prepared =
            prepare(experiment, &self.setup, self.signals.interrupt())?.asked_by(arguments_given());
        warn_about_data(&experiment.data)?;
        warn_about_classes(&experiment.data.name, &prepared.empty_classes);
        let folder = prepared.open(out, resume)?;
        if let Some(server) = &self.server {
            server.follow(out);
        }
        let (name, total) = (&experiment.name, prepared.plan.total_steps());
        eprintln!("{name}: {total} steps into {}", out.display());

        let mut bar = progress::Progress::new();
        let (objective, plan, start) = (&prepared.objective, &prepared.plan, prepared.start());
        let outcome = self.signals.gently(|| walk(objective, plan, start, &folder, &mut bar));
        bar.finish();
        let outcome = outcome.with_context(|| format!("{} stopped", out.display()))?;

        if let Outcome::Interrupted { step } = outcome {
            eprintln!(
                "interrupted after {step} steps; continue with the same command and --resume"
            );
            return Ok((folder, Exit::Interrupted));
        }
        self.signals.interrupt().check()?; // After the last step, before the report.
        let summary = report::summary(&folder)?;
        let folders = [folder];
        let written = report::write(&folders, out)?;
        let [folder] = folders;
        show(format!("{summary}report: {}", written.page.display()))?;
        if let Outcome::Diverged { step } = outcome {
            eprintln!("training diverged at step {step}; everything measured until then is kept");
            return Ok((folder, Exit::Diverged));
        }
        Ok((folder, Exit::Done))
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

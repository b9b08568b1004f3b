//! `losswalk run`.

use std::path::PathBuf;

use anyhow::Context;

use super::arguments::RunArgs;
use super::output::show;
use super::{Exit, progress};
use crate::data::{self, DatasetEntry};
use crate::experiment;
use crate::objective::Interrupt;
use crate::report;
use crate::walk::{Outcome, prepare, walk};

pub(super) fn run(arguments: RunArgs) -> anyhow::Result<Exit> {
    let experiment = experiment::load(&arguments.experiment, &arguments.overrides)?;
    let setup = arguments.device.set_up()?;
    let interrupt = listen()?;
    let prepared = prepare(&experiment, &setup, &interrupt)?;
    warn_about_data(&experiment.data)?;
    let out = arguments.out.unwrap_or_else(|| PathBuf::from("runs").join(&experiment.name));
    let folder = prepared.open(&out, arguments.resume)?;
    eprintln!("{}: {} steps into {}", experiment.name, prepared.plan.total_steps(), out.display());

    let mut bar = progress::Progress::new();
    let start = prepared.start.clone();
    let outcome = walk(&prepared.objective, &prepared.plan, start, &folder, &mut bar);
    bar.finish();
    let outcome = outcome.with_context(|| format!("{} stopped", out.display()))?;

    if let Outcome::Interrupted { step } = outcome {
        eprintln!("interrupted after {step} steps; continue with the same command and --resume");
        return Ok(Exit::Interrupted);
    }
    let summary = report::summary(&folder)?;
    let written = report::write(&[folder], &out)?;
    show(format!("{summary}report: {}", written.page.display()))?;
    if let Outcome::Diverged { step } = outcome {
        eprintln!("training diverged at step {step}; everything measured until then is kept");
        return Ok(Exit::Diverged);
    }
    Ok(Exit::Done)
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

/// Turns Ctrl-C and SIGTERM into a request to stop; a second one ends the process at once.
fn listen() -> anyhow::Result<Interrupt> {
    let interrupt = Interrupt::default();
    let raised = interrupt.clone();
    ctrlc::set_handler(move || {
        if raised.raise() {
            std::process::exit(Exit::Interrupted as i32);
        }
        eprintln!("stopping; press Ctrl-C again to stop at once");
    })?;
    Ok(interrupt)
}

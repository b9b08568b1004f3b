//! How far a run is, in the words of the page's title.

use std::fs;
use std::time::Duration;

use indicatif::HumanDuration;

use crate::experiment;
use crate::run::{Manifest, RunError, RunFolder, Status, TimingRecord};
use crate::walk::{Plan, share_done};

/// `38 % · 4 minutes left · NAME`, or how the run ended.
pub(super) fn title(folder: &RunFolder) -> Result<String, RunError> {
    let manifest = folder.manifest()?;
    let name = &manifest.name;
    let what = match manifest.status {
        Status::Done => "done".to_owned(),
        Status::Diverged => "diverged".to_owned(),
        Status::Running => {
            let share = share(folder, &manifest)?;
            [Some(percent(share)), time_left(folder, share)?].into_iter().flatten().collect()
        }
        Status::Interrupted => format!("interrupted at {}", percent(share(folder, &manifest)?)),
    };
    Ok(format!("{what} · {name}"))
}

fn percent(share: f64) -> String {
    format!("{:.0} %", (100.0 * share).floor())
}

/// The share of the work that is recorded; of the steps, where no experiment describes the work.
fn share(folder: &RunFolder, manifest: &Manifest) -> Result<f64, RunError> {
    let path = folder.steps_log();
    let bytes = if path.exists() {
        fs::read(&path).map_err(RunError::io("read", path))?
    } else {
        Vec::new()
    };
    let steps = bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
    let share = match experiment::load(&folder.experiment(), &[]) {
        Ok(experiment) => {
            let plan = Plan::new(&experiment, manifest.samples as usize);
            share_done(&plan, manifest.parameter_count, steps)
        }
        Err(_) => steps as f64 / manifest.total_steps.max(1) as f64,
    };
    Ok(share.min(1.0))
}

/// The time left at the pace of all attempts so far; none before there is a pace.
fn time_left(folder: &RunFolder, share: f64) -> Result<Option<String>, RunError> {
    let seconds: f64 = folder.timings()?.iter().map(TimingRecord::seconds).sum();
    let left = Duration::try_from_secs_f64(seconds * (1.0 - share) / share).ok();
    let left = left.filter(|left| !left.is_zero());
    Ok(left.map(|left| format!(" · {} left", HumanDuration(left))))
}

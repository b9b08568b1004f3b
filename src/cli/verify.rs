//! `losswalk verify`.

use std::path::Path;

use super::Exit;
use super::arguments::VerifyArgs;
use super::output::show;
use crate::experiment;
use crate::measure::{Proportion, Trajectory};
use crate::objective::{Interrupt, Line, Objective, Point};
use crate::parameters::Tensors;
use crate::random::Stream;
use crate::ranks::{Job, SharedLoss};
use crate::run::{LineRecord, RunFolder, StepRecord, Verdict};
use crate::walk::{Plan, Prepared, Replay};

/// The probability that a run whose stated error is true is said to contradict it.
const FALSE_ALARM: f64 = 1e-3;

pub(super) fn run(arguments: VerifyArgs, job: &Job) -> anyhow::Result<Exit> {
    let folder = RunFolder::open(&arguments.run)?;
    let experiment = experiment::load(&folder.experiment(), &[])?;
    let setup = arguments.device.set_up(job)?;
    let prepared = job.prepare(&experiment, &setup, &Interrupt::default())?;
    let start = prepared.start();
    let Prepared { objective, plan, .. } = &prepared;
    let loss = &job.share(objective);
    let certified: Vec<LineRecord> =
        folder.lines()?.into_iter().filter(|line| line.certificate.is_some()).collect();
    if certified.is_empty() {
        show("no update of this run was certified: there is nothing to verify".to_owned())?;
        return Ok(Exit::Done);
    }
    let steps = folder.steps()?;
    let mut updates = Updates::new(&folder, (loss, plan), start, &steps);
    let mut wrong = Proportion { count: 0, trials: 0 };
    // One for all lines: what is known of rounding, and the loss where the next update begins, serve again.
    let mut path = Trajectory::default();
    for record in drawn(&certified, arguments.updates, arguments.seed) {
        let (from, to) = updates.ends(record.step)?;
        let line = Line { from: &from, to: &to, number: record.step };
        let (points, precision) = (record.alphas.len() - 1, plan.evaluation.precision);
        let exact = path.line(loss, line, points, precision)?;
        let exact = Verdict::from(&exact);
        wrong.trials += 1;
        wrong.count += u64::from(exact.barrier != record.verdict.barrier);
        show(row(record, &exact))?;
    }
    let stated = certified.iter().filter_map(|line| line.certificate.as_ref());
    let stated = stated.map(|certificate| certificate.error).fold(0.0, f64::max);
    show(summary(wrong, certified.len(), stated))?;
    let is_contradicted = wrong.at_least(stated) < FALSE_ALARM;
    Ok(if is_contradicted { Exit::Contradicted } else { Exit::Done })
}

/// So many of the updates, drawn without replacement, in the order of the walk.
fn drawn(certified: &[LineRecord], count: usize, seed: u64) -> Vec<&LineRecord> {
    let mut chosen = Stream::verified_updates(seed).permutation(certified.len());
    chosen.truncate(count);
    chosen.sort_unstable();
    chosen.into_iter().map(|index| &certified[index as usize]).collect()
}

fn row(record: &LineRecord, exact: &Verdict) -> String {
    let height = |verdict: &Verdict| {
        verdict.barrier_height.map_or("-".to_owned(), |height| format!("{height:+.4e}"))
    };
    let is_agreed = exact.barrier == record.verdict.barrier;
    format!(
        "step {:>8}  barrier {:<5}  height {} estimated, {} exact  {}",
        record.step,
        record.verdict.barrier.unwrap_or(false),
        height(&record.verdict),
        height(exact),
        if is_agreed { "agrees" } else { "DISAGREES" },
    )
}

fn summary(wrong: Proportion, certified: usize, stated: f64) -> String {
    let Proportion { count, trials } = wrong;
    let [low, high] = wrong.interval(0.95);
    format!(
        "{} of {trials} decisions agree with the exact ones ({certified} updates were certified); \
         the error rate is between {low:.2e} and {high:.2e} (95 %), {stated:e} is stated",
        trials - count
    )
}

/// Where updates begin and end: as the run saved them, or as the walk taken again passes them.
struct Updates<'a> {
    folder: &'a RunFolder,
    objective: &'a SharedLoss<'a>,
    replay: Replay<'a, SharedLoss<'a>>,
    steps: &'a [StepRecord],
}

impl<'a> Updates<'a> {
    fn new(
        folder: &'a RunFolder,
        (objective, plan): (&'a SharedLoss<'a>, &'a Plan),
        start: Point,
        steps: &'a [StepRecord],
    ) -> Self {
        Self { folder, objective, replay: Replay::new(objective, plan, start), steps }
    }

    /// The ends of an update that is not before any asked for earlier.
    fn ends(&mut self, step: u64) -> anyhow::Result<(Point, Point)> {
        let files = [step, step + 1].map(|step| self.folder.iterate(step));
        if files.iter().all(|file| file.exists()) {
            return Ok((self.read(&files[0])?, self.read(&files[1])?));
        }
        self.replay.advance_to(step, self.steps)?;
        Ok(self.replay.step(self.steps)?.map(Point::clone).into())
    }

    fn read(&self, file: &Path) -> anyhow::Result<Point> {
        Ok(self.objective.import(&Tensors::read(file)?)?)
    }
}

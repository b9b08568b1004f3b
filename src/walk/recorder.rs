//! The walk's side of the run folder: appends what is new, checks what is repeated after a resume.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::WalkError;
use crate::measure::{End, LineError};
use crate::run::{
    Departure, LineRecord, Log, Problem, RunError, RunFolder, Status, StepRecord, TimingRecord,
};

/// Open logs, and the records of an earlier attempt that lie ahead of the checkpoint.
pub(super) struct Recorder<'a> {
    pub(super) folder: &'a RunFolder,
    steps: Log,
    lines: Log,
    timings: Log,
    steps_ahead: VecDeque<StepRecord>,
    lines_ahead: VecDeque<LineRecord>,
    /// Where the newest line before the checkpoint ended.
    pub(super) end: Option<End>,
    clock: Clock,
}

struct Clock {
    lap: Instant,
    train: Duration,
    line: Duration,
    curvature: Duration,
    scores: Duration,
    sample_points: u64,
}

impl<'a> Recorder<'a> {
    /// Opens the logs for a walk that goes on with step `next`.
    pub(super) fn open(folder: &'a RunFolder, next: u64) -> Result<Self, RunError> {
        let (steps, all_steps) = Log::open::<StepRecord>(&folder.steps_log())?;
        let (lines, mut all_lines) = Log::open::<LineRecord>(&folder.line_log())?;
        let (timings, _) = Log::open::<TimingRecord>(&folder.timing_log())?;
        if (all_steps.len() as u64) < next {
            let problem = format!(
                "holds {} steps, but the checkpoint is of step {next}; restore it from a copy",
                all_steps.len()
            );
            return Err(RunError::content(folder.steps_log(), problem));
        }
        let lines_ahead = all_lines.split_off(all_lines.partition_point(|line| line.step < next));
        Ok(Self {
            folder,
            steps,
            lines,
            timings,
            steps_ahead: all_steps.into_iter().skip(next as usize).collect(),
            lines_ahead: lines_ahead.into(),
            end: all_lines.pop().and_then(|line| line.end()),
            clock: Clock::start(),
        })
    }

    /// Records a step, or checks it against the record that an earlier attempt left.
    pub(super) fn step(&mut self, record: &StepRecord) -> Result<(), WalkError> {
        match self.steps_ahead.pop_front() {
            None => self.steps.append(record)?,
            Some(earlier) if earlier.is_repeated_by(record) => {}
            Some(earlier) => self.depart(&earlier, record)?,
        }
        let lap = self.clock.lap();
        self.clock.train += lap;
        Ok(())
    }

    /// Goes on from a step that a device has repeated up to its rounding, and takes back what an earlier
    /// attempt recorded from there on.
    fn depart(&mut self, earlier: &StepRecord, again: &StepRecord) -> Result<(), WalkError> {
        let (step, mut manifest) = (again.step, self.folder.manifest()?);
        let error = earlier.error_of(again);
        if !manifest.tolerance().is_some_and(|tolerance| error <= tolerance) {
            return Err(WalkError::NotReproduced { step });
        }
        manifest.departures.retain(|departure| departure.step != step);
        manifest.departures.push(Departure { step, error });
        self.folder.write_manifest(&manifest)?;
        self.lines.keep_while(|line: &LineRecord| line.step < step)?;
        self.steps.keep_while(|known: &StepRecord| known.step < step)?;
        self.steps_ahead.clear();
        self.lines_ahead.clear();
        Ok(self.steps.append(again)?)
    }

    /// The line of this step, if an earlier attempt has measured it.
    pub(super) fn line_ahead(&mut self, step: u64) -> Option<LineRecord> {
        self.lines_ahead.pop_front_if(|line| line.step == step)
    }

    /// Counts the time since the last lap as the line measurement's, which took so many samples times
    /// points.
    pub(super) fn lap_line(&mut self, sample_points: u64) {
        let lap = self.clock.lap();
        self.clock.line += lap;
        self.clock.sample_points += sample_points;
    }

    /// Counts the time since the last lap as that of curvature.
    pub(super) fn lap_curvature(&mut self) {
        let lap = self.clock.lap();
        self.clock.curvature += lap;
    }

    /// Counts the time since the last lap as that of loss and accuracy at the end of an epoch.
    pub(super) fn lap_scores(&mut self) {
        let lap = self.clock.lap();
        self.clock.scores += lap;
    }

    /// Records a line; it and all steps before are on disk when this returns.
    pub(super) fn line(&mut self, record: LineRecord) -> Result<(), RunError> {
        self.steps.sync()?;
        self.lines.append(&record)?;
        self.lines.sync()?;
        self.timing(record.step)?;
        Ok(())
    }

    /// Makes everything durable.
    pub(super) fn sync(&mut self, step: u64) -> Result<(), RunError> {
        self.steps.sync()?;
        self.timing(step)
    }

    fn timing(&mut self, step: u64) -> Result<(), RunError> {
        let other = self.clock.lap();
        let clock = std::mem::replace(&mut self.clock, Clock::start());
        self.timings.append(&TimingRecord {
            step,
            train_seconds: clock.train.as_secs_f64(),
            line_seconds: clock.line.as_secs_f64(),
            curvature_seconds: clock.curvature.as_secs_f64(),
            scores_seconds: clock.scores.as_secs_f64(),
            other_seconds: other.as_secs_f64(),
            sample_points: clock.sample_points,
        })
    }

    /// Notes in the manifest how far 32 bits were off on a line; an earlier attempt may have done so.
    pub(super) fn line_error(&self, error: LineError) -> Result<(), RunError> {
        let mut manifest = self.folder.manifest()?;
        if !manifest.line_errors.contains(&error) {
            manifest.line_errors.retain(|earlier| earlier.step != error.step);
            manifest.line_errors.push(error);
            self.folder.write_manifest(&manifest)?;
        }
        Ok(())
    }

    /// Notes in the manifest why something in the records is null.
    pub(super) fn explain(&self, step: u64, message: String) -> Result<(), RunError> {
        let mut manifest = self.folder.manifest()?;
        let problem = Problem { step, message };
        if !manifest.problems.contains(&problem) {
            manifest.problems.push(problem);
            self.folder.write_manifest(&manifest)?;
        }
        Ok(())
    }

    /// Writes how far the run has come and, once it ends, how long it took.
    pub(super) fn status(&self, status: Status) -> Result<(), RunError> {
        let mut manifest = self.folder.manifest()?;
        manifest.status = status;
        if status != Status::Running {
            manifest.seconds = Some(self.folder.timings()?.iter().map(TimingRecord::seconds).sum());
        }
        self.folder.write_manifest(&manifest)
    }
}

impl Clock {
    fn start() -> Self {
        let [train, line, curvature, scores] = [Duration::ZERO; 4];
        Self { lap: Instant::now(), train, line, curvature, scores, sample_points: 0 }
    }

    /// Time since the last call.
    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now - std::mem::replace(&mut self.lap, now)
    }
}

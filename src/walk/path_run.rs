//! A path of which only the points are known, recorded as a walk is.

use super::walker::finite;
use super::{Plan, WalkError};
use crate::measure::certified::Rule;
use crate::measure::{Mode, Segment};
use crate::run::{
    CertificateRecord, LineRecord, RunError, RunFolder, Samples, Status, StepRecord, Verdict,
};

use super::recorder::Recorder;

/// Writes the segments of a path into a run folder: steps without what only training knows, and lines.
///
/// The whole path is one epoch.
pub struct PathRun<'a> {
    recorder: Recorder<'a>,
    plan: &'a Plan,
}

impl<'a> PathRun<'a> {
    /// Begins the records of a new folder, under the evaluation of this plan.
    pub fn begin(folder: &'a RunFolder, plan: &'a Plan) -> Result<Self, RunError> {
        Ok(Self { recorder: Recorder::open(folder, 0)?, plan })
    }

    /// Records segment number `step`, decided under a rule if it was certified; it is on disk when this
    /// returns.
    pub fn segment(
        &mut self,
        step: u64,
        segment: &Segment,
        rule: Option<Rule>,
    ) -> Result<(), WalkError> {
        let Segment { line, movement } = segment;
        self.recorder.lap_line(line.sample_points(self.plan.samples));
        self.recorder.step(&StepRecord {
            step,
            epoch: 1,
            iteration: step,
            learning_rate: None,
            batch_size: None,
            batch_loss: None,
            grad_norm: None,
            cosine: None,
            update_cosine: movement.update_cosine,
            update_norm: finite(movement.update_norm),
            distance: finite(movement.distance),
            path_length: finite(movement.path_length),
            param_norm: finite(movement.param_norm),
        })?;
        let record = LineRecord {
            step,
            epoch: 1,
            iteration: step,
            alphas: line.alphas.clone(),
            losses: line.losses.iter().map(|&loss| finite(loss)).collect(),
            samples: Samples::of(line, self.plan.samples),
            verdict: Verdict::from(line),
            mode: if line.certified.is_some() { Mode::Certified } else { Mode::Exact },
            certificate: line.certified.clone().zip(rule).map(CertificateRecord::from),
            protocol: self.plan.evaluation.protocol,
            batch_norm: self.plan.batch_norm,
            slope: None,
            curvature: None,
            predicted_change: None,
            reach: None,
        };
        Ok(self.recorder.line(record)?)
    }

    /// Writes that the path has been measured to its end.
    pub fn finish(self) -> Result<(), RunError> {
        self.recorder.status(Status::Done)
    }
}

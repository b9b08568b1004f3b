//! The measurement along one update of the walk, and its record.

use super::walker::{Walker, finite};
use super::{Place, State, WalkError};
use crate::experiment::LineSchedule;
use crate::measure::{Mode, reach};
use crate::objective::{Directional, Line, Objective, Point};
use crate::precision::Precision;
use crate::run::{
    CertificateRecord, LineRecord, ReachRecord, RunError, Samples, Verdict, write_atomic,
};

impl<O: Objective> Walker<'_, O> {
    /// Measures the loss along the update that led to where the walk stands now.
    pub(super) fn line(&mut self, place: Place, schedule: &LineSchedule) -> Result<(), WalkError> {
        let State { previous: from, point: to, .. } = &self.state;
        if self.plan.train.save_iterates {
            self.save_iterate(place.step, from)?;
            self.save_iterate(place.step + 1, to)?;
        }
        let line = Line { from, to, number: place.step };
        let precision = self.plan.evaluation.precision;
        let (points, seed) = (schedule.points, self.plan.train.seed);
        let measured = match schedule.rule {
            None => self.trajectory.line(self.objective, line, points, precision)?,
            Some(rule) => self.trajectory.certified(
                self.objective,
                line,
                (points, precision),
                (rule, seed),
            )?,
        };
        let beyond = match schedule.reach {
            Some(limit) => Some(reach(self.objective, line, &measured, limit)?),
            None => None,
        };
        let samples = self.plan.samples;
        let evaluated_beyond = beyond.as_ref().map_or(0, |beyond| beyond.evaluations * samples);
        self.recorder.lap_line(measured.sample_points(samples) + evaluated_beyond as u64);
        let along = self.second_order(line, schedule)?;
        if along.is_some() {
            self.recorder.lap_curvature();
        }
        // The record's verdict follows from it, so it is on disk first.
        if let Some(error) = self.trajectory.trust.learnt(place.step) {
            self.recorder.line_error(error)?;
        }
        let verdict = Verdict::from(&measured);
        if verdict.barrier.is_none() {
            let message =
                "a loss along this update is not finite, so it has no verdict on barriers";
            self.recorder.explain(place.step, message.to_owned())?;
        }
        let record = LineRecord {
            step: place.step,
            epoch: place.epoch,
            iteration: place.iteration,
            samples: Samples::of(&measured, samples),
            losses: measured.losses.into_iter().map(finite).collect(),
            alphas: measured.alphas,
            verdict,
            mode: if measured.certified.is_some() { Mode::Certified } else { Mode::Exact },
            certificate: measured.certified.zip(schedule.rule).map(CertificateRecord::from),
            protocol: self.plan.evaluation.protocol,
            batch_norm: self.plan.batch_norm,
            slope: along.and_then(|along| finite(along.slope)),
            curvature: along.and_then(|along| finite(along.curvature)),
            predicted_change: along.and_then(|d| finite(d.slope + d.curvature / 2.0)),
            reach: beyond.map(|beyond| ReachRecord {
                reach_alphas: beyond.alphas,
                reach_losses: beyond.losses.into_iter().map(finite).collect(),
                critical_alpha: beyond.critical_alpha,
            }),
        };
        Ok(self.recorder.line(record)?)
    }

    /// The loss along the update to second order, where the schedule asks for it.
    fn second_order(
        &self,
        line: Line,
        schedule: &LineSchedule,
    ) -> Result<Option<Directional>, WalkError> {
        if !schedule.second_order {
            return Ok(None);
        }
        let precision = self.plan.evaluation.precision;
        Ok(Some(self.objective.second_order(line, precision)?))
    }

    fn save_iterate(&self, step: u64, at: &Point) -> Result<(), RunError> {
        let path = self.recorder.folder.iterate(step);
        if path.exists() {
            return Ok(());
        }
        let single = self.plan.train.precision == Precision::F32;
        write_atomic(&path, &self.objective.export(at, single).encode()?)
    }
}

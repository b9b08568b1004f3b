//! How well a point does on the training set and on the test split: loss and accuracy in one pass.

use super::grouped::GroupedLine;
use super::line::OpenLine;
use super::planned::PlannedLine;
use super::transfer::host;
use super::{
    BatchNormPolicy, Classification, Line, LineEvaluation, Loss, ObjectiveError, Point, tree,
};
use crate::plan::Workspace;
use crate::precision::Precision;

/// Numbers that a unit's score is made of: the summed loss, and the samples that are classified right.
const SCORES: usize = 2;

/// What a point scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// On the training set: the loss is the measured one.
    pub train: Score,
    /// On the test split, where there is one.
    pub test: Option<Score>,
}

/// What a point scores on one split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The mean loss.
    pub loss: f64,
    /// The share of samples whose own logit is the largest, the first one where several are equal;
    /// none for a loss that classifies nothing.
    pub accuracy: Option<f64>,
}

impl Classification {
    /// Scores on both splits. Where batch norm takes statistics that are recomputed, they are those of
    /// the training set on both.
    pub(super) fn both_scores(
        &self,
        at: &Point,
        precision: Precision,
    ) -> Result<Scores, ObjectiveError> {
        let (train, recomputed) = self.scores_and_statistics(at, precision)?;
        let test = |test: &Self| {
            let buffers = recomputed.unwrap_or_else(|| at.buffers.clone());
            let at = Point { theta: at.theta.clone(), buffers };
            Ok::<_, ObjectiveError>(test.scores_and_statistics(&at, precision)?.0)
        };
        Ok(Scores { train, test: self.test.as_deref().map(test).transpose()? })
    }

    /// The score on this objective's own samples, and statistics if they were recomputed.
    fn scores_and_statistics(
        &self,
        at: &Point,
        precision: Precision,
    ) -> Result<(Score, Option<Vec<f64>>), ObjectiveError> {
        let line = Line { from: at, to: at, number: 0 };
        let is_recomputed = self.policy(Loss::Measured) == Some(BatchNormPolicy::Recomputed);
        let (sums, statistics) = if self.resident.is_some() {
            let open = self.open_grouped(line, &[0.0], precision)?;
            (open.scores()?, is_recomputed.then(|| open.statistics.clone()))
        } else if let Some(open) = self.open_planned(line, &[0.0], precision)? {
            (open.scores()?, is_recomputed.then(|| open.statistics()))
        } else {
            let open = self.open_line(line, &[0.0], precision)?;
            (open.scores()?, is_recomputed.then(|| open.statistics()).transpose()?)
        };
        let samples = self.data.len() as f64;
        let [loss, right] = [0, 1].map(|entry| sums.get(entry).map_or(f64::NAN, |x| x / samples));
        Ok((Score { loss, accuracy: Some(right) }, statistics))
    }
}

impl PlannedLine<'_> {
    /// The summed loss at the first point, and the number of samples that are classified right.
    fn scores(&self) -> Result<Vec<f64>, ObjectiveError> {
        let units: Vec<usize> = (0..self.units()).collect();
        let read = |logits: &[f32], _: &Workspace, samples: &[u32]| {
            let right = self.objective.right(logits, samples);
            vec![self.objective.summed_loss(logits, samples), right as f64]
        };
        total(self.objective.divided(&units, SCORES, |units| {
            Ok(self.visit(units, &[0], read)?.into_iter().map(|unit| unit.concat()).collect())
        })?)
    }
}

impl GroupedLine<'_> {
    /// The same, on a device.
    fn scores(&self) -> Result<Vec<f64>, ObjectiveError> {
        let units: Vec<usize> = (0..self.units()).collect();
        let read = |logits: &[f64], samples: &[u32]| {
            let right = self.objective.right(logits, samples);
            vec![self.objective.summed_loss(logits, samples), right as f64]
        };
        total(self.objective.divided(&units, SCORES, |units| {
            Ok(self.visit(units, &[0], read)?.into_iter().map(|unit| unit.concat()).collect())
        })?)
    }
}

impl OpenLine<'_> {
    /// The same, through series.
    fn scores(&self) -> Result<Vec<f64>, ObjectiveError> {
        let (objective, units) = (self.objective, (0..self.units()).collect::<Vec<_>>());
        let of_unit = |unit| {
            let found = self.visit(unit, &[0], |logits, _, batch| {
                let values = host(logits.value().clone())?;
                let right = objective.right(&values, batch);
                let losses = host(objective.sample_losses(logits, batch).into_value())?;
                Ok(vec![losses.into_iter().sum(), right as f64])
            });
            Ok(found?.concat())
        };
        total(objective.divided(&units, SCORES, |units| objective.each(units, of_unit))?)
    }
}

/// The sum over units.
fn total(units: Vec<Vec<f64>>) -> Result<Vec<f64>, ObjectiveError> {
    tree::sum(units.len(), |unit| Ok(units[unit].clone()))
}

impl Classification {
    /// How many samples have an own logit that is the first of the largest.
    fn right<T: PartialOrd>(&self, logits: &[T], samples: &[u32]) -> usize {
        let rows = logits.chunks_exact(self.network.classes).zip(samples);
        let is_right = |(row, sample): &(&[T], &u32)| {
            let label = usize::from(self.data.label(**sample));
            let (before, after) = row.split_at(label);
            let own = &row[label];
            before.iter().all(|other| other < own) && after.iter().all(|other| other <= own)
        };
        rows.filter(is_right).count()
    }
}

//! A line that is open for evaluation, unit by unit and point by point.

use super::{ObjectiveError, tree};

/// The loss along one line at the points that it was opened with. What the points share, and what
/// units share, has been computed once.
///
/// The unit of work is the evaluation batch: its samples are seen together by batch norm, and its sum
/// is one leaf of the [`tree`] that every mean over the training set is added by. So a caller may ask
/// for some units at some points, in any order, and drop the points that it has decided.
pub trait LineEvaluation: Sync {
    /// The number of units.
    fn units(&self) -> usize;

    /// The number of samples in a unit.
    fn samples(&self, unit: usize) -> usize;

    /// The number of points.
    fn points(&self) -> usize;

    /// For each of the units asked for, the losses of its samples, summed, at each of the points asked
    /// for: indices into the alphas that the line was opened with.
    ///
    /// Cost: one forward pass over the units' samples for every point, less what the points share.
    fn unit_losses(
        &self,
        units: &[usize],
        points: &[usize],
    ) -> Result<Vec<Vec<f64>>, ObjectiveError>;

    /// The mean loss over all samples, at every point.
    fn losses(&self) -> Result<Vec<f64>, ObjectiveError> {
        let units: Vec<usize> = (0..self.units()).collect();
        let points: Vec<usize> = (0..self.points()).collect();
        let found = self.unit_losses(&units, &points)?;
        let sums = tree::sum(found.len(), |unit| Ok::<_, ObjectiveError>(found[unit].clone()))?;
        let samples: usize = units.iter().map(|&unit| self.samples(unit)).sum();
        Ok(sums.into_iter().map(|sum| sum / samples as f64).collect())
    }
}

/// Losses that were computed at once: one unit, of one sample as far as anybody can tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Computed(pub Vec<f64>);

impl LineEvaluation for Computed {
    fn units(&self) -> usize {
        1
    }

    fn samples(&self, _: usize) -> usize {
        1
    }

    fn points(&self) -> usize {
        self.0.len()
    }

    fn unit_losses(
        &self,
        units: &[usize],
        points: &[usize],
    ) -> Result<Vec<Vec<f64>>, ObjectiveError> {
        let chosen = || points.iter().map(|&point| self.0[point]).collect();
        Ok(units.iter().map(|_| chosen()).collect())
    }
}

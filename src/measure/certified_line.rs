//! One line of a path, decided from as few evaluation batches as the rule needs.

use super::certified::{Judge, Rule};
use super::line::alphas;
use super::{LineLosses, Trajectory};
use crate::objective::{Line, Objective, ObjectiveError};
use crate::precision::Precision;
use crate::random::Stream;

/// Units that 32 bits are compared with 64 on. The error of a mean over few units is larger than that
/// over all, so it is on the safe side.
const COMPARED_UNITS: usize = 8;

impl Trajectory {
    /// Decides whether a line of K = `points` intervals crosses a barrier, under `rule`. The order of
    /// the units is drawn from the seed and the number of the line, so that the decisions of different lines are
    /// independent of one another.
    ///
    /// A line is measured exactly, as [`line`](Self::line) does, where a loss is not finite and where its height is within the
    /// rounding error. Its start is not taken from the line before, whose end is an estimate.
    ///
    /// Cost: see [`Judge::certify`]; and 64 bits on a few units where the error of 32 is not known yet.
    pub fn certified(
        &mut self,
        objective: &impl Objective,
        line: Line,
        (points, precision): (usize, Precision),
        (rule, seed): (Rule, u64),
    ) -> Result<LineLosses, ObjectiveError> {
        match self.decided(objective, line, (points, precision), (rule, seed))? {
            Some(found) => {
                self.end = None;
                Ok(found)
            }
            None => self.line(objective, line, points, precision),
        }
    }

    /// The line if the rule decides on it and rounding does not matter.
    fn decided(
        &mut self,
        objective: &impl Objective,
        line: Line,
        (points, precision): (usize, Precision),
        (rule, seed): (Rule, u64),
    ) -> Result<Option<LineLosses>, ObjectiveError> {
        let alphas = alphas(points);
        let open = objective.open(line, &alphas, precision)?;
        let order = Stream::unit_order(seed, line.number).permutation(open.units());
        let order: Vec<usize> = order.into_iter().map(|unit| unit as usize).collect();
        let judge = Judge::new(rule, &alphas, order.len());
        let Some(certified) = judge.certify(open.as_ref(), &order)? else {
            return Ok(None);
        };
        let mut found = LineLosses {
            losses: certified.losses.clone(),
            alphas,
            precision,
            trusted_error: 0.0,
            resolved: false,
            evaluations: 0,
            certified: Some(certified),
        };
        if precision == Precision::F32 {
            let compared = &order[..order.len().min(COMPARED_UNITS)];
            self.learn_from_units(objective, line, &found, compared)?;
        }
        found.judge(self.trust.error(line.number, precision));
        Ok(found.resolved.then_some(found))
    }

    /// Compares the first point after the start, the middle and the end with 64 bits on some units, if
    /// the error is not known where the line lies.
    fn learn_from_units(
        &mut self,
        objective: &impl Objective,
        line: Line,
        found: &LineLosses,
        units: &[usize],
    ) -> Result<(), ObjectiveError> {
        let (largest, last) = (found.largest(), found.alphas.len() - 1);
        if !self.trust.is_due(line.number, largest) {
            return Ok(());
        }
        let three = [1, last.div_ceil(2), last].map(|point| found.alphas[point]);
        if self.learn_from_compared(objective, line, &three, largest)?
            || !objective.supports(Precision::F64)
        {
            return Ok(());
        }
        let means = |precision| {
            let open = objective.open(line, &three, precision)?;
            let sums = open.unit_losses(units, &[0, 1, 2])?;
            let samples: usize = units.iter().map(|&unit| open.samples(unit)).sum();
            let mean =
                |point: usize| sums.iter().map(|unit| unit[point]).sum::<f64>() / samples as f64;
            Ok::<_, ObjectiveError>([0, 1, 2].map(mean))
        };
        let (single, double) = (means(Precision::F32)?, means(Precision::F64)?);
        self.trust.learn(line.number, largest, &single, &double);
        Ok(())
    }
}

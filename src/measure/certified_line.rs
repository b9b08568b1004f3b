//! One line of a path, decided from as few evaluation batches as the rule needs.

use super::certified::{Judge, Rule};
use super::line::{FIRST_UNITS, alphas};
use super::{LineLosses, Trajectory};
use crate::objective::{Line, Objective, ObjectiveError};
use crate::precision::Precision;
use crate::random::Stream;

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
            let compared = &order[..order.len().min(FIRST_UNITS.len())];
            self.learn(objective, line, &found, compared)?;
        }
        found.judge(self.trust.error(line.number, precision));
        Ok(found.resolved.then_some(found))
    }
}

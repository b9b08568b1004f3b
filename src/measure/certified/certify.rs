//! The decision on one line.

use serde::{Deserialize, Serialize};

use super::Assume;
use super::heights::{Bounds, bounds, estimates};
use super::looks::{FIRST_PILOT, FIRST_REST};
use super::progress::{Visit, next};
use super::seen::Seen;
use super::tests::{Lowers, Tests};
use crate::objective::{LineEvaluation, ObjectiveError};

/// How sure a decision is to be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// The probability that a line is decided wrongly, at most.
    pub error: f64,
    /// What that rests on.
    pub assume: Assume,
}

impl Default for Rule {
    fn default() -> Self {
        Self { error: 1e-4, assume: Assume::Shape }
    }
}

impl Rule {
    /// What [`can_have`](Self::can_have) asks for.
    pub const ERROR_REMEDY: &'static str = "must be between 1e-8 and 0.1";

    /// True of an error that the arithmetic is good for and a decision makes sense with.
    pub fn can_have(error: f64) -> bool {
        (1e-8..=0.1).contains(&error)
    }
}

/// What was found out about a line.
#[derive(Debug, Clone, PartialEq)]
pub struct Certified {
    /// Some interior point lies above both ends.
    pub is_crossed: bool,
    /// The mean losses, estimated where not all units were visited.
    pub losses: Vec<f64>,
    /// Samples that were evaluated at each point.
    pub samples: Vec<u64>,
    /// Units that were visited at each point.
    pub units: Vec<u64>,
    /// Every unit was visited at every point that the decision rests on.
    pub is_exact: bool,
    /// Bounds of what the losses are estimates of.
    pub bounds: Bounds,
}

/// Decides on lines with the same points and the same number of units.
pub struct Judge {
    rule: Rule,
    alphas: Vec<f64>,
    units: usize,
    tests: Tests,
}

impl Judge {
    /// For lines with points at `alphas`, at least three from 0 to 1, and so many units.
    pub fn new(rule: Rule, alphas: &[f64], units: usize) -> Self {
        Self { rule, alphas: alphas.to_vec(), units, tests: Tests::new(rule, alphas, units) }
    }

    /// Decides whether an open line crosses a barrier. The units are visited in `order`, a random order
    /// of all of them; a point that is decided is not evaluated again, but for the ends and the pilot
    /// that the others are compared with. None if a loss is not finite.
    ///
    /// Cost: what the units and points cost that are evaluated, each pair once; at most all.
    pub fn certify(
        &self,
        line: &dyn LineEvaluation,
        order: &[usize],
    ) -> Result<Option<Certified>, ObjectiveError> {
        let mut seen = Seen::new(line, order);
        let Some(is_crossed) = self.decide(&mut seen)? else { return Ok(None) };
        let alphas = &self.alphas;
        let losses = estimates(&seen, alphas);
        let points = 0..alphas.len();
        Ok(Some(Certified {
            is_crossed,
            bounds: bounds(self.rule, &seen, (alphas, &losses), is_crossed),
            losses,
            samples: seen.samples().to_vec(),
            units: points.clone().map(|point| seen.units(point) as u64).collect(),
            is_exact: points.clone().all(|point| seen.is_whole(point)),
        }))
    }

    /// The decision alone; `order` and cost are those of [`certify`](Self::certify).
    pub fn is_crossed(
        &self,
        line: &dyn LineEvaluation,
        order: &[usize],
    ) -> Result<Option<bool>, ObjectiveError> {
        self.decide(&mut Seen::new(line, order))
    }

    /// Visits units until the line is decided.
    fn decide(&self, seen: &mut Seen) -> Result<Option<bool>, ObjectiveError> {
        let all: Vec<usize> = (0..self.alphas.len()).collect();
        let [first, last] = self.tests.ends();
        seen.visit(&all, FIRST_REST.min(self.units))?;
        seen.visit(&[first, self.tests.pilot, last], FIRST_PILOT.min(self.units))?;
        let mut open: Vec<usize> = self.tests.interior().collect();
        let lowers = Lowers::new(all.len());
        while seen.is_finite() {
            if open.iter().any(|&point| self.tests.is_above(seen, point)) {
                return Ok(Some(true));
            }
            open.retain(|&point| !self.tests.is_below(seen, point, &lowers));
            if open.is_empty() {
                return Ok(Some(false));
            }
            let Visit { points, units } = next(&self.tests, seen, &open, &lowers);
            seen.visit(&points, units)?;
        }
        Ok(None)
    }
}

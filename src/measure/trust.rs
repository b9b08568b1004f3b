//! How far 32-bit losses can be trusted to say which of two is larger, measured where it is used.
//!
//! The rounding error of a mean loss depends on the network, on the data and on how far training has
//! come: the smaller the loss, the fewer samples make it up, and the larger the logits that tell them
//! apart. So a line is compared with itself in 64 bits at three of its points, on a few units, before the
//! first verdict, and again whenever the loss has changed by half since. Where a line is measured again in
//! 64 bits, all of its points are compared, and an error larger than any before is learnt from.

use serde::{Deserialize, Serialize};

use crate::precision::Precision;

/// How many times the largest measured error is trusted: a few points show a part of the errors that
/// all points of many lines have. `docs/design/loss-is-one-function.md` has the counts behind it.
const SAFETY: f64 = 10.0;
/// No 32-bit loss is trusted beyond the last digit of its format, however lucky the comparison.
const LAST_DIGIT: f64 = f32::EPSILON as f64;
/// What 32-bit losses are trusted to where nothing can be measured.
const UNMEASURED: f64 = 2e-5;
/// What 64-bit losses are trusted to: their sums lose about 1e-14.
const DOUBLE: f64 = 2e-13;
/// Errors are measured anew at a loss that is so many times below, or above, where they have been.
const NEW_GROUND: f64 = 1.5;

/// The error of one line in 32 bits, by comparison with 64.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LineError {
    /// The number of the line.
    pub step: u64,
    /// The largest loss on it.
    pub loss: f64,
    /// The largest error of a loss or of a difference of two, as a share of the largest loss.
    pub error: f64,
}

/// The errors that were measured along a path, and what follows from them.
///
/// What is trusted on a line follows from the errors measured up to it alone, whatever else is known:
/// a line that is measured again after an interruption has the same verdict.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trust {
    measured: Vec<LineError>,
}

impl Trust {
    /// Goes on with what was measured before.
    pub fn new(measured: Vec<LineError>) -> Self {
        Self { measured }
    }

    /// The share of the largest loss on line `step` up to which its losses, and the differences of any
    /// two, are trusted.
    pub fn error(&self, step: u64, precision: Precision) -> f64 {
        match precision {
            Precision::F64 => DOUBLE,
            Precision::F32 => self
                .until(step)
                .map(|measured| (SAFETY * measured.error).max(LAST_DIGIT))
                .reduce(f64::max)
                .unwrap_or(UNMEASURED),
        }
    }

    /// True if line `step`, with `loss` the largest on it, is where no error is known yet.
    pub(super) fn is_due(&self, step: u64, loss: f64) -> bool {
        let known = |pick: fn(f64, f64) -> f64| self.until(step).map(|at| at.loss).reduce(pick);
        let range = known(f64::min).zip(known(f64::max));
        let is_known = range.is_some_and(|(lowest, highest)| {
            (lowest / NEW_GROUND..=highest * NEW_GROUND).contains(&loss)
        });
        loss.is_finite() && !is_known && self.until(step).all(|measured| measured.step < step)
    }

    /// Learns from the losses of line `step` at some points in both precisions, with `loss` the
    /// largest on it.
    pub(super) fn learn(&mut self, step: u64, loss: f64, single: &[f64], double: &[f64]) {
        let errors: Vec<f64> = single.iter().zip(double).map(|(a, b)| a - b).collect();
        // The spread of the errors and of zero is the largest of a loss and of a difference at once.
        let extreme = |pick: fn(f64, f64) -> f64| errors.iter().copied().fold(0.0, pick);
        let error = (extreme(f64::max) - extreme(f64::min)) / loss;
        let is_finite = errors.iter().chain([&error, &loss]).all(|value| value.is_finite());
        let is_largest = self.until(step).all(|known| known.error < error);
        if is_finite && (is_largest || self.is_due(step, loss)) {
            self.measured.retain(|known| known.step != step);
            self.measured.push(LineError { step, loss, error });
        }
    }

    /// What was learnt from line `step`, if anything.
    pub fn learnt(&self, step: u64) -> Option<LineError> {
        self.measured.iter().find(|measured| measured.step == step).copied()
    }

    fn until(&self, step: u64) -> impl Iterator<Item = &LineError> {
        self.measured.iter().filter(move |measured| measured.step <= step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust(measured: &[(u64, f64, f64)]) -> Trust {
        let entries = measured.iter().map(|&(step, loss, error)| LineError { step, loss, error });
        Trust::new(entries.collect())
    }

    #[test]
    fn errors_are_due_on_new_ground_alone() {
        let none = Trust::default();
        assert!(none.is_due(0, 2.0));
        assert_eq!(none.error(0, Precision::F32), UNMEASURED);
        let known = trust(&[(0, 2.0, 1e-8), (30, 0.5, 1e-7)]);
        let due = |step| [3.1, 3.0, 1.4, 0.34, 0.33].map(|loss| known.is_due(step, loss));
        assert_eq!(due(40), [true, false, false, false, true]);
        assert_eq!(due(20), [true, false, false, true, true], "before step 30 was measured");
        assert_eq!(due(30), [false; 5], "at step 30 it is");
    }

    #[test]
    fn what_is_trusted_depends_on_the_lines_before_alone() {
        let known = trust(&[(0, 2.0, 1e-9), (30, 0.5, 1e-7)]);
        let errors = [0, 29, 30, 31].map(|step| known.error(step, Precision::F32));
        assert_eq!(errors, [LAST_DIGIT, LAST_DIGIT, SAFETY * 1e-7, SAFETY * 1e-7]);
        assert_eq!(known.error(31, Precision::F64), DOUBLE);
    }

    #[test]
    fn the_error_of_a_line_is_that_of_its_worst_loss_or_difference() {
        let error = |single: [f64; 3]| {
            let mut trust = Trust::default();
            trust.learn(3, 2.0, &single, &[1.0, 1.0, 2.0]);
            trust.learnt(3).map(|found| found.error)
        };
        assert_eq!(error([1.25, 1.0, 2.5]), Some(0.25), "one loss");
        assert_eq!(error([0.75, 1.0, 2.5]), Some(0.375), "a difference");
        assert_eq!(error([1.0, f64::NAN, 2.0]), None);
        assert_eq!(error([1.0, f64::INFINITY, 2.0]), None);
    }

    #[test]
    fn a_line_leaves_one_entry_and_only_if_it_tells_something() {
        let mut trust = Trust::default();
        for (step, loss) in [(0, 1.25), (7, 1.125), (8, 1.5), (8, 1.75)] {
            trust.learn(step, 1.0, &[loss], &[1.0]);
        }
        let entries: Vec<_> =
            trust.measured.iter().map(|known| (known.step, known.error)).collect();
        assert_eq!(entries, [(0, 0.25), (8, 0.75)]);
    }
}

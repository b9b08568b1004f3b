//! What everything costs, in forward passes over one sample: the one model behind the plan, the
//! progress and the time left.
//!
//! It is a forecast. Where the data decide how long something takes, it says what is typical; the
//! time left is by the pace so far, so that it makes good what the forecast misses everywhere alike.

use super::Plan;
use crate::experiment::LineSchedule;
use crate::objective::Objective;

/// A gradient: a pass forward, and one backward that costs two.
const GRADIENT: u64 = 3;
/// A gradient, and the curvature of the same batch along it.
const ALONG_GRADIENT: u64 = 5;
/// A direction to first order, and what the directions of one call share: the pass forward.
const SLOPE: (u64, u64) = (2, 1);
/// A direction to second order, and what the directions of one call share: a pass forward and one
/// backward to the activations.
const DIRECTION: (u64, u64) = (3, 2);
/// A product H v.
const PRODUCT: u64 = 6;

/// A certified line typically takes one in so many of the losses that an exact one takes.
const CERTIFIED_SHARE: usize = 30;

/// Entries of all directions that are held at once, which bounds their memory to 512 MiB.
const DIRECTION_ENTRIES: usize = 1 << 26;
/// The most directions at once: more would share little that these do not.
const MOST_DIRECTIONS: usize = 10;

/// The size of a problem.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// N.
    pub(super) samples: usize,
    /// N of the test split.
    pub(super) test_samples: usize,
    /// Length of theta.
    pub(super) dimension: usize,
}

impl Extent {
    /// Of a walk that is planned.
    pub(super) fn new(objective: &impl Objective, plan: &Plan) -> Self {
        let (test_samples, dimension) = (objective.test_samples(), objective.dimension());
        Self { samples: plan.samples, test_samples, dimension }
    }

    /// Loss and accuracy on both splits.
    pub(super) fn scores(self) -> u64 {
        (self.samples as u64).saturating_add(self.test_samples as u64)
    }

    /// Directions that one call takes along.
    pub(super) fn directions_at_once(self) -> usize {
        (DIRECTION_ENTRIES / self.dimension.max(1)).clamp(1, MOST_DIRECTIONS)
    }

    /// Calls that take so many directions along, where nothing bounds them but memory: the first has
    /// one, to see how long it takes.
    pub(super) fn calls(self, directions: usize) -> usize {
        match directions {
            0 => 0,
            _ => 1 + (directions - 1).div_ceil(self.directions_at_once()),
        }
    }

    /// The measured loss along directions, to first order, in so many calls.
    pub(super) fn slopes(self, directions: usize, calls: usize) -> u64 {
        self.along(SLOPE, directions, calls)
    }

    /// The measured loss along directions, to second order, in so many calls.
    pub(super) fn directional(self, directions: usize, calls: usize) -> u64 {
        self.along(DIRECTION, directions, calls)
    }

    fn along(self, (each, shared): (u64, u64), directions: usize, calls: usize) -> u64 {
        let factor = product(each, directions).saturating_add(product(shared, calls));
        product(factor, self.samples)
    }

    /// Products with the Hessian of the measured loss.
    pub(super) fn products(self, count: usize) -> u64 {
        product(product(PRODUCT, self.samples), count)
    }

    /// The loss along one update; without `shared_start` also at its start, which is the end of no
    /// line before.
    ///
    /// Beyond the update, the loss is typically back at its start before alpha = 2. A line that is
    /// measured again in 64 bits is not foreseen.
    pub(super) fn line(self, schedule: &LineSchedule, shared_start: bool) -> u64 {
        let LineSchedule { points, reach, second_order, rule, .. } = *schedule;
        let curvature = if second_order { self.directional(1, 1) } else { 0 };
        if rule.is_some() {
            return product(points as u64, self.samples / CERTIFIED_SHARE)
                .saturating_add(curvature);
        }
        let beyond = reach.map_or(0, |limit| {
            let most = ((limit - 1.0) * points as f64) as usize;
            most.min(points).saturating_add(points - 1)
        });
        let evaluations = points.saturating_add(beyond).saturating_add((!shared_start).into());
        product(evaluations as u64, self.samples).saturating_add(curvature)
    }
}

/// The gradient of a batch.
pub(super) fn gradient(samples: usize) -> u64 {
    product(GRADIENT, samples)
}

/// The gradient of a batch, and the curvature of the batch's own loss along it.
pub(super) fn along_gradient(samples: usize) -> u64 {
    product(ALONG_GRADIENT, samples)
}

/// So many times as much. Numbers too large for any walk to end stay as large as they can be.
pub(super) fn product(work: u64, count: usize) -> u64 {
    work.saturating_mul(count as u64)
}

//! `kind = "line"`.

use serde::Serialize;

use super::{Epochs, Iterations};
use crate::experiment::Train;
use crate::experiment::reader::Section;
use crate::measure::Mode;

/// When the loss along an update is measured, and at how many points.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LineSchedule {
    /// The epochs.
    pub epochs: Epochs,
    /// The iterations of each.
    pub iterations: Iterations,
    /// K: alpha = k/K.
    pub points: usize,
    /// How the losses are obtained.
    pub mode: Mode,
    /// Go on along the update, up to this alpha, until the loss is back at its start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reach: Option<f64>,
    /// Measure the loss's slope and curvature along the update at its start, which predict its end.
    pub second_order: bool,
}

impl Default for LineSchedule {
    /// Every update, at ten points.
    fn default() -> Self {
        Self {
            epochs: Epochs::All,
            iterations: Iterations::All,
            points: 10,
            mode: Mode::Exact,
            reach: None,
            second_order: false,
        }
    }
}

impl LineSchedule {
    /// True if the step at this epoch (from 1) and iteration (from 0) is measured.
    pub fn contains(&self, epoch: u64, iteration: u64) -> bool {
        self.epochs.contains(epoch) && self.iterations.contains(iteration)
    }

    pub(super) fn read(section: &mut Section, train: &Train) -> Self {
        let mut schedule = Self::default();
        schedule.epochs.read(section, 1, train);
        section.read("iterations", &mut schedule.iterations);
        section.read_valid(
            "points",
            &mut schedule.points,
            |&points| points >= 2,
            "must be at least 2: a barrier needs a point between the ends",
        );
        section.read("mode", &mut schedule.mode);
        section.read_valid(
            "reach",
            &mut schedule.reach,
            |reach| reach.is_none_or(|reach| 1.0 < reach && reach <= 1000.0),
            "must be above 1 (where the update ends) and at most 1000",
        );
        section.read("second_order", &mut schedule.second_order);
        schedule
    }
}

//! `kind = "line"`.

use serde::Serialize;

use super::{Epochs, Iterations};
use crate::experiment::Train;
use crate::experiment::reader::Section;
use crate::measure::Mode;
use crate::measure::certified::Rule;

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
    /// How sure the decisions are, in certified mode.
    #[serde(flatten)]
    pub rule: Option<Rule>,
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
            rule: None,
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
        schedule.rule = (schedule.mode == Mode::Certified).then(|| read_rule(section));
        section.read_valid(
            "reach",
            &mut schedule.reach,
            |reach| reach.is_none_or(|reach| 1.0 < reach && reach <= 1000.0),
            "must be above 1 (where the update ends) and at most 1000",
        );
        if let (Some(_), Some(reach)) = (schedule.rule, schedule.reach) {
            let remedy = "needs exact losses: leave it out, or choose mode = \"exact\"";
            section.problem("reach", Some(&reach.into()), remedy);
        }
        section.read("second_order", &mut schedule.second_order);
        schedule
    }
}

/// `error` and `assume` of certified mode.
fn read_rule(section: &mut Section) -> Rule {
    let mut rule = Rule::default();
    let can_have = |&error: &f64| Rule::can_have(error);
    section.read_valid("error", &mut rule.error, can_have, Rule::ERROR_REMEDY);
    section.read("assume", &mut rule.assume);
    rule
}

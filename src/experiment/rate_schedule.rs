//! How the learning rate changes from step to step: `[train.schedule]`.
//!
//! Every kind is that of PyTorch's scheduler which its documentation names, stepped after every
//! update; a warm-up before it is `SequentialLR` with `LinearLR` first, so that the kind counts its
//! steps from the end of the warm-up.

use std::f64::consts::PI;

use serde::Serialize;
use serde_json::json;
use toml::Value;

use super::reader::Section;
use crate::choice::choice;

choice! {
    /// The names of `train.schedule.kind`.
    RateCourseName {
        /// [`RateCourse::Constant`].
        Constant = "constant",
        /// [`RateCourse::Step`].
        Step = "step",
        /// [`RateCourse::Milestones`].
        Milestones = "milestones",
        /// [`RateCourse::Cosine`].
        Cosine = "cosine",
    }
}

/// `[train.schedule]`: from `train.learning_rate` eta to the rate of step t.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RateSchedule {
    /// The rate after the warm-up.
    #[serde(flatten)]
    pub course: RateCourse,
    /// Steps W over which the rate rises to eta: eta (f + (1 - f) t / W); 0 is no warm-up.
    pub warmup_steps: u64,
    /// f, where it rises from, as a share of eta.
    pub warmup_factor: f64,
}

/// The rate at the step that is t steps after the warm-up.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum RateCourse {
    /// eta.
    Constant,
    /// eta times `factor` to the power of t / `every`, rounded down: `StepLR`.
    Step {
        /// Steps between falls.
        every: u64,
        /// What a fall leaves of the rate.
        factor: f64,
    },
    /// eta times `factor` for every milestone that is not above t: `MultiStepLR`.
    Milestones {
        /// Steps before each fall, ascending.
        milestones: Vec<u64>,
        /// What a fall leaves of the rate.
        factor: f64,
    },
    /// m + (eta - m) (1 + cos(pi t / T)) / 2, where T is the number of steps from the warm-up to the
    /// end of training: `CosineAnnealingLR`.
    Cosine {
        /// m.
        minimum_rate: f64,
    },
}

/// What a fall leaves of the rate: PyTorch's default.
const DEFAULT_FACTOR: f64 = 0.1;
/// Where a warm-up begins: PyTorch's default.
const DEFAULT_WARMUP_FACTOR: f64 = 1.0 / 3.0;

impl Default for RateSchedule {
    /// The same rate at every step.
    fn default() -> Self {
        Self { course: RateCourse::Constant, warmup_steps: 0, warmup_factor: DEFAULT_WARMUP_FACTOR }
    }
}

impl RateSchedule {
    /// The learning rate of step `step` of `total`, counted from 0; behind the last step, its rate.
    ///
    /// ```
    /// use losswalk::experiment::{RateCourse, RateSchedule};
    ///
    /// let course = RateCourse::Cosine { minimum_rate: 0.0 };
    /// let schedule = RateSchedule { course, warmup_steps: 10, warmup_factor: 0.5 };
    /// let rates = [0, 5, 10, 20].map(|step| schedule.rate(0.1, step, 30));
    /// assert!(rates.iter().zip([0.05, 0.075, 0.1, 0.05]).all(|(a, b)| (a - b).abs() < 1e-15));
    /// ```
    pub fn rate(&self, learning_rate: f64, step: u64, total: u64) -> f64 {
        let step = step.min(total.saturating_sub(1));
        match step.checked_sub(self.warmup_steps) {
            None => {
                let done = step as f64 / self.warmup_steps as f64;
                learning_rate * (self.warmup_factor + (1.0 - self.warmup_factor) * done)
            }
            Some(after) => self.course.rate(learning_rate, after, total - self.warmup_steps),
        }
    }
}

impl RateCourse {
    fn rate(&self, learning_rate: f64, step: u64, total: u64) -> f64 {
        let fallen = |factor: f64, times: u64| learning_rate * factor.powf(times as f64);
        match self {
            Self::Constant => learning_rate,
            Self::Step { every, factor } => fallen(*factor, step / every.max(&1)),
            Self::Milestones { milestones, factor } => {
                fallen(*factor, milestones.partition_point(|&milestone| milestone <= step) as u64)
            }
            Self::Cosine { minimum_rate } => {
                let fall = (1.0 + (PI * step as f64 / total as f64).cos()) / 2.0;
                minimum_rate + (learning_rate - minimum_rate) * fall
            }
        }
    }
}

/// Reads `schedule` of `[train]`.
pub(super) fn read_schedule(train: &mut Section, learning_rate: f64) -> RateSchedule {
    let mut schedule = RateSchedule::default();
    let table = match train.take("schedule", json!({ "$ref": "#/definitions/schedule" })) {
        Some(Value::Table(table)) => table,
        None => return schedule,
        Some(value) => {
            train.problem("schedule", Some(&value), "must be a section, [train.schedule]");
            return schedule;
        }
    };
    let mut section = train.child("schedule", table);
    let name = section.known_choice("kind").unwrap_or(RateCourseName::Constant);
    schedule.course = read_course(&mut section, name, learning_rate);
    section.read("warmup_steps", &mut schedule.warmup_steps);
    read_factor(&mut section, "warmup_factor", &mut schedule.warmup_factor);
    section.finish();
    schedule
}

fn read_course(section: &mut Section, name: RateCourseName, learning_rate: f64) -> RateCourse {
    match name {
        RateCourseName::Constant => RateCourse::Constant,
        RateCourseName::Step => {
            section.require("every");
            let (mut every, mut factor) = (1, DEFAULT_FACTOR);
            section.read_positive("every", &mut every);
            read_factor(section, "factor", &mut factor);
            RateCourse::Step { every, factor }
        }
        RateCourseName::Milestones => {
            section.require("milestones");
            let (mut milestones, mut factor) = (Vec::new(), DEFAULT_FACTOR);
            let ascending = |steps: &Vec<u64>| steps.is_sorted_by(|a, b| a < b);
            let remedy = "must be a list of steps, ascending, for example [1000, 1500]";
            section.read_valid("milestones", &mut milestones, ascending, remedy);
            read_factor(section, "factor", &mut factor);
            RateCourse::Milestones { milestones, factor }
        }
        RateCourseName::Cosine => {
            let mut minimum_rate = 0.0;
            let below = |minimum: &f64| (0.0..=learning_rate).contains(minimum);
            let remedy = "must be at least 0 and at most train.learning_rate";
            section.read_valid("minimum_rate", &mut minimum_rate, below, remedy);
            RateCourse::Cosine { minimum_rate }
        }
    }
}

fn read_factor(section: &mut Section, key: &'static str, factor: &mut f64) {
    let share = |value: &f64| 0.0 < *value && *value <= 1.0;
    section.read_valid(key, factor, share, "must be above 0 and at most 1");
}

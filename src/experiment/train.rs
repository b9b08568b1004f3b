//! `[train]`: the path.

use serde::Serialize;

use super::optimizer::{OptimizerName, read_optimizer};
use super::rate_schedule::read_schedule;
use super::reader::Section;
use super::{Optimizer, RateSchedule, Sampling, Sgd};
use crate::data::Augment;
use crate::objective::TrainingBatches;
use crate::precision::Precision;

/// Samples that one gradient computation holds at once; larger batches are cut into chunks.
pub const DEFAULT_CHUNK: usize = 5000;

/// `[train]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Train {
    /// How a gradient moves theta.
    #[serde(flatten)]
    pub optimizer: Optimizer,
    /// Which samples a gradient is of.
    pub sampling: Sampling,
    /// eta.
    pub learning_rate: f64,
    /// Samples of a mini-batch; the last one of an epoch may be short.
    pub batch_size: usize,
    /// Passes over the data; steps where every step takes all of it.
    pub epochs: u64,
    /// lambda in g + lambda theta; enters the update, never a recorded quantity.
    pub weight_decay: f64,
    /// Seed of initialisation, batches and evaluation order.
    pub seed: u64,
    /// Larger batches are cut into chunks of so many samples; batch norm sees chunks.
    pub chunk: usize,
    /// The precision of theta and of the gradient.
    pub precision: Precision,
    /// Save theta at both ends of every measured step.
    pub save_iterates: bool,
    /// How the learning rate changes.
    pub schedule: RateSchedule,
}

impl Default for Train {
    /// What an experiment gets that says nothing.
    fn default() -> Self {
        Self::by(Optimizer::Sgd(Sgd::default()))
    }
}

impl Train {
    /// What an experiment gets that says nothing but its optimiser.
    pub fn by(optimizer: Optimizer) -> Self {
        Self {
            optimizer,
            sampling: Sampling::Reshuffle,
            learning_rate: optimizer.default_learning_rate(),
            batch_size: 100,
            epochs: 1,
            weight_decay: optimizer.default_weight_decay(),
            seed: 1111,
            chunk: DEFAULT_CHUNK,
            precision: Precision::F32,
            save_iterates: false,
            schedule: RateSchedule::default(),
        }
    }

    /// How its batches are presented.
    pub fn batches(&self, augment: Augment) -> TrainingBatches {
        TrainingBatches { chunk: self.chunk, augment, seed: self.seed }
    }
}

/// Reads `[train]`.
pub(super) fn read_train(mut section: Section) -> Train {
    let mut name = OptimizerName::Sgd;
    section.read("optimizer", &mut name);
    let mut train = Train::by(read_optimizer(&mut section, name));
    read_sampling(&mut section, name, &mut train.sampling);
    let not_negative = |value: &f64| value.is_finite() && *value >= 0.0;
    let positive = |value: &f64| value.is_finite() && *value > 0.0;
    let remedy = "must be a finite number above 0, for example 0.1";
    section.read_valid("learning_rate", &mut train.learning_rate, positive, remedy);
    section.read_positive("batch_size", &mut train.batch_size);
    section.read_positive("epochs", &mut train.epochs);
    section.read_valid("weight_decay", &mut train.weight_decay, not_negative, "must be 0 or more");
    section.read("seed", &mut train.seed);
    section.read_positive("chunk", &mut train.chunk);
    section.read("precision", &mut train.precision);
    section.read("save_iterates", &mut train.save_iterates);
    train.schedule = read_schedule(&mut section, train.learning_rate);
    section.finish();
    train
}

/// `gd` is `sgd` with the full set as every batch.
fn read_sampling(section: &mut Section, name: OptimizerName, sampling: &mut Sampling) {
    let is_gd = name == OptimizerName::Gd;
    if is_gd {
        *sampling = Sampling::Full;
    }
    let remedy = "gd takes the full training set at every step: leave this out, or train by sgd";
    let valid = |&read: &Sampling| !is_gd || read == Sampling::Full;
    section.read_valid("sampling", sampling, valid, remedy);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Adam, ExperimentError, RateCourse, parse};

    fn train(settings: &[&str]) -> Result<Train, ExperimentError> {
        let settings: Vec<_> = settings.iter().map(|setting| format!("train.{setting}")).collect();
        let text = "[data]\nname = 'digits'\n[model]\narch = 'mlp'\n";
        let first = parse(text, "a.toml", "a", &settings)?;
        let written = first.to_toml().unwrap_or_default();
        assert_eq!(parse(&written, "run.toml", "a", &[])?, first, "{written}");
        Ok(first.train)
    }

    #[test]
    fn every_optimizer_and_schedule_reads_back_as_written() -> Result<(), ExperimentError> {
        let gd = train(&["optimizer=gd", "momentum=0.5", "nesterov=true"])?;
        assert_eq!(gd.sampling, Sampling::Full);
        assert_eq!(gd.optimizer, Optimizer::Sgd(Sgd { momentum: 0.5, nesterov: true }));
        let adamw = train(&["optimizer=adamw", "beta1=0.5", "sampling=replacement"])?;
        assert_eq!(adamw.optimizer, Optimizer::AdamW(Adam { beta1: 0.5, ..Adam::default() }));
        assert_eq!((adamw.learning_rate, adamw.weight_decay), (1e-3, 0.01));
        let step = train(&["schedule.kind=step", "schedule.every=3", "schedule.warmup_steps=2"])?;
        let course = RateCourse::Step { every: 3, factor: 0.1 };
        let expected = RateSchedule { course, warmup_steps: 2, ..RateSchedule::default() };
        assert_eq!(step.schedule, expected);
        train(&["schedule={kind='milestones',milestones=[1,9],factor=0.3}"])?;
        train(&["schedule={kind='cosine',minimum_rate=0.05,warmup_factor=0.5}"])?;
        Ok(())
    }

    #[test]
    fn what_an_optimizer_or_a_schedule_does_not_have_is_answered_with_what_it_has() {
        for (settings, expected) in [
            (&["optimizer=adam", "momentum=0.9"][..], "valid here: optimizer, beta1, beta2"),
            (&["beta1=0.9"], "valid here: optimizer, momentum, nesterov, sampling"),
            (&["optimizer=rmsprop"], "must be one of: sgd, gd, adam, adamw"),
            (&["optimizer=gd", "sampling=reshuffle"], "leave this out, or train by sgd"),
            (&["nesterov=true"], "needs a train.momentum above 0"),
            (&["optimizer=adam", "epsilon=0"], "must be above 0"),
            (&["optimizer=adam", "beta2=1"], "must be at least 0 and below 1"),
            (&["sampling=random"], "must be one of: reshuffle, replacement, full"),
            (&["schedule=cosine"], "must be a section, [train.schedule]"),
            (&["schedule={}"], "train.schedule.kind: is missing; one of: constant, step"),
            (&["schedule={kind='step'}"], "train.schedule.every: is missing"),
            (&["schedule={kind='step',every=0}"], "must be at least 1"),
            (&["schedule={kind='milestones',milestones=[5,5]}"], "must be a list of steps"),
            (&["schedule={kind='cosine',factor=0.5}"], "valid here: kind, minimum_rate, warmup"),
            (&["schedule={kind='cosine',minimum_rate=0.2}"], "at most train.learning_rate"),
            (&["schedule={kind='constant',warmup_factor=0}"], "above 0 and at most 1"),
        ] {
            let message = train(settings).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(message.contains("1 mistake ") && message.contains(expected), "{message}");
        }
    }

    #[test]
    fn decoupled_weight_decay_is_no_part_of_a_loss() {
        let text = "[data]\nname = 'digits'\n[model]\narch = 'mlp'\n[train]\noptimizer = 'adamw'\n\
                    [[measure]]\nkind = 'spectrum'\ninclude_weight_decay = true\n";
        let message = parse(text, "a", "a", &[]).err().map(|error| error.to_string());
        assert!(message.is_some_and(|text| text.contains("measure[0].include_weight_decay")));
        assert!(parse(&text.replace("adamw", "adam"), "a", "a", &[]).is_ok());
    }
}

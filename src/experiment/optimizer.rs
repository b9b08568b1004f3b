//! How a gradient moves theta: the settings of every rule, with their defaults and their reader.
//!
//! What a rule does with them is a file in `walk::optimizer`.

use serde::Serialize;

use super::reader::Section;
use crate::choice::choice;

choice! {
    /// The names of `train.optimizer`.
    OptimizerName {
        /// Stochastic gradient descent.
        Sgd = "sgd",
        /// Gradient descent: the rule of `sgd` along the full gradient.
        Gd = "gd",
        /// Adam.
        Adam = "adam",
        /// Adam with decoupled weight decay.
        AdamW = "adamw",
    }
}

/// A rule and its settings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "optimizer", rename_all = "lowercase")]
pub enum Optimizer {
    /// (Stochastic) gradient descent, perhaps with momentum.
    Sgd(Sgd),
    /// Adam; weight decay is a part of the gradient.
    Adam(Adam),
    /// Adam; weight decay shrinks theta beside the step.
    AdamW(Adam),
}

/// Settings of gradient descent.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Sgd {
    /// mu in v <- mu v + g; enters the update, never a recorded quantity.
    pub momentum: f64,
    /// Steps along g + mu v in place of v.
    pub nesterov: bool,
}

/// Settings of Adam.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Adam {
    /// Share of the running mean of gradients that a step keeps.
    pub beta1: f64,
    /// Share of the running mean of squared gradients that a step keeps.
    pub beta2: f64,
    /// Added to the root of the mean square.
    pub epsilon: f64,
}

impl Default for Adam {
    /// Those of Kingma & Ba (2015, arXiv 1412.6980) and of PyTorch.
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

impl Optimizer {
    /// The learning rate unless an experiment says another: the paper's for gradient descent,
    /// PyTorch's for the others.
    pub fn default_learning_rate(&self) -> f64 {
        match self {
            Self::Sgd(_) => 0.1,
            Self::Adam(_) | Self::AdamW(_) => 1e-3,
        }
    }

    /// The weight decay unless an experiment says another, as in PyTorch.
    pub fn default_weight_decay(&self) -> f64 {
        match self {
            Self::Sgd(_) | Self::Adam(_) => 0.0,
            Self::AdamW(_) => 0.01,
        }
    }
}

/// Reads the settings of the rule of this name.
pub(super) fn read_optimizer(section: &mut Section, name: OptimizerName) -> Optimizer {
    match name {
        OptimizerName::Sgd | OptimizerName::Gd => Optimizer::Sgd(read_sgd(section)),
        OptimizerName::Adam => Optimizer::Adam(read_adam(section)),
        OptimizerName::AdamW => Optimizer::AdamW(read_adam(section)),
    }
}

fn read_sgd(section: &mut Section) -> Sgd {
    let mut sgd = Sgd::default();
    read_share(section, "momentum", &mut sgd.momentum);
    let has_momentum = sgd.momentum != 0.0;
    let remedy = "needs a train.momentum above 0";
    section.read_valid("nesterov", &mut sgd.nesterov, |&is_on| has_momentum || !is_on, remedy);
    sgd
}

fn read_adam(section: &mut Section) -> Adam {
    let mut adam = Adam::default();
    read_share(section, "beta1", &mut adam.beta1);
    read_share(section, "beta2", &mut adam.beta2);
    let positive = |value: &f64| value.is_finite() && *value > 0.0;
    section.read_valid("epsilon", &mut adam.epsilon, positive, "must be above 0, such as 1e-8");
    adam
}

/// How much of what was is kept.
fn read_share(section: &mut Section, key: &'static str, share: &mut f64) {
    let fraction = |value: &f64| (0.0..1.0).contains(value);
    section.read_valid(key, share, fraction, "must be at least 0 and below 1");
}

//! Where the walk stands, and how it takes a step.

use std::collections::BTreeMap;

use super::WalkError;
use crate::experiment::Train;
use crate::objective::{Objective, Point};
use crate::parameters::Tensors;
use crate::precision::Precision;
use crate::run::Checkpoint;

/// All that the next step depends on besides the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Steps taken.
    pub step: u64,
    /// theta_t with its buffers.
    pub point: Point,
    /// Momentum buffer; empty before the first step.
    pub velocity: Vec<f64>,
    /// g_{t-1}; empty before the first step.
    pub previous_gradient: Vec<f64>,
    /// theta_{t-1}; empty before the first step.
    pub previous_theta: Vec<f64>,
    /// sum of the update norms; the walk adds them up.
    pub path_length: f64,
}

impl State {
    /// The start of a walk, in the precision of training.
    pub fn start(mut point: Point, precision: Precision) -> Self {
        round(&mut point.theta, precision);
        round(&mut point.buffers, precision);
        Self {
            step: 0,
            point,
            velocity: Vec::new(),
            previous_gradient: Vec::new(),
            previous_theta: Vec::new(),
            path_length: 0.0,
        }
    }

    /// The update that led here, theta_t - theta_{t-1}; none at the start, and after a resume from a
    /// checkpoint of a version that did not keep theta_{t-1}.
    pub fn update(&self) -> Option<Vec<f64>> {
        let pairs = self.point.theta.iter().zip(&self.previous_theta);
        (!self.previous_theta.is_empty()).then(|| pairs.map(|(to, from)| to - from).collect())
    }

    /// theta_{t+1} from g_t, with weight decay and momentum as in PyTorch's SGD:
    /// v <- mu v + g + lambda theta, theta <- theta - eta v.
    pub fn advance(
        &mut self,
        mut gradient: Vec<f64>,
        mut buffers: Vec<f64>,
        train: &Train,
    ) -> Point {
        let Train { learning_rate, weight_decay, momentum, precision, .. } = *train;
        round(&mut gradient, precision);
        round(&mut buffers, precision);
        let mut theta = self.point.theta.clone();
        if momentum == 0.0 {
            for (theta, gradient) in theta.iter_mut().zip(&gradient) {
                *theta -= learning_rate * (gradient + weight_decay * *theta);
            }
        } else {
            self.velocity.resize(gradient.len(), 0.0);
            for ((v, theta), gradient) in self.velocity.iter_mut().zip(&theta).zip(&gradient) {
                *v = momentum * *v + gradient + weight_decay * theta;
            }
            round(&mut self.velocity, precision);
            theta.iter_mut().zip(&self.velocity).for_each(|(theta, v)| *theta -= learning_rate * v);
        }
        round(&mut theta, precision);
        self.previous_gradient = gradient;
        self.step += 1;
        let from = std::mem::replace(&mut self.point, Point { theta, buffers });
        self.previous_theta.clone_from(&from.theta);
        from
    }

    /// The state as files.
    pub fn to_checkpoint(&self, objective: &impl Objective, precision: Precision) -> Checkpoint {
        let single = precision == Precision::F32;
        let arrays = [
            ("velocity", &self.velocity),
            ("previous_gradient", &self.previous_gradient),
            ("previous_theta", &self.previous_theta),
        ];
        let arrays = arrays.into_iter().filter(|(_, values)| !values.is_empty());
        let entries: BTreeMap<_, _> = arrays
            .map(|(name, values)| (name.to_owned(), (vec![values.len()], values.clone())))
            .collect();
        Checkpoint {
            step: self.step,
            path_length: self.path_length,
            parameters: objective.export(&self.point, single),
            optimizer: Tensors { entries, single },
        }
    }

    /// The state from files.
    pub fn from_checkpoint(
        checkpoint: Checkpoint,
        objective: &impl Objective,
    ) -> Result<Self, WalkError> {
        let mut arrays = checkpoint.optimizer.entries;
        let mut array = |name| arrays.remove(name).map(|(_, values)| values).unwrap_or_default();
        Ok(Self {
            step: checkpoint.step,
            point: objective.import(&checkpoint.parameters)?,
            velocity: array("velocity"),
            previous_gradient: array("previous_gradient"),
            previous_theta: array("previous_theta"),
            path_length: checkpoint.path_length,
        })
    }
}

/// Makes every entry a number of the given precision.
fn round(values: &mut [f64], precision: Precision) {
    if precision == Precision::F32 {
        values.iter_mut().for_each(|value| *value = f64::from(*value as f32));
    }
}

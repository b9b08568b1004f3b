//! Where the walk stands, and how it takes a step.

use std::collections::BTreeMap;

use super::WalkError;
use super::optimizer::{Carried, move_theta};
use crate::experiment::Train;
use crate::linalg::{Element, Vector, difference};
use crate::network::StateDictError;
use crate::objective::{Objective, Point};
use crate::parameters::Tensors;
use crate::precision::Precision;
use crate::run::Checkpoint;

/// The name of g_{t-1} in a checkpoint, beside what the optimiser carries along.
const PREVIOUS_GRADIENT: &str = "previous_gradient";
/// The name of theta_{t-1}.
const PREVIOUS_THETA: &str = "previous_theta";

/// All that the next step depends on besides the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Steps taken.
    pub step: u64,
    /// theta_t with its buffers.
    pub point: Point,
    /// What the optimiser carries along; empty before the first step.
    pub carried: Carried,
    /// g_{t-1}; empty before the first step.
    pub previous_gradient: Vector,
    /// theta_{t-1}, empty before the first step, with its buffers if this state has come from it.
    pub previous: Point,
    /// sum of the update norms; the walk adds them up.
    pub path_length: f64,
}

impl State {
    /// The start of a walk, in the precision of training.
    pub fn start(mut point: Point, precision: Precision) -> Self {
        point.theta = point.theta.rounded(precision);
        precision.round(&mut point.buffers);
        Self {
            step: 0,
            point,
            carried: Carried::default(),
            previous_gradient: Vector::default(),
            previous: Point::default(),
            path_length: 0.0,
        }
    }

    /// The update that led here, theta_t - theta_{t-1}; none at the start, and after a resume from a
    /// checkpoint of a version that did not keep theta_{t-1}.
    pub fn update(&self) -> Option<Vec<f64>> {
        let from = &self.previous.theta;
        (!from.is_empty()).then(|| difference(&self.point.theta, from))
    }

    /// Goes on to theta_{t+1} from g_t, by the optimiser that `train` names and at this learning rate.
    /// Returns g_{t-1}, which has served.
    pub fn advance(
        &mut self,
        gradient: Vector,
        mut buffers: Vec<f64>,
        train: &Train,
        learning_rate: f64,
    ) -> Vector {
        train.precision.round(&mut buffers);
        self.step += 1;
        // theta_{t-1} has served, and leaves its memory to theta_{t+1}.
        std::mem::swap(&mut self.point, &mut self.previous);
        self.point.buffers = buffers;
        match train.precision {
            Precision::F32 => self.advance_in::<f32>(gradient, train, learning_rate),
            Precision::F64 => self.advance_in::<f64>(gradient, train, learning_rate),
        }
    }

    /// From the previous theta to this one.
    fn advance_in<T: Element>(
        &mut self,
        gradient: Vector,
        train: &Train,
        learning_rate: f64,
    ) -> Vector {
        let Self { point, previous, .. } = self;
        let [mut theta, from, gradient]: [Vec<T>; 3] =
            [std::mem::take(&mut point.theta), std::mem::take(&mut previous.theta), gradient]
                .map(Vector::into_entries);
        theta.resize(from.len(), T::default());
        let step = (self.step, learning_rate);
        move_theta(&mut theta, [&gradient, &from], train, step, &mut self.carried);
        (point.theta, previous.theta) = (theta.into(), from.into());
        std::mem::replace(&mut self.previous_gradient, gradient.into())
    }

    /// The state as files.
    pub fn to_checkpoint(&self, objective: &impl Objective, precision: Precision) -> Checkpoint {
        let single = precision == Precision::F32;
        let previous =
            [(PREVIOUS_GRADIENT, &self.previous_gradient), (PREVIOUS_THETA, &self.previous.theta)];
        let previous = previous.into_iter().filter(|(_, values)| !values.is_empty());
        let carried = self.carried.vectors().iter().map(|(name, values)| (name.as_str(), values));
        let entries: BTreeMap<_, _> = carried
            .chain(previous)
            .map(|(name, values)| (name.to_owned(), (vec![values.len()], values.to_f64())))
            .collect();
        Checkpoint {
            step: self.step,
            path_length: self.path_length,
            parameters: objective.export(&self.point, single),
            optimizer: Tensors { entries, single },
        }
    }

    /// The state from files; an error if a vector in them is not as long as theta.
    pub fn from_checkpoint(
        checkpoint: Checkpoint,
        objective: &impl Objective,
    ) -> Result<Self, WalkError> {
        let point = objective.import(&checkpoint.parameters)?;
        let length = point.theta.len();
        let arrays = checkpoint.optimizer.entries.into_iter();
        let mut arrays: BTreeMap<_, _> =
            arrays.map(|(name, (_, values))| (name, Vector::from(values))).collect();
        let other = arrays.iter().filter(|(_, values)| values.len() != length);
        let problem = |(name, _)| format!("  `{name}` of the optimiser must have {length} entries");
        let problems: Vec<_> = other.map(problem).collect();
        if !problems.is_empty() {
            return Err(StateDictError::new(problems).into());
        }
        let mut previous = |name| arrays.remove(name).unwrap_or_default();
        Ok(Self {
            step: checkpoint.step,
            point,
            previous_gradient: previous(PREVIOUS_GRADIENT),
            previous: Point { theta: previous(PREVIOUS_THETA), buffers: Vec::new() },
            carried: Carried::new(arrays),
            path_length: checkpoint.path_length,
        })
    }
}

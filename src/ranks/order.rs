//! What the leading rank asks of the others.

use serde::{Deserialize, Serialize};

use crate::data::PixelNormalisation;
use crate::objective::{BatchNormPolicy, Crew, Images, Loss, ObjectiveError, Point};
use crate::precision::Precision;

/// A call that all ranks make, or a change that all make. Points and directions follow as numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Order {
    /// Loads the data and builds the network of an experiment, given as the text of `run.toml`.
    Prepare {
        /// The text.
        experiment: String,
    },
    /// Normalises images otherwise.
    Normalise(PixelNormalisation),
    /// Takes statistics of batch norm from elsewhere.
    Policy(BatchNormPolicy),
    /// Opens a line; its start and its end follow.
    Open {
        /// What later orders call it.
        id: u64,
        /// `Line::number`.
        number: u64,
        /// Its points.
        alphas: Vec<f64>,
        /// The precision of its losses.
        precision: Precision,
    },
    /// Losses of units on an open line.
    UnitLosses {
        /// The line.
        id: u64,
        /// The units.
        units: Vec<usize>,
        /// The points.
        points: Vec<usize>,
    },
    /// Closes a line.
    Close {
        /// The line.
        id: u64,
    },
    /// `Objective::gradient` at the point that follows.
    Gradient(Of),
    /// `Objective::along_gradient` at the point that follows.
    AlongGradient(Of),
    /// `Objective::directional` at the point that follows, along so many directions that follow it.
    Directional(Of, usize),
    /// `Objective::slopes`, likewise.
    Slopes(Of, usize),
    /// `Objective::second_order` on the line whose start and end follow.
    SecondOrder {
        /// `Line::number`.
        number: u64,
        /// The precision.
        precision: Precision,
    },
    /// `Objective::hessian_product` at the point, with the direction, that follow.
    HessianProduct(Precision),
    /// `Objective::scores` at the point that follows.
    Scores(Precision),
    /// The job is done.
    Stop,
}

/// Which loss, in which precision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Of {
    /// Samples of a mini-batch, and how their images are presented; none for the measured loss.
    batch: Option<(Vec<u32>, Images)>,
    /// The precision.
    pub precision: Precision,
}

impl Of {
    /// A loss in some precision.
    pub fn new(of: Loss, precision: Precision) -> Self {
        let batch = match of {
            Loss::Measured => None,
            Loss::Batch { samples, images } => Some((samples.to_vec(), images)),
        };
        Self { batch, precision }
    }

    /// The loss.
    pub fn loss(&self) -> Loss<'_> {
        match &self.batch {
            None => Loss::Measured,
            Some((samples, images)) => Loss::Batch { samples, images: *images },
        }
    }
}

impl Order {
    /// Sends the order to the other ranks, and the numbers that follow it.
    pub fn tell(&self, crew: &Crew, numbers: &[&[f64]]) -> Result<(), ObjectiveError> {
        let text = serde_json::to_vec(self).map_err(|error| unreadable(&error))?;
        crew.ranks().tell(&text);
        for vector in numbers {
            crew.ranks().broadcast(vector.to_vec());
        }
        Ok(())
    }

    /// Waits for an order of the leading rank.
    pub fn hear(crew: &Crew) -> Result<Self, ObjectiveError> {
        serde_json::from_slice(&crew.ranks().hear()).map_err(|error| unreadable(&error))
    }
}

/// Numbers that follow an order.
pub(super) fn numbers(crew: &Crew) -> Vec<f64> {
    crew.ranks().broadcast(Vec::new())
}

/// A point that follows an order.
pub(super) fn point(crew: &Crew) -> Point {
    Point { theta: numbers(crew).into(), buffers: numbers(crew) }
}

fn unreadable(error: &serde_json::Error) -> ObjectiveError {
    ObjectiveError::OnRank(format!("an order between ranks: {error}; report this"))
}

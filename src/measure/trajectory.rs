//! What a walk and a path of files have in common: how theta moves, and the losses along it.

use serde::Serialize;

use super::{Trust, cosine};
use crate::linalg::{difference_into, difference_norm, norm};
use crate::precision::Precision;

/// How one update theta_t -> theta_{t+1} moves theta, under the names of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Movement {
    /// ‖d_t‖ of the displacement d_t = theta_{t+1} - theta_t.
    pub update_norm: f64,
    /// d_{t-1}·d_t / (‖d_{t-1}‖ ‖d_t‖); none at t = 0 and when either displacement is zero.
    ///
    /// For plain SGD this is the cosine of consecutive gradients (equation 5 of the paper); momentum,
    /// weight decay, another optimizer or steps left out make it differ.
    pub update_cosine: Option<f64>,
    /// ‖theta_{t+1} - theta_0‖.
    pub distance: f64,
    /// sum over s <= t of ‖d_s‖.
    pub path_length: f64,
}

/// The loss where a line ended, which is where the next begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct End {
    /// The number of the line that begins there.
    pub step: u64,
    /// The loss.
    pub loss: f64,
    /// The precision in which it was measured.
    pub precision: Precision,
}

/// A path so far. It holds theta_0 and two displacements, however long the path.
#[derive(Debug, Clone, Default)]
pub struct Trajectory {
    /// theta_0.
    pub start: Vec<f64>,
    /// d_{t-1}; empty before the first update.
    pub displacement: Vec<f64>,
    /// d_{t-2}, whose memory the next displacement takes.
    served: Vec<f64>,
    /// sum over s < t of ‖d_s‖.
    pub path_length: f64,
    /// Where the newest line ended.
    pub end: Option<End>,
    /// How far losses are trusted.
    pub trust: Trust,
}

impl Trajectory {
    /// A path that begins at theta_0.
    pub fn new(start: Vec<f64>) -> Self {
        Self { start, ..Self::default() }
    }

    /// Goes on by one update.
    pub fn advance(&mut self, from: &[f64], to: &[f64]) -> Movement {
        let Self { displacement, served: before, .. } = self;
        std::mem::swap(displacement, before);
        difference_into(to, from, displacement);
        let update_norm = norm(displacement);
        self.path_length += update_norm;
        Movement {
            update_norm,
            update_cosine: (!before.is_empty()).then(|| cosine(before, displacement)).flatten(),
            distance: difference_norm(to, &self.start),
            path_length: self.path_length,
        }
    }
}

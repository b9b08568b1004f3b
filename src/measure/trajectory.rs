//! What a walk and a path of files have in common: how theta moves, and the losses along it.

use serde::Serialize;

use super::{Trust, cosine_of};
use crate::linalg::{Numbers, Vector, by_blocks, difference, dot, products};
use crate::precision::{Number, Precision};

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
    /// ‖theta_{t+1}‖.
    pub param_norm: f64,
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

/// A path so far. It holds theta_0 and a displacement, however long the path.
#[derive(Debug, Clone, Default)]
pub struct Trajectory {
    /// theta_0.
    pub start: Vector,
    /// d_{t-1}; empty before the first update.
    pub displacement: Vec<f64>,
    /// sum over s < t of ‖d_s‖.
    pub path_length: f64,
    /// Where the newest line ended.
    pub end: Option<End>,
    /// How far losses are trusted.
    pub trust: Trust,
}

impl Trajectory {
    /// A path that begins at theta_0.
    pub fn new(start: Vector) -> Self {
        Self { start, ..Self::default() }
    }

    /// Goes on by one update.
    ///
    /// Cost: one pass over the vectors, on all threads.
    pub fn advance(&mut self, from: &Vector, to: &Vector) -> Movement {
        // Beside a displacement of zero no cosine is known.
        self.displacement.resize(to.len(), 0.0);
        let displacement = self.displacement.as_mut_slice();
        let [before, both, now, away, param] = match Vector::alike([from, to, &self.start]) {
            Numbers::Single(vectors) => displace(displacement, vectors),
            Numbers::Double(vectors) => displace(displacement, vectors),
        };
        let update_norm = now.sqrt();
        self.path_length += update_norm;
        Movement {
            update_norm,
            update_cosine: cosine_of([before, both, now]),
            distance: away.sqrt(),
            path_length: self.path_length,
            param_norm: param.sqrt(),
        }
    }
}

/// Makes a displacement the next one, to - from. Of d_{t-1}, d_t, to - start and to: the squares of all, and
/// second the product of the first two.
fn displace<T: Number>(displacement: &mut [f64], vectors: [&[T]; 3]) -> [f64; 5] {
    by_blocks([displacement], vectors, |[displacement], [from, to, start]| {
        let (now, away) = (difference(to, from), difference(to, start));
        let [before, both, own] = products(displacement, &now);
        displacement.copy_from_slice(&now);
        [before, both, own, dot(&away, &away), dot(to, to)]
    })
}

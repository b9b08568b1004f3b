//! Places and lines in the space of parameters.

use crate::linalg::Vector;

/// A place on the path: theta, and what training carries along without a gradient.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Point {
    /// The parameters.
    pub theta: Vector,
    /// Running statistics of batch norm; empty without.
    pub buffers: Vec<f64>,
}

impl Point {
    /// (1 - alpha) from + alpha to, which is exact at both ends.
    pub fn between(from: &Self, to: &Self, alpha: f64) -> Self {
        let mix = |from: &[f64], to: &[f64]| Self::mix(from, to, alpha);
        Self { theta: mix(&from.theta, &to.theta).into(), buffers: mix(&from.buffers, &to.buffers) }
    }

    /// The same of theta or of buffers alone.
    pub(super) fn mix(from: &[f64], to: &[f64], alpha: f64) -> Vec<f64> {
        from.iter().zip(to).map(|(a, b)| (1.0 - alpha) * a + alpha * b).collect()
    }

    /// to - from.
    pub fn difference(from: &Self, to: &Self) -> Self {
        let subtract = |from: &[f64], to: &[f64]| -> Vec<f64> {
            to.iter().zip(from).map(|(b, a)| b - a).collect()
        };
        Self {
            theta: subtract(&from.theta, &to.theta).into(),
            buffers: subtract(&from.buffers, &to.buffers),
        }
    }
}

/// The segment from + alpha (to - from), parameters and buffers alike.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// alpha = 0.
    pub from: &'a Point,
    /// alpha = 1.
    pub to: &'a Point,
    /// Which line of the run this is. A loss that presents its samples anew for every point draws
    /// from it; any other ignores it.
    pub number: u64,
}

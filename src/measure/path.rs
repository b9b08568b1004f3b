//! What can be measured along a path of which only the points are known: parameters that some
//! program saved, theta_0, theta_1, ...

use super::{LineLosses, cosine, line_losses};
use crate::linalg::{difference_norm, norm};
use crate::objective::{Line, Objective, ObjectiveError, Point};
use crate::precision::Precision;

/// One segment of a path, theta_t -> theta_{t+1}.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// The losses along it.
    pub line: LineLosses,
    /// ‖d_t‖ of the displacement d_t = theta_{t+1} - theta_t.
    pub update_norm: f64,
    /// d_{t-1}·d_t / (‖d_{t-1}‖ ‖d_t‖); none at t = 0 and when either displacement is zero.
    ///
    /// For plain SGD that saved every step this is the cosine of consecutive gradients (equation 5
    /// of the paper); momentum, weight decay, another optimizer or steps left out make it differ.
    pub update_cosine: Option<f64>,
    /// ‖theta_{t+1} - theta_0‖.
    pub distance: f64,
    /// sum over s <= t of ‖d_s‖.
    pub path_length: f64,
}

/// Measures a path point by point; it holds the first point, the latest, and one displacement.
#[derive(Debug)]
pub struct Path<'a, O> {
    objective: &'a O,
    points: usize,
    precision: Precision,
    start: Vec<f64>,
    latest: Point,
    /// The loss at the latest point, where known in `precision`.
    loss: Option<f64>,
    segments: u64,
    /// The latest displacement; empty before the first.
    displacement: Vec<f64>,
    path_length: f64,
}

impl<'a, O: Objective> Path<'a, O> {
    /// A path that begins at `start`. Each segment is measured at K = `points` intervals; without a
    /// point between the ends (K of 0 or 1) only the losses of the path's own points are measured.
    pub fn new(objective: &'a O, start: Point, points: usize, precision: Precision) -> Self {
        Self {
            objective,
            points: points.max(1),
            precision,
            start: start.theta.clone(),
            latest: start,
            loss: None,
            segments: 0,
            displacement: Vec::new(),
            path_length: 0.0,
        }
    }

    /// Goes on to the next point and measures the segment to it.
    ///
    /// Cost: K evaluations of the full loss, K + 1 for the first segment, and again K + 1 in 64 bits
    /// where 32 bits cannot tell whether there is a barrier.
    pub fn advance(&mut self, to: Point) -> Result<Segment, ObjectiveError> {
        let line = Line { from: &self.latest, to: &to, number: self.segments };
        self.segments += 1;
        let line = line_losses(self.objective, line, self.points, self.precision, self.loss)?;
        let pairs = to.theta.iter().zip(&self.latest.theta);
        let displacement: Vec<f64> = pairs.map(|(to, from)| to - from).collect();
        let update_norm = norm(&displacement);
        let update_cosine =
            (!self.displacement.is_empty()).then(|| cosine(&self.displacement, &displacement));
        self.path_length += update_norm;
        let is_as_asked = line.precision == self.precision;
        self.loss = line.losses.last().copied().filter(|_| is_as_asked);
        self.displacement = displacement;
        self.latest = to;
        Ok(Segment {
            line,
            update_norm,
            update_cosine: update_cosine.flatten(),
            distance: difference_norm(&self.latest.theta, &self.start),
            path_length: self.path_length,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Mutex;

    use super::*;
    use crate::objective::{Computed, Gradient, LineEvaluation, Loss};

    /// L = ‖theta‖² / 2, counting its evaluations.
    struct Bowl(Mutex<Cell<usize>>);

    impl Objective for Bowl {
        fn dimension(&self) -> usize {
            2
        }

        fn samples(&self) -> usize {
            1
        }

        fn gradient(&self, at: &Point, _: Loss, _: Precision) -> Result<Gradient, ObjectiveError> {
            let loss = norm(&at.theta).powi(2) / 2.0;
            Ok(Gradient { loss, gradient: at.theta.clone(), buffers: Vec::new() })
        }

        fn open<'a>(
            &'a self,
            line: Line<'a>,
            alphas: &[f64],
            _: Precision,
        ) -> Result<Box<dyn LineEvaluation + 'a>, ObjectiveError> {
            if let Ok(count) = self.0.lock() {
                count.set(count.get() + alphas.len());
            }
            let at = |alpha: f64| {
                let pairs = line.from.theta.iter().zip(&line.to.theta);
                pairs.map(|(a, b)| (a + alpha * (b - a)).powi(2) / 2.0).sum()
            };
            Ok(Box::new(Computed(alphas.iter().map(|&alpha| at(alpha)).collect())))
        }
    }

    fn point(theta: [f64; 2]) -> Point {
        Point { theta: theta.to_vec(), buffers: Vec::new() }
    }

    #[test]
    fn a_square_walk_has_right_angles() -> Result<(), ObjectiveError> {
        let bowl = Bowl(Mutex::default());
        let mut path = Path::new(&bowl, point([2.0, 0.0]), 2, Precision::F64);
        let first = path.advance(point([2.0, 2.0]))?;
        assert_eq!(first.line.losses, [2.0, 2.5, 4.0]);
        assert_eq!((first.update_cosine, first.update_norm, first.distance), (None, 2.0, 2.0));
        let second = path.advance(point([-2.0, 2.0]))?;
        assert_eq!(second.line.losses, [4.0, 2.0, 4.0]);
        assert_eq!(second.update_cosine, Some(0.0));
        assert_eq!((second.distance, second.path_length), (20f64.sqrt(), 6.0));
        let back = path.advance(point([2.0, 2.0]))?;
        assert_eq!((back.update_cosine, back.distance), (Some(-1.0), 2.0));
        let still = path.advance(point([2.0, 2.0]))?;
        assert_eq!((still.update_cosine, still.path_length), (None, 10.0));
        // Shared ends are evaluated once: 3 + 2 + 2 + 2.
        assert_eq!(bowl.0.lock().map(|count| count.get()).ok(), Some(9));
        Ok(())
    }

    #[test]
    fn without_points_between_only_the_ends_are_measured() -> Result<(), ObjectiveError> {
        let bowl = Bowl(Mutex::default());
        let mut path = Path::new(&bowl, point([2.0, 0.0]), 0, Precision::F64);
        assert_eq!(path.advance(point([0.0, 1.0]))?.line.losses, [2.0, 0.5]);
        assert_eq!(path.advance(point([1.0, 1.0]))?.line.losses, [0.5, 1.0]);
        Ok(())
    }
}

//! What can be measured along a path of which only the points are known: parameters that some
//! program saved, theta_0, theta_1, ...

use super::certified::Rule;
use super::{LineLosses, Movement, Trajectory};
use crate::objective::{Line, Objective, ObjectiveError, Point};
use crate::precision::Precision;

/// One segment of a path, theta_t -> theta_{t+1}.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// The losses along it.
    pub line: LineLosses,
    /// How it moves theta.
    pub movement: Movement,
}

/// Measures a path point by point; it holds the first point, the latest, and a displacement.
#[derive(Debug)]
pub struct Path<'a, O> {
    objective: &'a O,
    points: usize,
    precision: Precision,
    /// The rule that decides, and the seed of the order of the units; none for exact losses.
    certified: Option<(Rule, u64)>,
    trajectory: Trajectory,
    latest: Point,
    segments: u64,
}

impl<'a, O: Objective> Path<'a, O> {
    /// A path that begins at `start`. Each segment is measured at K = `points` intervals; without a
    /// point between the ends (K of 0 or 1) only the losses of the path's own points are measured.
    pub fn new(objective: &'a O, start: Point, points: usize, precision: Precision) -> Self {
        let trajectory = Trajectory::new(start.theta.clone());
        let points = points.max(1);
        let (certified, segments) = (None, 0);
        Self { objective, points, precision, certified, trajectory, latest: start, segments }
    }

    /// Decides each segment under a rule, in place of measuring it; K is 2 or more then.
    pub fn certified(self, rule: Rule, seed: u64) -> Self {
        Self { certified: Some((rule, seed)), ..self }
    }

    /// The point that the path has come to.
    pub fn latest(&self) -> &Point {
        &self.latest
    }

    /// Goes on to the next point and measures the segment to it.
    ///
    /// Cost: that of [`Trajectory::line`] or [`Trajectory::certified`].
    pub fn advance(&mut self, to: Point) -> Result<Segment, ObjectiveError> {
        let movement = self.trajectory.advance(&self.latest.theta, &to.theta);
        let line = Line { from: &self.latest, to: &to, number: self.segments };
        let (path, how) = (&mut self.trajectory, (self.points, self.precision));
        let line = match self.certified {
            None => path.line(self.objective, line, how.0, how.1)?,
            Some(rule) => path.certified(self.objective, line, how, rule)?,
        };
        self.segments += 1;
        self.latest = to;
        Ok(Segment { line, movement })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Mutex;

    use super::*;
    use crate::linalg::norm;
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
        Point { theta: theta.to_vec().into(), buffers: Vec::new() }
    }

    #[test]
    fn a_square_walk_has_right_angles() -> Result<(), ObjectiveError> {
        let bowl = Bowl(Mutex::default());
        let mut path = Path::new(&bowl, point([2.0, 0.0]), 2, Precision::F64);
        let first = path.advance(point([2.0, 2.0]))?;
        assert_eq!(first.line.losses, [2.0, 2.5, 4.0]);
        let Movement { update_cosine, update_norm, distance, .. } = first.movement;
        assert_eq!((update_cosine, update_norm, distance), (None, 2.0, 2.0));
        let second = path.advance(point([-2.0, 2.0]))?;
        assert_eq!(second.line.losses, [4.0, 2.0, 4.0]);
        assert_eq!(second.movement.update_cosine, Some(0.0));
        assert_eq!((second.movement.distance, second.movement.path_length), (20f64.sqrt(), 6.0));
        let back = path.advance(point([2.0, 2.0]))?;
        assert_eq!((back.movement.update_cosine, back.movement.distance), (Some(-1.0), 2.0));
        let still = path.advance(point([2.0, 2.0]))?;
        assert_eq!((still.movement.update_cosine, still.movement.path_length), (None, 10.0));
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

//! What the rest of the program asks of a loss.

use super::{
    Directional, Gradient, Line, LineEvaluation, Loss, ObjectiveError, Point, Score, Scores, Slopes,
};
use crate::linalg::{Vector, unit};
use crate::network::StateDictError;
use crate::parameters::Tensors;
use crate::precision::Precision;

/// A loss over a training set, as a function of theta: all that a walk asks of a network, its data
/// and its loss. Implement it to walk something else than [`Classification`](super::Classification);
/// `examples/quadratic.rs` shows the whole way.
///
/// # Contract
/// - Theta is a flat vector of [`dimension`](Objective::dimension) numbers. With training in 32 bits
///   the walk rounds it to them; an implementation may compute in any precision.
/// - Equal arguments give equal bits, on any number of threads: the walk evaluates units twice before
///   it measures and refuses to go on if their losses differ, and a resumed walk repeats its steps.
/// - The loss at a point does not depend on the line that it is asked on: the end of one update is
///   the start of the next and is evaluated once.
/// - A loss or gradient that is not finite is returned as it is, not as an error: the walk ends
///   there and says that training diverged.
///
/// ```
/// use losswalk::precision::Precision;
/// use losswalk::objective::{
///     Computed, Gradient, Line, LineEvaluation, Loss, Objective, ObjectiveError, Point,
/// };
///
/// /// L(theta) = theta² / 2, the same for each of 4 samples.
/// struct Parabola;
///
/// impl Objective for Parabola {
///     fn dimension(&self) -> usize {
///         1
///     }
///
///     fn samples(&self) -> usize {
///         4
///     }
///
///     fn gradient(&self, at: &Point, _: Loss, _: Precision) -> Result<Gradient, ObjectiveError> {
///         let theta = at.theta[0];
///         let loss = theta * theta / 2.0;
///         Ok(Gradient { loss, gradient: vec![theta].into(), buffers: Vec::new() })
///     }
///
///     fn open<'a>(
///         &'a self,
///         line: Line<'a>,
///         alphas: &[f64],
///         _: Precision,
///     ) -> Result<Box<dyn LineEvaluation + 'a>, ObjectiveError> {
///         let theta = |alpha: f64| Point::between(line.from, line.to, alpha).theta[0];
///         let losses = alphas.iter().map(|&alpha| theta(alpha).powi(2) / 2.0).collect();
///         Ok(Box::new(Computed(losses)))
///     }
/// }
///
/// let (from, to) = (Point { theta: vec![1.0].into(), ..Point::default() }, Point { theta: vec![-1.0].into(), ..Point::default() });
/// let losses = Parabola.losses(Line { from: &from, to: &to, number: 0 }, &[0.0, 0.5, 1.0], Precision::F64)?;
/// assert_eq!(losses, [0.5, 0.0, 0.5]);
/// # Ok::<(), ObjectiveError>(())
/// ```
pub trait Objective: Sync {
    /// Length of theta.
    fn dimension(&self) -> usize;

    /// N, the samples of the training set.
    fn samples(&self) -> usize;

    /// An error once somebody asked to stop: the walk asks after every step, and an implementation
    /// that computes for long asks within.
    fn check(&self) -> Result<(), ObjectiveError> {
        Ok(())
    }

    /// True if losses can be had in this precision.
    fn supports(&self, _: Precision) -> bool {
        true
    }

    /// Theta and buffers as named arrays for a parameter file of 32-bit (`single`) or 64-bit floats.
    fn export(&self, at: &Point, single: bool) -> Tensors {
        let array = |values: Vec<f64>| (vec![values.len()], values);
        let theta = [("theta".to_owned(), array(at.theta.to_f64()))];
        let buffers =
            (!at.buffers.is_empty()).then(|| ("buffers".to_owned(), array(at.buffers.clone())));
        Tensors { entries: theta.into_iter().chain(buffers).collect(), single }
    }

    /// The opposite of [`Objective::export`].
    fn import(&self, file: &Tensors) -> Result<Point, StateDictError> {
        let array = |name: &str| file.entries.get(name).map(|(_, values)| values.clone());
        let theta = array("theta").filter(|theta| theta.len() == self.dimension());
        let problem = format!("  `theta` must be there, with {} entries", self.dimension());
        let theta = theta.ok_or_else(|| StateDictError::new(vec![problem]))?;
        Ok(Point { theta: theta.into(), buffers: array("buffers").unwrap_or_default() })
    }

    /// The mean loss and its gradient, without weight decay and momentum, which the walk adds.
    /// Indices of samples are below [`samples`](Objective::samples), and may repeat.
    ///
    /// Cost: one forward and one backward pass over the samples; with statistics that are recomputed
    /// over the training set, three forward and two backward ones.
    fn gradient(
        &self,
        at: &Point,
        of: Loss,
        precision: Precision,
    ) -> Result<Gradient, ObjectiveError>;

    /// Takes back a gradient that nobody needs any more: the next one may use its memory.
    fn reuse(&self, _gradient: Vector) {}

    /// Opens a line for evaluation at some points: L(from + alpha (to - from)) for every alpha, each
    /// the mean over the full training set. `alphas` is never empty; at 0 and 1 the point is exactly
    /// `from` and `to`. A loss that is not made of units hands over [`Computed`](super::Computed).
    ///
    /// Cost: what all units share, such as statistics recomputed over the training set.
    fn open<'a>(
        &'a self,
        line: Line<'a>,
        alphas: &[f64],
        precision: Precision,
    ) -> Result<Box<dyn LineEvaluation + 'a>, ObjectiveError>;

    /// The loss at every alpha of a line.
    ///
    /// Cost: one forward pass over the training set for every alpha, less what the points share.
    fn losses(
        &self,
        line: Line,
        alphas: &[f64],
        precision: Precision,
    ) -> Result<Vec<f64>, ObjectiveError> {
        self.open(line, alphas, precision)?.losses()
    }

    /// The losses of some samples at every alpha, in 32 bits as this loss has them and in 64 as the CPU
    /// has them, by which the error of the former is known. None where the loss in 64 bits says it: on
    /// the CPU. What batch norm takes from the training set it takes from these samples.
    fn compared(&self, _: Line, _alphas: &[f64]) -> Result<Option<[Vec<f64>; 2]>, ObjectiveError> {
        Ok(None)
    }

    /// How well a point does on the training set and on the test split.
    ///
    /// Cost: one forward pass over both; two over the training set where statistics are recomputed.
    fn scores(&self, at: &Point, precision: Precision) -> Result<Scores, ObjectiveError> {
        let found = self.losses(Line { from: at, to: at, number: 0 }, &[0.0], precision)?;
        let loss = found.first().copied().unwrap_or(f64::NAN);
        Ok(Scores { train: Score { loss, accuracy: None }, test: None })
    }

    /// N of the test split; 0 if there is none.
    fn test_samples(&self) -> usize {
        0
    }

    /// The loss along a line to second order at its start, with u = to - from. What moves along the
    /// line beside theta, such as running statistics, moves here too.
    fn second_order(
        &self,
        line: Line,
        precision: Precision,
    ) -> Result<Directional, ObjectiveError> {
        let update = Point::difference(line.from, line.to).theta;
        let found = self.directional(line.from, Loss::Measured, &[&update], precision)?;
        found.into_iter().next().ok_or(ObjectiveError::Unsupported("directional"))
    }

    /// A loss along each direction, to second order.
    ///
    /// Cost: about three forward passes over the samples for every direction, and two that all
    /// directions of a call share. Memory: the directions, and for every thread about twice what a gradient
    /// of a batch takes.
    fn directional(
        &self,
        _at: &Point,
        _of: Loss,
        _directions: &[&[f64]],
        _precision: Precision,
    ) -> Result<Vec<Directional>, ObjectiveError> {
        Err(ObjectiveError::Unsupported("directional"))
    }

    /// The mean and the variance of the slopes of samples along each direction: what
    /// [`directional`](Objective::directional) has of first order.
    ///
    /// Cost: about two forward passes over the samples for every direction, and one that all share.
    fn slopes(
        &self,
        at: &Point,
        of: Loss,
        directions: &[&[f64]],
        precision: Precision,
    ) -> Result<Vec<Slopes>, ObjectiveError> {
        let found = self.directional(at, of, directions, precision)?;
        Ok(found.iter().map(Slopes::from).collect())
    }

    /// The gradient g of a loss, and that loss along g / ‖g‖; none if g is zero or not finite.
    ///
    /// Cost: that of [`Objective::gradient`] and [`Objective::directional`], less what they share.
    fn along_gradient(
        &self,
        at: &Point,
        of: Loss,
        precision: Precision,
    ) -> Result<(Gradient, Option<Directional>), ObjectiveError> {
        separately(self, at, of, precision)
    }

    /// H v, with the Hessian H of the measured loss.
    ///
    /// Cost: about two to three gradients of the full training set.
    fn hessian_product(
        &self,
        _at: &Point,
        _direction: &[f64],
        _precision: Precision,
    ) -> Result<Vec<f64>, ObjectiveError> {
        Err(ObjectiveError::Unsupported("hessian_product"))
    }
}

/// [`Objective::along_gradient`] where nothing is shared.
pub(super) fn separately(
    objective: &(impl Objective + ?Sized),
    at: &Point,
    of: Loss,
    precision: Precision,
) -> Result<(Gradient, Option<Directional>), ObjectiveError> {
    let gradient = objective.gradient(at, of, precision)?;
    let (_, u) = unit(gradient.gradient.to_f64());
    let along = u.map(|u| objective.directional(at, of, &[&u], precision)).transpose()?;
    Ok((gradient, along.and_then(|mut along| along.pop())))
}

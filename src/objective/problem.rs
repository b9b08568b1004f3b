//! What the rest of the program asks of a loss.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::linalg::unit;
use crate::network::StateDictError;
use crate::parameters::Tensors;
use crate::precision::Precision;

/// A place on the path: theta, and what training carries along without a gradient.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Point {
    /// The parameters.
    pub theta: Vec<f64>,
    /// Running statistics of batch norm; empty without.
    pub buffers: Vec<f64>,
}

/// The segment from + alpha (to - from).
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

/// The samples that a gradient is the mean over.
#[derive(Debug, Clone, Copy)]
pub enum Batch<'a> {
    /// A mini-batch.
    Samples {
        /// Indices into the training set.
        indices: &'a [u32],
        /// The epoch, which augmentation depends on.
        epoch: u64,
    },
    /// The whole training set, in the batches that the loss is measured in: the exact gradient of
    /// the measured loss under batch statistics.
    Full,
    /// Some samples as they are, whatever training does to its images.
    Plain(&'a [u32]),
}

/// A mean loss with its gradient.
#[derive(Debug, Clone, PartialEq)]
pub struct Gradient {
    /// Mean loss over the batch.
    pub loss: f64,
    /// Mean gradient over the batch, as long as theta.
    pub gradient: Vec<f64>,
    /// The buffers after this batch.
    pub buffers: Vec<f64>,
}

/// The loss along a direction u at theta, to second order, and the terms of equation 2 of the paper.
///
/// With the loss l_i of every sample, g_i its gradient and g their mean: the Hessian of the mean loss
/// is H = C + g g' + R with C = mean_i (g_i - g)(g_i - g)' and, for the probability p_i of the
/// sample's own label, R = -mean_i (grad² p_i) / p_i. So u'Hu = u'Cu + (u'g)² + u'Ru.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Directional {
    /// L(theta).
    pub loss: f64,
    /// u'g.
    pub slope: f64,
    /// u'Hu.
    pub curvature: f64,
    /// u'Cu.
    pub covariance: f64,
    /// u'Ru.
    pub residual: f64,
}

/// How the losses l_i of samples change along a direction u, with their gradients g_i.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slopes {
    /// u'g, the mean of u'g_i.
    pub mean: f64,
    /// u'Cu, their variance, with the number of samples in the denominator.
    pub variance: f64,
}

impl From<&Directional> for Slopes {
    fn from(along: &Directional) -> Self {
        Self { mean: along.slope, variance: along.covariance }
    }
}

/// Why a loss could not be had.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ObjectiveError {
    /// Somebody pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// A derivative that this loss does not offer.
    #[error("this loss has no {0}: implement Objective::{0} to measure curvature")]
    Unsupported(&'static str),
    /// The framework failed to hand over a result.
    #[error("the device failed: {0}")]
    Device(String),
}

/// A loss over a training set, as a function of theta: all that a walk asks of a network, its data
/// and its loss. Implement it to walk something else than [`Classification`](super::Classification);
/// `examples/quadratic.rs` shows the whole way.
///
/// # Contract
/// - Theta is a flat vector of [`dimension`](Objective::dimension) numbers. With training in 32 bits
///   the walk rounds it to them; an implementation may compute in any precision.
/// - Equal arguments give equal bits, on any number of threads: the walk evaluates L twice before it
///   measures and refuses to go on if the values differ, and a resumed walk repeats its steps.
/// - The loss at a point does not depend on the line that it is asked on: the end of one update is
///   the start of the next and is evaluated once.
/// - A loss or gradient that is not finite is returned as it is, not as an error: the walk ends
///   there and says that training diverged.
///
/// ```
/// use losswalk::precision::Precision;
/// use losswalk::objective::{Batch, Gradient, Line, Objective, ObjectiveError, Point};
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
///     fn gradient(&self, at: &Point, _: Batch) -> Result<Gradient, ObjectiveError> {
///         let theta = at.theta[0];
///         let loss = theta * theta / 2.0;
///         Ok(Gradient { loss, gradient: vec![theta], buffers: Vec::new() })
///     }
///
///     fn losses(
///         &self,
///         line: Line,
///         alphas: &[f64],
///         _: Precision,
///     ) -> Result<Vec<f64>, ObjectiveError> {
///         let theta = |alpha: f64| (1.0 - alpha) * line.from.theta[0] + alpha * line.to.theta[0];
///         Ok(alphas.iter().map(|&alpha| theta(alpha).powi(2) / 2.0).collect())
///     }
/// }
///
/// let (from, to) = (Point { theta: vec![1.0], ..Point::default() }, Point { theta: vec![-1.0], ..Point::default() });
/// let losses = Parabola.losses(Line { from: &from, to: &to, number: 0 }, &[0.0, 0.5, 1.0], Precision::F64)?;
/// assert_eq!(losses, [0.5, 0.0, 0.5]);
/// # Ok::<(), ObjectiveError>(())
/// ```
pub trait Objective: Sync {
    /// Length of theta.
    fn dimension(&self) -> usize;

    /// N, the samples of the training set.
    fn samples(&self) -> usize;

    /// True if losses can be had in this precision.
    fn supports(&self, _: Precision) -> bool {
        true
    }

    /// Theta and buffers as named arrays for a parameter file of 32-bit (`single`) or 64-bit floats.
    fn export(&self, at: &Point, single: bool) -> Tensors {
        let array = |values: &Vec<f64>| (vec![values.len()], values.clone());
        let theta = [("theta".to_owned(), array(&at.theta))];
        let buffers = (!at.buffers.is_empty()).then(|| ("buffers".to_owned(), array(&at.buffers)));
        Tensors { entries: theta.into_iter().chain(buffers).collect(), single }
    }

    /// The opposite of [`Objective::export`].
    fn import(&self, file: &Tensors) -> Result<Point, StateDictError> {
        let array = |name: &str| file.entries.get(name).map(|(_, values)| values.clone());
        let theta = array("theta").filter(|theta| theta.len() == self.dimension());
        let problem = format!("  `theta` must be there, with {} entries", self.dimension());
        let theta = theta.ok_or_else(|| StateDictError::new(vec![problem]))?;
        Ok(Point { theta, buffers: array("buffers").unwrap_or_default() })
    }

    /// The mean loss and gradient over a batch, as training sees them: without weight decay and
    /// momentum, which the walk adds. Indices of samples are below [`samples`](Objective::samples).
    ///
    /// Cost: one forward and one backward pass over the batch.
    fn gradient(&self, at: &Point, batch: Batch) -> Result<Gradient, ObjectiveError>;

    /// L(from + alpha (to - from)) for every alpha, each the mean over the full training set.
    /// `alphas` is never empty; at 0 and 1 the point is exactly `from` and `to`.
    ///
    /// Cost: one forward pass over the training set for every alpha, less what the points share.
    fn losses(
        &self,
        line: Line,
        alphas: &[f64],
        precision: Precision,
    ) -> Result<Vec<f64>, ObjectiveError>;

    /// The loss of `over` along each direction, to second order. [`Batch::Full`] is the measured
    /// loss under its policy of batch norm; the loss of a mini-batch is what training sees.
    ///
    /// Cost: about three forward passes over the samples for every direction, and two that all
    /// directions of a call share. Memory: the directions, and for every thread what a gradient of a
    /// batch takes.
    fn directional(
        &self,
        _at: &Point,
        _over: Batch,
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
        over: Batch,
        directions: &[&[f64]],
        precision: Precision,
    ) -> Result<Vec<Slopes>, ObjectiveError> {
        let found = self.directional(at, over, directions, precision)?;
        Ok(found.iter().map(Slopes::from).collect())
    }

    /// The gradient g of a batch, and the batch's own loss along g / ‖g‖; none if g is zero or not
    /// finite.
    ///
    /// Cost: that of [`Objective::gradient`] and [`Objective::directional`], less what they share.
    fn along_gradient(
        &self,
        at: &Point,
        batch: Batch,
        precision: Precision,
    ) -> Result<(Gradient, Option<Directional>), ObjectiveError> {
        separately(self, at, batch, precision)
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
    batch: Batch,
    precision: Precision,
) -> Result<(Gradient, Option<Directional>), ObjectiveError> {
    let gradient = objective.gradient(at, batch)?;
    let (_, u) = unit(gradient.gradient.clone());
    let along = u.map(|u| objective.directional(at, batch, &[&u], precision)).transpose()?;
    Ok((gradient, along.and_then(|mut along| along.pop())))
}

/// A request to stop, shared between threads; raised by Ctrl-C.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Asks everyone to stop. Returns true if somebody had asked before.
    pub fn raise(&self) -> bool {
        self.0.swap(true, Ordering::SeqCst)
    }

    /// An error once somebody asked.
    pub fn check(&self) -> Result<(), ObjectiveError> {
        if self.0.load(Ordering::Relaxed) { Err(ObjectiveError::Interrupted) } else { Ok(()) }
    }
}

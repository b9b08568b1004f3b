//! What a layer is, and what a forward pass carries from layer to layer.

use std::fmt::{self, Debug};

use burn::tensor::{Gradients, Tensor};

use super::adjoint::Tape;
use super::{ParameterId, Primal, Stage, TapeError};
use crate::taylor::Series;

/// Height, width and channels of an activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels.
    pub channels: usize,
}

impl Shape {
    /// A vector: one pixel.
    pub fn flat(channels: usize) -> Self {
        Self { height: 1, width: 1, channels }
    }

    /// height * width * channels, or as much as can be counted.
    pub fn size(self) -> usize {
        self.height.saturating_mul(self.width).saturating_mul(self.channels)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{}x{}x{}", self.height, self.width, self.channels)
    }
}

/// Layers that do not fit together, or a setting that no network of the kind has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ShapeError(String);

impl ShapeError {
    /// What does not fit, with both shapes.
    pub fn new(problem: String) -> Self {
        Self(problem)
    }
}

/// One layer of a network.
pub trait Layer: Debug + Send + Sync {
    /// The shape of the output, or why the layer cannot take this input.
    fn output_shape(&self, input: Shape) -> Result<Shape, ShapeError>;

    /// Maps activations [n, h, w, c] to activations, at every order of the series.
    fn forward(&self, input: Series<4>, pass: &mut Pass) -> Series<4>;

    /// Linear in its parameters for a fixed input, and depends on the input through them alone.
    ///
    /// Along a line theta + alpha v such a first layer's output is a + alpha b exactly, so that a
    /// and b need computing once for all points of the line.
    fn is_linear_in_parameters(&self) -> bool {
        false
    }

    /// The layer as data, so that a plan of fast kernels can compute its values; none is right for any
    /// layer, and slower.
    fn stage(&self) -> Option<Stage<'_>> {
        None
    }
}

/// Mean and (biased) variance of every channel, [1, 1, 1, c] each, or [g, 1, 1, c] of g batches.
#[derive(Debug, Clone)]
pub struct Statistics {
    /// Mean over the batch and, for images, over the pixels.
    pub mean: Series<4>,
    /// Variance over the same, divided by their number.
    pub variance: Series<4>,
    /// The number of values that each mean is over.
    pub count: usize,
}

/// Where batch norm takes its statistics from.
#[derive(Debug, Clone, Copy)]
pub enum Normalisation<'a> {
    /// The batch at hand.
    Batch,
    /// So many batches of one size, one behind the other, each by its own.
    Batches(usize),
    /// Given statistics, one for each norm in the order of the network.
    Frozen(&'a [Statistics]),
}

/// What a forward pass reads (parameters, statistics) and leaves behind (statistics it saw).
#[derive(Debug)]
pub struct Pass<'a> {
    parameters: &'a [Series<1>],
    /// Where batch norm takes its statistics from.
    pub normalisation: Normalisation<'a>,
    /// The statistics of the batch or batches, one for each norm passed; none where they are given.
    pub observed: Vec<Statistics>,
    tape: Tape<'a>,
}

impl<'a> Pass<'a> {
    /// A pass with these parameters, one series for each entry of the layout.
    pub fn new(parameters: &'a [Series<1>], normalisation: Normalisation<'a>) -> Self {
        Self { parameters, normalisation, observed: Vec::new(), tape: Tape::None }
    }

    /// Of order 0, on tensors that reverse mode sees: [`Pass::into_primal`] is wanted afterwards.
    pub fn recording(self) -> Self {
        Self { tape: Tape::record(), ..self }
    }

    /// Of order 2 along any directions, over the batch and theta that `primal` is of. Second
    /// coefficients of activations go into [`Pass::contracted`] instead of being passed on.
    pub fn contracting(self, primal: &'a Primal) -> Self {
        Self { tape: Tape::contract(primal), ..self }
    }

    /// The product of an activation with a parameter under a bilinear map: how a layer computes what
    /// is expensive.
    pub fn product<const D: usize, const E: usize>(
        &mut self,
        input: &Series<D>,
        parameter: &Series<E>,
        bilinear: impl Fn(Tensor<D>, Tensor<E>) -> Tensor<4>,
    ) -> Series<4> {
        let product = self.tape.product(|known| match known {
            Some(value) => input.product_of(value, parameter, bilinear),
            None => input.product(parameter, bilinear),
        });
        self.contract(product)
    }

    /// Marks a layer's output that has second coefficients where the input has none. A layer that
    /// does not call this is slower to differentiate, and no less right.
    pub fn contract(&mut self, output: Series<4>) -> Series<4> {
        self.tape.contract_output(output)
    }

    /// What the pass leaves behind, from the gradients of the batch's summed loss.
    pub fn into_primal(self, gradients: Gradients) -> Primal {
        self.tape.into_primal(gradients)
    }

    /// The part of the summed loss's second coefficient along a direction that is not in the logits,
    /// as terms to be added up; none for zero. Asked for when the whole network has been passed.
    pub fn contracted(&self, direction: usize) -> Result<Option<Tensor<1>>, TapeError> {
        self.tape.contracted(direction)
    }

    /// A parameter in the shape that its layer wants.
    pub fn parameter<const D: usize>(&self, id: ParameterId, shape: [usize; D]) -> Series<D> {
        self.parameters[id.0].clone().reshape(shape)
    }
}

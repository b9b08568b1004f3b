//! A network: layers in a row, with the layout of their parameters.

use std::ops::Range;

use super::{Layer, Layout, Pass, Shape};
use crate::taylor::Series;

/// Numbers that a forward pass computes for one image, the image included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Activations {
    /// Of all convolutions and linear layers together: what reverse mode holds at least, whatever it
    /// computes again.
    pub of_products: usize,
    /// Of the largest layer: what a forward pass holds at least.
    pub largest: usize,
}

impl Activations {
    /// Counts the output of one more layer.
    pub(super) fn add(&mut self, output: usize, layer: &impl Layer) {
        let is_product = layer.is_linear_in_parameters();
        self.of_products = self.of_products.saturating_add(if is_product { output } else { 0 });
        self.largest = self.largest.max(output);
    }
}

/// Layers applied one after the other. Cheap to share between threads; holds no parameters itself.
#[derive(Debug)]
pub struct Network {
    /// Where every parameter lies.
    pub layout: Layout,
    /// Shape of one input image.
    pub input: Shape,
    /// Number of logits.
    pub classes: usize,
    /// Numbers that a forward pass computes for one image.
    pub activations: Activations,
    layers: Vec<Box<dyn Layer>>,
}

impl Network {
    /// Puts layers together whose parameters `layout` declares.
    pub fn new(layout: Layout, input: Shape, classes: usize, layers: Vec<Box<dyn Layer>>) -> Self {
        let activations = Activations::default();
        Self { layout, input, classes, activations, layers }
    }

    /// Number of layers.
    pub fn depth(&self) -> usize {
        self.layers.len()
    }

    /// Its layers, the one that sees the images first.
    pub fn layers(&self) -> &[Box<dyn Layer>] {
        &self.layers
    }

    /// How many of the first layers have an output that is linear in alpha along any line
    /// theta + alpha v: 1 if the first layer is linear in its parameters, 0 otherwise.
    pub fn linear_prefix(&self) -> usize {
        self.layers.first().is_some_and(|layer| layer.is_linear_in_parameters()).into()
    }

    /// Applies some of the layers to activations [n, h, w, c].
    pub fn forward(&self, layers: Range<usize>, input: Series<4>, pass: &mut Pass) -> Series<4> {
        self.layers[layers].iter().fold(input, |input, layer| layer.forward(input, pass))
    }

    /// Applies every layer to images and returns the logits, [n, classes].
    pub fn logits(&self, images: Series<4>, pass: &mut Pass) -> Series<2> {
        self.head(self.forward(0..self.depth(), images, pass))
    }

    /// The last layer's activations as logits, [n, classes].
    pub fn head(&self, output: Series<4>) -> Series<2> {
        let [n, ..] = output.dims();
        output.reshape([n, self.classes])
    }
}

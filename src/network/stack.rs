//! Building a network layer by layer: parameters declared and shapes checked as it grows.

use super::{
    Activation, Activations, BatchNorm, ConvolutionConfig, GlobalAveragePool, Layer, Layout,
    Linear, MaxPool, Network, Residual, Shape, ShapeError,
};

/// The largest network: its theta of 64-bit floats takes 16 GiB.
const MOST_PARAMETERS: usize = 1 << 31;

/// An error if so many parameters are too many.
pub(super) fn check_parameters(parameters: usize) -> Result<(), ShapeError> {
    if parameters <= MOST_PARAMETERS {
        return Ok(());
    }
    let problem = "the network has more than the";
    Err(ShapeError::new(format!("{problem} {MOST_PARAMETERS} parameters that are possible")))
}

/// Layers so far, the shape that they end in, and the layout of their parameters.
#[derive(Debug)]
pub struct Stack {
    layout: Layout,
    layers: Vec<Box<dyn Layer>>,
    input: Shape,
    shape: Shape,
    activations: Activations,
    batch_norm: bool,
}

impl Stack {
    /// No layers yet. Without `batch_norm`, [`Stack::norm`] adds nothing.
    pub fn new(input: Shape, batch_norm: bool) -> Self {
        let activations = Activations { of_products: 0, largest: input.size() };
        let (layout, layers) = (Layout::default(), Vec::new());
        Self { layout, layers, input, shape: input, activations, batch_norm }
    }

    /// The shape that the layers end in.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Adds a layer, whose parameters are in the layout already.
    ///
    /// # Errors
    /// A layer that does not fit the shape before it, or more parameters than any machine that this is
    /// for could hold: found as soon as there are, however many layers were still to come.
    pub fn layer(&mut self, layer: impl Layer + 'static) -> Result<(), ShapeError> {
        check_parameters(self.layout.dimension())?;
        self.shape = layer.output_shape(self.shape)?;
        self.activations.add(self.shape.size(), &layer);
        self.layers.push(Box::new(layer));
        Ok(())
    }

    /// Adds a fully connected layer.
    pub fn linear(&mut self, name: &str, outputs: usize) -> Result<(), ShapeError> {
        let layer = Linear::new(&mut self.layout, name, self.shape, outputs);
        self.layer(layer)
    }

    /// Adds a convolution.
    pub fn convolution(&mut self, name: &str, config: ConvolutionConfig) -> Result<(), ShapeError> {
        let layer = config.declare(&mut self.layout, name, self.shape);
        self.layer(layer)
    }

    /// Adds batch norm, if the network has it. Returns whether it has.
    pub fn norm(&mut self, name: &str) -> Result<bool, ShapeError> {
        if self.batch_norm {
            let layer = BatchNorm::new(&mut self.layout, name, self.shape.channels);
            self.layer(layer)?;
        }
        Ok(self.batch_norm)
    }

    /// Adds a rectifier.
    pub fn relu(&mut self) -> Result<(), ShapeError> {
        self.layer(Activation::Relu)
    }

    /// Adds max-pooling over windows of `size` x `size`.
    pub fn max_pool(&mut self, size: usize) -> Result<(), ShapeError> {
        self.layer(MaxPool { size })
    }

    /// Adds the mean over all pixels.
    pub fn global_average_pool(&mut self) -> Result<(), ShapeError> {
        self.layer(GlobalAveragePool)
    }

    /// Adds a residual block. `parts` adds the layers of its stem, main path and shortcut, each to a
    /// stack of its own that goes on from the block's input or the stem's end.
    pub fn residual(
        &mut self,
        stem: impl FnOnce(&mut Self) -> Result<(), ShapeError>,
        main: impl FnOnce(&mut Self) -> Result<(), ShapeError>,
        shortcut: impl FnOnce(&mut Self) -> Result<(), ShapeError>,
    ) -> Result<(), ShapeError> {
        let input = self.shape;
        let stem = self.branch(stem)?;
        let parted = self.shape;
        let main = self.branch(main)?;
        self.shape = parted;
        let shortcut = self.branch(shortcut)?;
        self.shape = input;
        self.layer(Residual { stem, main, shortcut })
    }

    fn branch(
        &mut self,
        add: impl FnOnce(&mut Self) -> Result<(), ShapeError>,
    ) -> Result<Vec<Box<dyn Layer>>, ShapeError> {
        let start = self.layers.len();
        add(self)?;
        Ok(self.layers.split_off(start))
    }

    /// The network, whose last layer gives the logits.
    pub fn finish(self) -> Network {
        let mut network = Network::new(self.layout, self.input, self.shape.size(), self.layers);
        network.activations = self.activations;
        network
    }
}

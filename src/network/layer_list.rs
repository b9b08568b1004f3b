//! A network from the list of its layers, as an experiment with `arch = "layers"` writes it.

use super::{Activation, ConvolutionConfig, LayerSpec, Network, Shape, ShapeError, Stack};

/// The network of a list, for images of a shape and a number of classes.
///
/// # Errors
/// A layer that does not fit the shape before it, by its place in the list; a network that ends in
/// anything but one logit for each class. Images are never flattened in silence: a linear layer or a
/// global average pool makes a vector of them.
pub fn network_of(
    layers: &[LayerSpec],
    input: Shape,
    classes: usize,
) -> Result<Network, ShapeError> {
    let mut stack = Stack::new(input, true);
    add_all(&mut stack, "layers", layers)?;
    let end = stack.shape();
    if end != Shape::flat(classes) {
        return Err(ShapeError::new(format!(
            "the network ends in {end}, but the data has {classes} classes: let it end in a linear \
             layer with outputs = {classes}"
        )));
    }
    let network = stack.finish();
    if network.layout.parameters.is_empty() {
        return Err(ShapeError::new("no layer has parameters: nothing to train".to_owned()));
    }
    Ok(network)
}

fn add_all(stack: &mut Stack, list: &str, layers: &[LayerSpec]) -> Result<(), ShapeError> {
    for (index, layer) in layers.iter().enumerate() {
        let place = |error| format!("{list}[{index}] ({}): {error}", layer.title());
        add(stack, layer).map_err(|error| ShapeError::new(place(error)))?;
    }
    Ok(())
}

fn add(stack: &mut Stack, layer: &LayerSpec) -> Result<(), ShapeError> {
    match layer {
        &LayerSpec::Convolution { ref name, outputs, kernel_size, stride, bias } => {
            stack.convolution(name, ConvolutionConfig { kernel_size, stride, outputs, bias })
        }
        LayerSpec::BatchNorm { name } => stack.norm(name).map(|_| ()),
        LayerSpec::Linear { name, outputs } => stack.linear(name, *outputs),
        LayerSpec::Relu => stack.layer(Activation::Relu),
        LayerSpec::Tanh => stack.layer(Activation::Tanh),
        LayerSpec::Gelu => stack.layer(Activation::Gelu),
        LayerSpec::Softplus => stack.layer(Activation::Softplus),
        LayerSpec::MaxPool { size } => stack.max_pool(*size),
        LayerSpec::GlobalAveragePool => stack.global_average_pool(),
        LayerSpec::Residual { stem, main, shortcut } => stack.residual(
            |stack| add_all(stack, "stem", stem),
            |stack| add_all(stack, "main", main),
            |stack| add_all(stack, "shortcut", shortcut),
        ),
    }
}

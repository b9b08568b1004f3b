//! From an experiment's `[model]` to a network.

use super::{Model, Network, Shape, ShapeError, mlp, network_of, resnet, vgg11, wide_resnet};

/// The largest network: its theta of 64-bit floats takes 16 GiB.
const MOST_PARAMETERS: usize = 1 << 31;

/// The network that a model names, for images of a shape and a number of classes.
///
/// # Errors
/// Layers that do not fit together, settings that no such network has, or more parameters than any
/// machine that this is for could hold.
pub fn build(model: &Model, input: Shape, classes: usize) -> Result<Network, ShapeError> {
    let network = assemble(model, input, classes)?;
    let parameters = network.layout.dimension();
    if parameters <= MOST_PARAMETERS {
        return Ok(network);
    }
    let problem = format!(
        "the network has {parameters} parameters, more than the {MOST_PARAMETERS} that are possible: \
         lower its widths"
    );
    Err(ShapeError::new(problem))
}

fn assemble(model: &Model, input: Shape, classes: usize) -> Result<Network, ShapeError> {
    match *model {
        Model::Mlp { ref hidden, batch_norm } => mlp(input, hidden, classes, batch_norm),
        Model::Vgg11 { width, head, batch_norm } => vgg11(input, classes, width, batch_norm, head),
        Model::Resnet { depth, batch_norm } => resnet(input, classes, depth, batch_norm),
        Model::WideResnet { depth, widen, batch_norm } => {
            wide_resnet(input, classes, depth, widen, batch_norm)
        }
        Model::Layers { ref layers } => network_of(layers, input, classes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_no_memory_holds_is_refused() {
        let model = Model::Mlp { hidden: vec![1_000_000, 1_000_000], batch_norm: false };
        let message = build(&model, Shape::flat(4), 10).err().map(|error| error.to_string());
        assert!(message.is_some_and(|text| text.contains("1000016000010 parameters")));
    }
}

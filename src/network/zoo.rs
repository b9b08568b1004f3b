//! From an experiment's `[model]` to a network.

use super::{Model, Network, Shape, ShapeError, mlp, network_of, resnet, vgg11, wide_resnet};

/// The network that a model names, for images of a shape and a number of classes.
///
/// # Errors
/// Layers that do not fit together, settings that no such network has, or more parameters than any
/// machine that this is for could hold.
pub fn build(model: &Model, input: Shape, classes: usize) -> Result<Network, ShapeError> {
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
    use crate::network::Head;

    #[test]
    fn networks_that_no_memory_holds_are_refused_as_soon_as_they_are_too_large() {
        let batch_norm = false;
        let far = usize::MAX;
        for model in [
            Model::Mlp { hidden: vec![1_000_000, 1_000_000], batch_norm },
            Model::Mlp { hidden: vec![far], batch_norm: true },
            Model::Vgg11 { width: 1e300, head: Head::Equal, batch_norm },
            Model::Resnet { depth: far - far % 6 - 4, batch_norm },
            Model::WideResnet { depth: 10, widen: far, batch_norm },
        ] {
            let begin = std::time::Instant::now();
            let built = build(&model, Shape { height: 32, width: 32, channels: 3 }, 10);
            let message = built.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(message.contains("more than the 2147483648 parameters"), "{model:?} {message}");
            assert!(begin.elapsed().as_secs() < 10, "{model:?} took {:?}", begin.elapsed());
        }
    }
}

//! From an experiment's `[model]` to a network.

use super::{Network, Shape, ShapeError, mlp, resnet, vgg11, wide_resnet};
use crate::experiment::Model;

/// The network that a model names, for images of a shape and a number of classes.
pub fn build(model: &Model, input: Shape, classes: usize) -> Result<Network, ShapeError> {
    match *model {
        Model::Mlp { ref hidden, batch_norm } => mlp(input, hidden, classes, batch_norm),
        Model::Vgg11 { width, head, batch_norm } => vgg11(input, classes, width, batch_norm, head),
        Model::Resnet { depth, batch_norm } => resnet(input, classes, depth, batch_norm),
        Model::WideResnet { depth, widen, batch_norm } => {
            wide_resnet(input, classes, depth, widen, batch_norm)
        }
    }
}

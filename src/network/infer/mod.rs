//! The network that a parameter file is of, from names and shapes alone.
//!
//! Shapes decide layers with parameters and their sizes; the order of a chain follows from names and
//! from what each layer takes. Layers without parameters leave no trace but gaps in the numbers of a
//! Sequential, so they are assumed: rectifiers behind every layer but the last, max-pools of 2 in gaps.
//! What is assumed is said, and a network that does not fit the file is no answer.

mod chain;
mod entries;
mod error;
mod images;
mod residual;

use super::state_dict::import;
use super::{LayerSpec, Model, build};
use crate::parameters::Tensors;

pub use error::InferError;

use entries::{Kind, Module, modules};

/// What a file's network seems to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Inferred {
    /// The network.
    pub model: Model,
    /// The data set whose images and classes it fits, of those in the catalogue; none if none does.
    pub data: Option<&'static str>,
    /// It has batch norm with running statistics.
    pub batch_norm: bool,
    /// What neither names nor shapes say, in sentences.
    pub assumed: Vec<String>,
}

/// Infers the network of a parameter file.
///
/// # Errors
/// The first entry that fits no network of a kind that is known here, and why.
pub fn infer(file: &Tensors) -> Result<Inferred, InferError> {
    let modules = modules(file)?;
    let named = modules.iter().rev().find_map(Module::units).ok_or(InferError::NoLinear)?;
    let (model, images, assumed) = match residual::infer(&modules)? {
        Some(found) => found,
        None => chain::infer(&modules)?,
    };
    // In the order that the layers run in, which need not be that of their names.
    let classes = match &model {
        Model::Layers { layers } => layers.iter().rev().find_map(units).unwrap_or(named),
        _ => named,
    };
    let network = build(&model, images.shape, classes)?;
    import(&network.layout, file)?;
    let batch_norm = modules.iter().any(|module| matches!(module.kind, Kind::Norm { .. }));
    Ok(Inferred { model, data: images.data(classes), batch_norm, assumed })
}

fn units(layer: &LayerSpec) -> Option<usize> {
    match layer {
        LayerSpec::Linear { outputs, .. } => Some(*outputs),
        _ => None,
    }
}

//! Why a file's network cannot be inferred.

use crate::network::{ShapeError, StateDictError};

const REMEDY: &str = "write the [model] of an experiment yourself, such as experiments/own-network.toml, \
                      and name it with --model";

/// What stands in the way.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferError {
    /// An entry that belongs to no layer that is known here.
    #[error("the network cannot be inferred: `{entry}` {shape:?} {problem}; {REMEDY}")]
    Entry {
        /// Its name in the file.
        entry: String,
        /// Its shape.
        shape: Vec<usize>,
        /// What does not fit.
        problem: String,
    },
    /// A layer that does not fit the others.
    #[error("the network cannot be inferred: `{layer}` {problem}; {REMEDY}")]
    Layer {
        /// Its name.
        layer: String,
        /// What does not fit.
        problem: String,
    },
    /// No layer that could give logits.
    #[error("the network cannot be inferred: no linear layer ends it; {REMEDY}")]
    NoLinear,
    /// What was inferred is no network.
    #[error("the network cannot be inferred: {0}; {REMEDY}")]
    Shape(#[from] ShapeError),
    /// What was inferred does not have the file's entries.
    #[error("the network cannot be inferred: {0}\n{REMEDY}")]
    Misfit(#[from] StateDictError),
}

impl InferError {
    pub(super) fn layer(layer: &str, problem: impl Into<String>) -> Self {
        Self::Layer { layer: layer.to_owned(), problem: problem.into() }
    }
}

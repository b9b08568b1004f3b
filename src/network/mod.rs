//! Networks: layers, the zoo, and their parameters as one flat theta.
//!
//! Every layer is one file. Its forward pass is written once, over [`Series`](crate::taylor::Series)
//! of any order; activations are channels-last, [n, h, w, c].

mod batch_norm;
mod initialisation;
mod layer;
mod layout;
mod linear;
mod loss;
mod mlp;
mod relu;
mod sequential;
pub mod state_dict;

pub use batch_norm::{BatchNorm, EPSILON, RUNNING_MOMENTUM};
pub use initialisation::initialise;
pub use layer::{Layer, Normalisation, Pass, Shape, Statistics};
pub use layout::{Entry, Initial, Layout, ParameterId};
pub use linear::Linear;
pub use loss::cross_entropy;
pub use mlp::mlp;
pub use relu::Relu;
pub use sequential::Network;
pub use state_dict::StateDictError;

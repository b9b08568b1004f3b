//! Networks: layers, the zoo, and their parameters as one flat theta.
//!
//! Every layer is one file. Its forward pass is written once, over [`Series`](crate::taylor::Series)
//! of any order; activations are channels-last, [n, h, w, c].

mod activation;
mod adjoint;
mod batch_norm;
mod convolution;
mod infer;
mod initialisation;
mod layer;
mod layer_list;
mod layout;
mod linear;
mod loss;
mod mlp;
mod model;
mod pooling;
mod prefix;
mod residual;
mod resnet;
mod sequential;
mod stack;
mod stage;
pub mod state_dict;
mod vgg;
mod zoo;

pub use activation::Activation;
pub use adjoint::{Primal, TapeError};
pub use batch_norm::{BatchNorm, EPSILON, RUNNING_MOMENTUM};
pub use convolution::{Convolution, ConvolutionConfig};
pub use infer::{InferError, Inferred, infer};
pub use initialisation::initialise;
pub use layer::{Layer, Normalisation, Pass, Shape, ShapeError, Statistics};
pub use layer_list::network_of;
pub use layout::{Entry, Initial, Layout, ParameterId};
pub use linear::Linear;
pub use loss::cross_entropy;
pub use mlp::mlp;
pub use model::{Head, LayerSpec, Model};
pub use pooling::{GlobalAveragePool, MaxPool};
pub use residual::Residual;
pub use resnet::{resnet, wide_resnet};
pub use sequential::{Activations, Network};
pub use stack::Stack;
pub use stage::Stage;
pub use state_dict::StateDictError;
pub use vgg::vgg11;
pub use zoo::build;

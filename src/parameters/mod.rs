//! Files of named arrays: parameters of networks, whoever saved them.

mod read;
mod tensors;

pub use read::ParameterFileError;
pub use tensors::Tensors;

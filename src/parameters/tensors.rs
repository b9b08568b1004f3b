//! Named arrays in memory, and their encoding as safetensors.

use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, TensorView, serialize};

use super::ParameterFileError;

/// Named arrays as they stand in a parameter file; the values are widened to f64 in memory.
///
/// `single` says that no value in the file has (or is to have) more than 32 bits.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tensors {
    /// Name to shape and row-major values.
    pub entries: BTreeMap<String, (Vec<usize>, Vec<f64>)>,
    /// 32-bit values in the file.
    pub single: bool,
}

impl Tensors {
    /// The safetensors encoding.
    pub fn encode(&self) -> Result<Vec<u8>, ParameterFileError> {
        let data: Vec<(&String, &Vec<usize>, Vec<u8>)> = self
            .entries
            .iter()
            .map(|(name, (shape, values))| (name, shape, self.bytes(values)))
            .collect();
        let dtype = if self.single { Dtype::F32 } else { Dtype::F64 };
        let views: Result<Vec<_>, _> = data
            .iter()
            .map(|(name, shape, bytes)| {
                Ok((*name, TensorView::new(dtype, (*shape).clone(), bytes)?))
            })
            .collect();
        views.and_then(|views| serialize(views, None)).map_err(|error| {
            ParameterFileError::Content { path: "safetensors".into(), problem: error.to_string() }
        })
    }

    fn bytes(&self, values: &[f64]) -> Vec<u8> {
        if self.single {
            values.iter().flat_map(|&value| (value as f32).to_le_bytes()).collect()
        } else {
            values.iter().flat_map(|value| value.to_le_bytes()).collect()
        }
    }
}

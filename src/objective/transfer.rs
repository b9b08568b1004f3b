//! Between flat vectors of f64 on the host and tensors of either precision on a device.
//!
//! Long vectors are shared among threads: next to a gradient of a hundred samples, widening a million
//! numbers is not nothing.

use burn::tensor::{DType, Device, Tensor, TensorData};
use rayon::prelude::*;

use super::ObjectiveError;
use crate::experiment::Precision;

/// Entries that a thread works on at a time.
const PIECE: usize = 1 << 15;

/// The framework's name of a precision.
pub(super) fn dtype(precision: Precision) -> DType {
    match precision {
        Precision::F32 => DType::F32,
        Precision::F64 => DType::F64,
    }
}

/// A vector on the device.
pub(super) fn tensor(values: &[f64], device: &Device, precision: Precision) -> Tensor<1> {
    let shape = [values.len()];
    let data = match precision {
        Precision::F32 => {
            let rounded = values.par_iter().with_min_len(PIECE).map(|&value| value as f32);
            TensorData::new(rounded.collect::<Vec<f32>>(), shape)
        }
        Precision::F64 => TensorData::new(values.to_vec(), shape),
    };
    Tensor::from_data(data, (device, dtype(precision)))
}

/// A tensor's entries on the host, widened to f64.
pub(super) fn host<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f64>, ObjectiveError> {
    let mut values = vec![0.0; tensor.dims().iter().product()];
    add_to(&mut values, tensor)?;
    Ok(values)
}

/// Adds a tensor's entries, widened to f64, to as many numbers.
pub(super) fn add_to<const D: usize>(
    sum: &mut [f64],
    tensor: Tensor<D>,
) -> Result<(), ObjectiveError> {
    let data = tensor.try_into_data().map_err(|error| ObjectiveError::Device(error.to_string()))?;
    // Typed slices: the framework's own conversion looks at the type of every number.
    match (data.as_slice::<f32>(), data.as_slice::<f64>()) {
        (Ok(values), _) => add(sum, values),
        (_, Ok(values)) => add(sum, values),
        _ => add(sum, &data.iter::<f64>().collect::<Vec<_>>()),
    }
    Ok(())
}

fn add<T: Into<f64> + Copy + Sync>(sum: &mut [f64], values: &[T]) {
    let pieces = sum.par_chunks_mut(PIECE).zip(values.par_chunks(PIECE));
    pieces.for_each(|(sum, values)| {
        sum.iter_mut().zip(values).for_each(|(sum, &value)| *sum += value.into());
    });
}

/// Adds the entries of several tensors to a flat vector that holds them one after the other.
pub(super) fn add_all(sum: &mut [f64], tensors: Vec<Tensor<1>>) -> Result<(), ObjectiveError> {
    let mut rest = sum;
    for tensor in tensors {
        let (own, others) = rest.split_at_mut(tensor.dims()[0]);
        add_to(own, tensor)?;
        rest = others;
    }
    Ok(())
}

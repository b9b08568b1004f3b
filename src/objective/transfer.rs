//! Between flat vectors of f64 on the host and tensors of either precision on a device.
//!
//! Plain loops: they run at the memory's speed, and handing pieces to other threads costs more.

use burn::tensor::{DType, Device, Tensor, TensorData};

use super::ObjectiveError;
use crate::precision::Precision;

/// The framework's name of a precision.
pub(super) fn dtype(precision: Precision) -> DType {
    match precision {
        Precision::F32 => DType::F32,
        Precision::F64 => DType::F64,
    }
}

/// A vector on the device.
pub(super) fn tensor(values: &[f64], device: &Device, precision: Precision) -> Tensor<1> {
    scaled_tensor(values, 1.0, device, precision)
}

/// A multiple of a vector on the device.
pub(super) fn scaled_tensor(
    values: &[f64],
    factor: f64,
    device: &Device,
    precision: Precision,
) -> Tensor<1> {
    let shape = [values.len()];
    let scaled = values.iter().map(|&value| factor * value);
    let data = match precision {
        Precision::F32 => {
            TensorData::new(scaled.map(|value| value as f32).collect::<Vec<_>>(), shape)
        }
        Precision::F64 => TensorData::new(scaled.collect::<Vec<_>>(), shape),
    };
    Tensor::from_data(data, (device, dtype(precision)))
}

/// A tensor's entries on the host, widened to f64.
pub(super) fn host<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f64>, ObjectiveError> {
    let mut values = Vec::new();
    add_at(&mut values, 0, 1.0, tensor)?;
    Ok(values)
}

/// sum += factor times the entries of several tensors, one tensor after the other. An empty sum
/// stands for zero.
pub(super) fn add_all(
    sum: &mut Vec<f64>,
    factor: f64,
    tensors: Vec<Tensor<1>>,
) -> Result<(), ObjectiveError> {
    // From a device all at once: each hand-over waits for it.
    let is_far = tensors.first().is_some_and(|tensor| tensor.device() != Device::flex());
    let tensors = if is_far { vec![Tensor::cat(tensors, 0)] } else { tensors };
    let lengths = tensors.iter().map(|tensor| tensor.dims()[0]);
    sum.reserve_exact(lengths.sum::<usize>().saturating_sub(sum.len()));
    let mut start = 0;
    for tensor in tensors {
        let length = tensor.dims()[0];
        add_at(sum, start, factor, tensor)?;
        start += length;
    }
    Ok(())
}

/// Adds to the entries from `start` on, which are those that are there or the next.
fn add_at<const D: usize>(
    sum: &mut Vec<f64>,
    start: usize,
    factor: f64,
    tensor: Tensor<D>,
) -> Result<(), ObjectiveError> {
    let data = tensor.try_into_data().map_err(|error| ObjectiveError::Device(error.to_string()))?;
    // Typed slices: the framework's own conversion looks at the type of every number.
    match (data.as_slice::<f32>(), data.as_slice::<f64>()) {
        (Ok(values), _) => add(sum, start, factor, values),
        (_, Ok(values)) => add(sum, start, factor, values),
        _ => add(sum, start, factor, &data.iter::<f64>().collect::<Vec<_>>()),
    }
    Ok(())
}

fn add<T: Into<f64> + Copy>(sum: &mut Vec<f64>, start: usize, factor: f64, values: &[T]) {
    let terms = values.iter().map(|&value| factor * value.into());
    if start == sum.len() {
        sum.extend(terms);
    } else {
        sum[start..].iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
    }
}

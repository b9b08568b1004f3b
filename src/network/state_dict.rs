//! Between flat vectors in memory and named arrays in files.

use std::collections::{BTreeMap, BTreeSet};

use super::prefix::find_prefix;
use super::{Entry, Layout};
use crate::parameters::Tensors;

/// Names or shapes in a file that do not fit the network.
#[derive(Debug, thiserror::Error)]
#[error("the file does not fit the network:\n{}", problems.join("\n"))]
pub struct StateDictError {
    problems: Vec<String>,
}

impl StateDictError {
    /// One line for each problem.
    pub fn new(problems: Vec<String>) -> Self {
        Self { problems }
    }
}

/// Theta and buffers under their state-dict names, in PyTorch's order of dimensions.
pub fn export(layout: &Layout, theta: &[f64], buffers: &[f64], single: bool) -> Tensors {
    let parameters = layout.parameters.iter().map(|entry| (entry, theta));
    let all = parameters.chain(layout.buffers.iter().map(|entry| (entry, buffers)));
    let entries = all.map(|(entry, flat)| {
        let values = permute(&flat[entry.range()], &entry.shape, &entry.file_axes);
        (entry.name.clone(), (entry.file_shape(), values))
    });
    Tensors { entries: entries.collect(), single }
}

/// Theta and buffers from a file's arrays, wherever in it the network lies.
///
/// Buffers that the file lacks keep their initial values only if it has none of them at all; any
/// other gap is an error that lists everything amiss. What lies beside the network in the file is
/// ignored, and so are the batches that PyTorch's batch norm counts: nothing here depends on them.
pub fn import(layout: &Layout, file: &Tensors) -> Result<(Vec<f64>, Vec<f64>), StateDictError> {
    let entries = || layout.parameters.iter().chain(&layout.buffers);
    let known: BTreeSet<&str> = entries().map(|entry| entry.name.as_str()).collect();
    let prefix = find_prefix(&known, file.entries.keys())?;
    let found: Found = file
        .entries
        .iter()
        .filter_map(|(name, array)| Some((name.strip_prefix(prefix)?, array)))
        .filter(|(name, _)| !name.ends_with("num_batches_tracked"))
        .collect();
    let mut problems = Vec::new();
    let theta = collect(&layout.parameters, &found, &mut problems);
    let buffers = if layout.buffers.iter().any(|entry| found.contains_key(entry.name.as_str())) {
        collect(&layout.buffers, &found, &mut problems)
    } else {
        super::initialise(&layout.buffers, 0)
    };
    let extra = found.keys().filter(|name| !known.contains(*name));
    problems.extend(extra.map(|name| format!("  `{name}` is in the file but not in the network")));
    if problems.is_empty() { Ok((theta, buffers)) } else { Err(StateDictError { problems }) }
}

/// The arrays of a file by their names in the network.
type Found<'a> = BTreeMap<&'a str, &'a (Vec<usize>, Vec<f64>)>;

fn collect(entries: &[Entry], file: &Found, problems: &mut Vec<String>) -> Vec<f64> {
    let mut flat = Vec::new();
    for entry in entries {
        let (name, wanted) = (&entry.name, entry.file_shape());
        match file.get(name.as_str()) {
            None => problems.push(format!("  `{name}` {wanted:?} is missing from the file")),
            Some((found, _)) if *found != wanted => {
                let problem =
                    format!("  `{name}` is {found:?} in the file, {wanted:?} in the network");
                problems.push(problem);
            }
            Some((_, values)) => {
                let sizes: Vec<_> = entry.file_axes.iter().map(|&axis| entry.shape[axis]).collect();
                flat.extend(permute(values, &sizes, &inverse(&entry.file_axes)));
            }
        }
    }
    flat
}

fn inverse(axes: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; axes.len()];
    axes.iter().enumerate().for_each(|(position, &axis)| inverse[axis] = position);
    inverse
}

/// Reorders dimensions: dimension i of the result is dimension `axes[i]` of the row-major `values`.
fn permute(values: &[f64], shape: &[usize], axes: &[usize]) -> Vec<f64> {
    if axes.iter().enumerate().all(|(position, &axis)| position == axis) {
        return values.to_vec();
    }
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    let mut offsets = vec![0];
    for &axis in axes {
        let (size, stride) = (shape[axis], strides[axis]);
        let along = |&base: &usize| (0..size).map(move |i| base + i * stride);
        offsets = offsets.iter().flat_map(along).collect();
    }
    offsets.into_iter().map(|offset| values[offset]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Shape, ShapeError, mlp};

    #[test]
    fn permuting_and_back_is_the_identity() {
        let values: Vec<f64> = (0..24).map(f64::from).collect();
        let there = permute(&values, &[2, 3, 4], &[2, 0, 1]);
        // Entry [k, i, j] of the result is entry [i, j, k]: 12 i + 4 j + k.
        assert_eq!(there[..4], [0.0, 4.0, 8.0, 12.0]);
        assert_eq!(permute(&there, &[4, 2, 3], &inverse(&[2, 0, 1])), values);
    }

    #[test]
    fn what_is_exported_is_imported_and_misfits_are_all_listed() -> Result<(), ShapeError> {
        let layout = mlp(Shape::flat(3), &[4], 2, true)?.layout;
        let theta: Vec<f64> = (0..layout.dimension()).map(|i| i as f64).collect();
        let buffers: Vec<f64> = (0..layout.buffer_dimension()).map(|i| -(i as f64)).collect();
        let mut file = export(&layout, &theta, &buffers, true);
        assert_eq!(file.entries["fc1.weight"].0, [4, 3]);
        assert_eq!(file.entries["fc1.weight"].1[..3], [0.0, 4.0, 8.0]);
        assert!(import(&layout, &file).is_ok_and(|found| found == (theta, buffers)));

        file.entries.remove("bn1.bias");
        file.entries.insert("fc9.weight".to_owned(), (vec![1], vec![0.0]));
        file.entries.insert("fc2.bias".to_owned(), (vec![1], vec![0.0]));
        let message = import(&layout, &file).err().map(|error| error.to_string());
        let message = message.unwrap_or_default();
        assert!(["`bn1.bias`", "`fc9.weight`", "`fc2.bias`"].iter().all(|n| message.contains(n)));
        Ok(())
    }
}

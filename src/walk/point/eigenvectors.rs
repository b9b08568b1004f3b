//! The files of the largest eigenvectors, which later spectra compare theirs with.

use super::Here;
use crate::linalg::Eigenpair;
use crate::objective::{Objective, Point};
use crate::parameters::Tensors;
use crate::run::{RunError, write_atomic};
use crate::walk::WalkError;

/// Writes eigenvectors in 32 bits and returns them as the files have them.
pub(super) fn save<O: Objective>(
    here: &Here<O>,
    pairs: &[Eigenpair],
) -> Result<Vec<Vec<f64>>, WalkError> {
    let mut rounded = Vec::new();
    for (index, pair) in (1..).zip(pairs) {
        let path = here.recorder.folder.eigenvector(here.state.step, index);
        let theta = pair.vector.iter().map(|&entry| f64::from(entry as f32)).collect();
        let point = Point { theta, buffers: here.state.point.buffers.clone() };
        let encoded = here.objective.export(&point, true).encode().map_err(RunError::from)?;
        write_atomic(&path, &encoded)?;
        rounded.push(point.theta.into_entries());
    }
    Ok(rounded)
}

/// The `count` largest eigenvectors before step `step`; those that are there, if a file is missing.
pub(super) fn load<O: Objective>(
    here: &Here<O>,
    step: u64,
    count: usize,
) -> Result<Vec<Vec<f64>>, WalkError> {
    let folder = here.recorder.folder;
    let paths = (1..=count).map(|i| folder.eigenvector(step, i));
    let mut vectors = Vec::new();
    for path in paths.filter(|path| path.exists()) {
        let file =
            Tensors::read(&path).map_err(|error| RunError::content(&path, error.to_string()))?;
        vectors.push(here.objective.import(&file)?.theta.into_entries());
    }
    Ok(vectors)
}

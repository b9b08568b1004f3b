//! What an optimiser remembers.

use std::collections::BTreeMap;

use crate::linalg::{Element, Vector};

/// Vectors that a rule keeps from step to step, each as long as theta and 0 before the first step,
/// under the names that they have in a checkpoint.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Carried(BTreeMap<String, Vector>);

impl Carried {
    /// The vectors of an earlier step.
    pub fn new(vectors: BTreeMap<String, Vector>) -> Self {
        Self(vectors)
    }

    /// All of them, by name.
    pub fn vectors(&self) -> &BTreeMap<String, Vector> {
        &self.0
    }

    /// Lets `change` read and write those of some names, of so many entries each.
    pub(super) fn with<T: Element, const N: usize>(
        &mut self,
        names: [&str; N],
        length: usize,
        change: impl FnOnce([&mut Vec<T>; N]),
    ) {
        let new = || vec![T::default(); length];
        let kept = |name| self.0.remove(name).map_or_else(new, Vector::into_entries);
        let mut vectors = names.map(kept);
        change(vectors.each_mut());
        self.0.extend(names.map(str::to_owned).into_iter().zip(vectors.map(Vector::from)));
    }
}

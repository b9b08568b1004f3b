//! What an optimiser remembers.

use std::collections::BTreeMap;

/// Vectors that a rule keeps from step to step, each as long as theta and 0 before the first step,
/// under the names that they have in a checkpoint.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Carried(BTreeMap<String, Vec<f64>>);

impl Carried {
    /// The vectors of an earlier step.
    pub fn new(vectors: BTreeMap<String, Vec<f64>>) -> Self {
        Self(vectors)
    }

    /// All of them, by name.
    pub fn vectors(&self) -> &BTreeMap<String, Vec<f64>> {
        &self.0
    }

    /// Lets `change` read and write those of some names, of so many entries each.
    pub(super) fn with<const N: usize>(
        &mut self,
        names: [&str; N],
        length: usize,
        change: impl FnOnce([&mut Vec<f64>; N]),
    ) {
        let kept = |name| self.0.remove(name).unwrap_or_else(|| vec![0.0; length]);
        let mut vectors = names.map(kept);
        change(vectors.each_mut());
        self.0.extend(names.map(str::to_owned).into_iter().zip(vectors));
    }
}

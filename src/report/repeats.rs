//! Runs that differ in the seed alone, and what they have in common.

use toml::Table;

use super::run_data::RunData;
use crate::measure::Mean;

/// The confidence of the intervals of means over seeds.
const CONFIDENCE: f64 = 0.95;

/// True for two runs or more of one experiment with different seeds.
pub(super) fn are_repeats(runs: &[RunData]) -> bool {
    let without_seed = |run: &RunData| -> Table {
        let mut settings = run.settings.clone();
        if let Some(train) = settings.get_mut("train").and_then(|train| train.as_table_mut()) {
            train.remove("seed");
        }
        settings
    };
    let [first, others @ ..] = runs else { return false };
    let common = without_seed(first);
    let seeds: std::collections::BTreeSet<u64> = runs.iter().map(|run| run.manifest.seed).collect();
    !others.is_empty()
        && seeds.len() == runs.len()
        && !common.is_empty()
        && others.iter().all(|run| without_seed(run) == common)
}

/// A mean over seeds with its interval, "12.3 ± 1.5".
pub(super) fn mean_text(numbers: &[f64]) -> String {
    let mean = Mean::of(numbers);
    match mean.margin(numbers.len(), CONFIDENCE) {
        margin if margin.is_nan() => format!("{:.1}", mean.mean),
        margin => format!("{:.1} ± {margin:.1}", mean.mean),
    }
}

//! Runs that differ in the seed alone: single ones are thin lines in a figure, their mean is a thick one.

use toml::Table;

use super::run_data::RunData;
use crate::measure::Mean;

/// The colour of means, next to runs of any colour.
pub(super) const MEAN: usize = 7;
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

/// What a mean over seeds is called.
pub(super) fn mean_name(runs: &[RunData]) -> String {
    mean_of(runs.len())
}

/// What a mean over so many seeds is called.
pub(super) fn mean_of(seeds: usize) -> String {
    format!("mean of {seeds} seeds, with its 95 % interval")
}

/// The mean of the finite ones of some numbers, NaN of none, and how far on either side of it its interval
/// goes; none for fewer than two.
pub(super) fn mean_and_margin(numbers: impl IntoIterator<Item = f64>) -> (f64, Option<f64>) {
    let numbers: Vec<f64> = numbers.into_iter().filter(|number| number.is_finite()).collect();
    let mean = Mean::of(&numbers);
    let margin = Some(mean.margin(numbers.len(), CONFIDENCE));
    (mean.mean, margin.filter(|margin| margin.is_finite()))
}

/// A mean over seeds with its interval, "12.3 ± 1.5".
pub(super) fn mean_text(numbers: impl IntoIterator<Item = f64>) -> String {
    match mean_and_margin(numbers) {
        (mean, None) => format!("{mean:.1}"),
        (mean, Some(margin)) => format!("{mean:.1} ± {margin:.1}"),
    }
}

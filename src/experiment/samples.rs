//! What an experiment demands of its data set's size.

use super::{Experiment, Measure, Problem, Sampling};
use crate::objective::BatchNormPolicy;

/// Everything in the experiment that cannot be with a training set of `available` samples.
pub fn check_samples(experiment: &Experiment, available: usize) -> Vec<Problem> {
    let Experiment { data, train, evaluation, .. } = experiment;
    let has_norm = experiment.has_batch_norm();
    let mut problems = Vec::new();
    let mut problem = |key: &str, value: usize, remedy: String| {
        problems.push(Problem { key: key.to_owned(), value: Some(value.to_string()), remedy });
    };
    let samples = data.train_samples.unwrap_or(available);
    if samples > available {
        let remedy = format!("{} has {available} training samples", data.name);
        problem("data.train_samples", samples, remedy);
        return problems;
    }
    // Steps are fewer than the samples that they see.
    if train.epochs.checked_mul(samples as u64).is_none() {
        let remedy = format!("with {samples} samples an epoch, these are more than can be counted");
        problem("train.epochs", train.epochs as usize, remedy);
    }
    let has_batches = train.sampling != Sampling::Full;
    if has_batches && train.batch_size > samples {
        let remedy = format!(
            "the training set has only {samples} samples; for full-batch steps write {samples}"
        );
        problem("train.batch_size", train.batch_size, remedy);
    }
    let smallest = |size: usize| match samples % size.max(1) {
        0 => size.min(samples),
        rest => rest,
    };
    let lonely = "leaves a batch of one sample, whose batch-norm statistics are undefined: choose a \
                  size whose last batch has at least two samples, or batch_norm = false";
    if has_norm && has_batches && chunks(train.batch_size, train.chunk, samples).any(|n| n == 1) {
        problem(
            "train.batch_size",
            train.batch_size,
            format!("{lonely} (train.chunk = {})", train.chunk),
        );
    }
    let uses_batches = evaluation.batch_norm != BatchNormPolicy::Running;
    if has_norm && uses_batches && smallest(evaluation.batch_size) == 1 {
        problem("evaluation.batch_size", evaluation.batch_size, lonely.to_owned());
    }
    for (index, measure) in experiment.measure.iter().enumerate() {
        let Measure::Point(measure) = measure else { continue };
        let key = format!("measure[{index}].batch_sizes");
        for &size in measure.batch_sizes() {
            if size > samples {
                problem(&key, size, format!("the training set has only {samples} samples"));
            } else if has_norm && size < samples && pieces(size, train.chunk).any(|n| n == 1) {
                problem(&key, size, format!("{lonely} (train.chunk = {})", train.chunk));
            }
        }
    }
    problems
}

/// The smallest pieces that batches (a full one and the epoch's last) are cut into.
fn chunks(batch: usize, chunk: usize, samples: usize) -> impl Iterator<Item = usize> {
    let batch = batch.max(1);
    [batch.min(samples), samples % batch].into_iter().flat_map(move |size| pieces(size, chunk))
}

/// The sizes that a batch of `size` samples is cut into.
fn pieces(size: usize, chunk: usize) -> impl Iterator<Item = usize> {
    let chunk = chunk.max(1);
    [chunk.min(size), size % chunk].into_iter().filter(|&size| size > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::parse;

    #[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    fn keys(settings: &[&str], available: usize) -> Vec<String> {
        let overrides: Vec<_> = settings.iter().map(|&setting| setting.to_owned()).collect();
        let text = "[data]\nname = 'digits'\n[model]\narch = 'mlp'\n";
        let experiment = parse(text, "a.toml", "a", &overrides).unwrap();
        check_samples(&experiment, available).into_iter().map(|problem| problem.key).collect()
    }

    #[test]
    fn sizes_that_cannot_be_are_found() {
        assert!(keys(&[], 1000).is_empty());
        assert_eq!(keys(&["data.train_samples=1001"], 1000), ["data.train_samples"]);
        assert!(keys(&["train.epochs=9223372036854775"], 1000).is_empty());
        assert_eq!(keys(&["train.epochs=92233720368547759"], 1000), ["train.epochs"]);
        let both = ["train.batch_size", "evaluation.batch_size"];
        assert_eq!(keys(&["train.batch_size=37"], 1000), both);
        assert!(keys(&["train.batch_size=37", "model.batch_norm=false"], 1000).is_empty());
        assert_eq!(keys(&["train.chunk=99"], 1000), ["train.batch_size"]);
        assert_eq!(keys(&["train.batch_size=1001", "evaluation.batch_size=10"], 1000), both[..1]);
        let sizes = |sizes: &str| {
            let measure = format!("measure=[{{kind='alignment',batch_sizes={sizes}}}]");
            keys(&[&measure], 1000)
        };
        assert!(sizes("[2, 1000]").is_empty());
        assert_eq!(sizes("[1, 1001]"), ["measure[0].batch_sizes"; 2]);
        assert_eq!(keys(&["train.optimizer=gd", "evaluation.batch_size=999"], 1000), both[1..]);
    }
}

//! What an experiment demands of its data set's size.

use super::{BatchNormPolicy, Experiment, Optimizer, Problem};

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
    let is_sgd = train.optimizer == Optimizer::Sgd;
    if is_sgd && train.batch_size > samples {
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
    if has_norm && is_sgd && chunks(train.batch_size, train.chunk, samples).any(|n| n == 1) {
        problem(
            "train.batch_size",
            train.batch_size,
            format!("{lonely} (train.chunk = {})", train.chunk),
        );
    }
    // Gradient descent trains on the evaluation batches, whatever the policy of measurement.
    let uses_batches = evaluation.batch_norm != BatchNormPolicy::Running || !is_sgd;
    if has_norm && uses_batches && smallest(evaluation.batch_size) == 1 {
        problem("evaluation.batch_size", evaluation.batch_size, lonely.to_owned());
    }
    problems
}

/// The smallest pieces that batches (a full one and the epoch's last) are cut into.
fn chunks(batch: usize, chunk: usize, samples: usize) -> impl Iterator<Item = usize> {
    let (batch, chunk) = (batch.max(1), chunk.max(1));
    let batches = [batch.min(samples), samples % batch];
    batches
        .into_iter()
        .filter(|&size| size > 0)
        .flat_map(move |size| [chunk.min(size), size % chunk])
        .filter(|&size| size > 0)
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
        let both = ["train.batch_size", "evaluation.batch_size"];
        assert_eq!(keys(&["train.batch_size=37"], 1000), both);
        assert!(keys(&["train.batch_size=37", "model.batch_norm=false"], 1000).is_empty());
        assert_eq!(keys(&["train.chunk=99"], 1000), ["train.batch_size"]);
        assert_eq!(keys(&["train.batch_size=1001", "evaluation.batch_size=10"], 1000), both[..1]);
        assert_eq!(keys(&["train.optimizer=gd", "evaluation.batch_size=999"], 1000), both[1..]);
    }
}

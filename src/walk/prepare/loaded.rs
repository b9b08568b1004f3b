//! The data of an experiment, as its settings want them.

use super::PrepareError;
use crate::data::{Dataset, PixelNormalisation};
use crate::experiment::{Evaluation, Experiment, Problem, check_samples};
use crate::objective::BatchNormPolicy;
use crate::walk::memory::{check, of_data};

/// The data of an experiment.
pub(super) struct Loaded {
    pub train: Dataset,
    pub test: Option<Dataset>,
    /// The normalisation that the set has without settings.
    pub own: PixelNormalisation,
    pub empty_classes: Vec<u16>,
}

pub(super) fn load_data(
    experiment: &Experiment,
    ranks_here: usize,
) -> Result<Loaded, PrepareError> {
    let settings = &experiment.data;
    let (name, root) = (&settings.name, settings.root.as_deref());
    let mut data = crate::data::load(name, root)?;
    let empty_classes = data.empty_classes();
    let problems = check_samples(experiment, data.len());
    if !problems.is_empty() {
        return Err(PrepareError::Samples(problems));
    }
    if let Some(count) = settings.train_samples {
        data = data.truncated(count)?;
    }
    let of_data = of_data(settings, data.len(), data.shape());
    check(of_data.into_iter().map(|claim| claim.on(ranks_here)).collect())?;
    let (train, own) = adapted(settings, data)?;
    let test = match experiment.evaluation.test {
        Some(false) => None,
        _ => crate::data::load_test(name, root)?,
    };
    if experiment.evaluation.test == Some(true) && test.is_none() {
        return Err(PrepareError::NoTestSplit { data: name.clone(), root: settings.root.clone() });
    }
    let test = test.map(|test| adapted(settings, test)).transpose()?.map(|(test, _)| test);
    if let Some(test) = &test {
        check_test(experiment, &train, test)?;
    }
    Ok(Loaded { train, test, own, empty_classes })
}

/// Images as the settings want them, and the normalisation that they would have without settings.
fn adapted(
    settings: &crate::experiment::Data,
    mut data: Dataset,
) -> Result<(Dataset, PixelNormalisation), PrepareError> {
    if let Some(size) = settings.pad {
        data = data.padded(size)?;
    }
    if let Some(channels) = settings.channels {
        data = data.with_channels(channels)?;
    }
    let own = data.normalisation().clone();
    Ok((data.normalised(settings.mean.as_deref(), settings.std.as_deref())?, own))
}

/// An error if the network cannot see the test split in its evaluation batches.
fn check_test(
    experiment: &Experiment,
    train: &Dataset,
    test: &Dataset,
) -> Result<(), PrepareError> {
    let (found, expected) = ((test.shape(), test.classes()), (train.shape(), train.classes()));
    if found.0 != expected.0 || found.1 > expected.1 {
        return Err(PrepareError::OtherTestSplit { found, expected });
    }
    let Evaluation { batch_size, batch_norm, .. } = experiment.evaluation;
    let own_statistics = experiment.has_batch_norm() && batch_norm == BatchNormPolicy::Batch;
    if own_statistics && (test.len() % batch_size == 1 || batch_size == 1) {
        let remedy = format!(
            "leaves a batch of one of the {} test samples, whose batch-norm statistics are undefined: \
             choose another size, or evaluation.test = false",
            test.len()
        );
        let (key, value) = ("evaluation.batch_size".to_owned(), Some(batch_size.to_string()));
        return Err(PrepareError::Samples(vec![Problem { key, value, remedy }]));
    }
    Ok(())
}

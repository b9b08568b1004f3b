//! Measuring parameter files, whoever saved them: what `losswalk line` and `losswalk path` share.

use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use super::arguments::{MeasureArgs, arguments_given};
use crate::data::PixelNormalisation;
use crate::experiment::{self, Experiment};
use crate::measure::LineLosses;
use crate::measure::certified::Rule;
use crate::network::StateDictError;
use crate::objective::{BatchNormPolicy, Interrupt, Objective, Point, Score};
use crate::parameters::Tensors;
use crate::precision::Precision;
use crate::ranks::{Job, SharedLoss};
use crate::run::{CertificateRecord, RunFolder, Samples, Verdict};
use crate::walk::{Claim, Prepared, check};

const NO_STATISTICS: &str = "  it holds no running statistics, which evaluation.batch_norm = \"running\" needs; \
                             choose \"batch\" or \"recomputed\"";

/// An experiment whose loss is measured, and how parameter files are read for it.
pub(super) struct Subject<'a> {
    job: &'a Job,
    pub(super) prepared: Prepared,
    /// Name of the data set.
    pub(super) data: String,
    pub(super) precision: Precision,
    /// The seed of the evaluation batches and of the order of their visits.
    pub(super) seed: u64,
    policy: Option<BatchNormPolicy>,
}

impl<'a> Subject<'a> {
    /// The network and data of a run, or of an experiment file.
    pub(super) fn open(arguments: &MeasureArgs, job: &'a Job) -> anyhow::Result<Self> {
        let experiment = match (&arguments.model, &arguments.run) {
            (Some(file), _) => experiment::load(file, &[])?,
            (None, Some(run)) => experiment::load(&RunFolder::open(run)?.experiment(), &[])?,
            (None, None) => anyhow::bail!("neither --model nor --run is given"),
        };
        let setup = arguments.device.set_up(job)?;
        let experiment = experiment.without_test();
        let prepared = job.prepare(&experiment, &setup, &Interrupt::default())?;
        let prepared = prepared.asked_by(arguments_given());
        warn_about_classes(&experiment.data.name, &prepared.empty_classes);
        let policy = experiment.has_batch_norm().then_some(experiment.evaluation.batch_norm);
        let Experiment { data, evaluation, train, .. } = experiment;
        let precision = evaluation.precision;
        Ok(Self { job, prepared, data: data.name, precision, seed: train.seed, policy })
    }

    /// The loss.
    pub(super) fn loss(&self) -> SharedLoss<'_> {
        self.job.share(&self.prepared.objective)
    }

    /// What a network sees of a pixel.
    pub(super) fn normalisation(&self) -> &PixelNormalisation {
        self.prepared.objective.data().normalisation()
    }

    /// Measures the loss under another policy of batch norm from now on.
    pub(super) fn set_policy(&mut self, policy: BatchNormPolicy) -> anyhow::Result<()> {
        Ok(self.job.set_policy(&mut self.prepared.objective, policy)?)
    }

    /// Measures the loss of images that are normalised otherwise from now on.
    pub(super) fn set_normalisation(&mut self, to: PixelNormalisation) -> anyhow::Result<()> {
        Ok(self.job.set_normalisation(&mut self.prepared.objective, to)?)
    }

    /// What the losses are of: the head of every table.
    pub(super) fn head(&self) -> String {
        let (data, measured) = (self.prepared.objective.data(), self.prepared.objective.measured());
        let statistics = match self.policy {
            None => String::new(),
            Some(BatchNormPolicy::Batch) => {
                format!("; batch norm: statistics of each batch of {}", measured.batch_size)
            }
            Some(BatchNormPolicy::Recomputed) => {
                "; batch norm: statistics of the training set".to_owned()
            }
            Some(BatchNormPolicy::Running) => "; batch norm: running statistics".to_owned(),
        };
        let (samples, normalisation) = (data.len(), self.normalisation());
        format!("{}: {samples} training images, pixels {normalisation}{statistics}", self.data)
    }

    /// The share of the training set that is classified right.
    pub(super) fn accuracy(&self, at: &Point) -> anyhow::Result<Option<f64>> {
        Ok(self.score(at)?.accuracy)
    }

    /// What a point scores on the training set.
    pub(super) fn score(&self, at: &Point) -> anyhow::Result<Score> {
        Ok(self.loss().scores(at, self.precision)?.train)
    }

    /// The policy of batch norm; none for a network without.
    pub(super) fn policy(&self) -> Option<BatchNormPolicy> {
        self.policy
    }

    /// An error if the machine cannot hold a line of so many points.
    pub(super) fn check_points(&self, points: u16) -> anyhow::Result<()> {
        let what = "the parameters at every point of a line";
        let vectors = [points.into(), self.prepared.objective.dimension()];
        let claim = Claim::vectors("--points", points, what, vectors);
        Ok(check(vec![claim.on(self.job.survey().here)])?)
    }

    /// Reads the parameters of the network from a file of any kind.
    pub(super) fn read(&self, path: &Path) -> anyhow::Result<Point> {
        let file = Tensors::read(path)?;
        let point = self.prepared.objective.import(&file).and_then(|point| {
            if has_statistics(&file) || self.policy != Some(BatchNormPolicy::Running) {
                return Ok(point);
            }
            Err(StateDictError::new(vec![NO_STATISTICS.to_owned()]))
        });
        point.with_context(|| path.display().to_string())
    }

    /// Judges what was measured on a line, under a rule if it was certified; its ends have these
    /// accuracies.
    pub(super) fn judge(
        &self,
        line: LineLosses,
        accuracies: [Option<f64>; 2],
        rule: Option<Rule>,
    ) -> Measured {
        Measured {
            verdict: Verdict::from(&line),
            samples: Samples::of(&line, self.prepared.objective.samples()),
            certificate: line.certified.zip(rule).map(CertificateRecord::from),
            accuracies,
            normalisation: self.normalisation().clone(),
            batch_norm: self.policy,
            alphas: line.alphas,
            losses: line.losses,
        }
    }
}

/// The file has running statistics of batch norm.
pub(super) fn has_statistics(file: &Tensors) -> bool {
    file.entries.keys().any(|name| name.ends_with("running_mean"))
}

/// Says on stderr if labels leave gaps: the network has an output that nothing teaches.
pub(super) fn warn_about_classes(data: &str, empty: &[u16]) {
    if !empty.is_empty() {
        let classes: Vec<_> = empty.iter().map(u16::to_string).collect();
        let classes = classes.join(", ");
        eprintln!(
            "warning: {data} has no training image of class {classes}: labels count from 0 without gaps"
        );
    }
}

/// What `--json` prints of one line, under the names of `line.jsonl`.
#[derive(Serialize)]
pub(super) struct Measured {
    pub(super) alphas: Vec<f64>,
    pub(super) losses: Vec<f64>,
    pub(super) samples: Samples,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) certificate: Option<CertificateRecord>,
    #[serde(flatten)]
    pub(super) verdict: Verdict,
    /// The share of the training set that is classified right, at both ends.
    pub(super) accuracies: [Option<f64>; 2],
    normalisation: PixelNormalisation,
    batch_norm: Option<BatchNormPolicy>,
}

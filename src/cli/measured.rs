//! Measuring parameter files, whoever saved them: what `losswalk line` and `losswalk path` share.

use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use super::arguments::MeasureArgs;
use crate::experiment::{self, Experiment};
use crate::measure::LineLosses;
use crate::measure::certified::Rule;
use crate::network::StateDictError;
use crate::objective::BatchNormPolicy;
use crate::objective::{Classification, Interrupt, Objective, Point};
use crate::parameters::Tensors;
use crate::precision::Precision;
use crate::run::{CertificateRecord, RunFolder, Samples, Verdict};
use crate::walk::{Claim, check, prepare};

const NO_STATISTICS: &str = "  it holds no running statistics, which evaluation.batch_norm = \"running\" needs; \
                             choose \"batch\" or \"recomputed\"";

/// A loss, and how parameter files are read for it.
pub(super) struct Subject {
    pub(super) objective: Classification,
    pub(super) precision: Precision,
    /// The seed of the evaluation batches and of the order of their visits.
    pub(super) seed: u64,
    policy: Option<BatchNormPolicy>,
}

impl Subject {
    /// The network and data of a run, or of an experiment file.
    pub(super) fn open(arguments: &MeasureArgs) -> anyhow::Result<Self> {
        let experiment = match (&arguments.model, &arguments.run) {
            (Some(file), _) => experiment::load(file, &[])?,
            (None, Some(run)) => experiment::load(&RunFolder::open(run)?.experiment(), &[])?,
            (None, None) => anyhow::bail!("neither --model nor --run is given"),
        };
        let setup = arguments.device.set_up()?;
        let objective = prepare(&experiment, &setup, &Interrupt::default())?.objective;
        let Experiment { evaluation, .. } = &experiment;
        let policy = experiment.has_batch_norm().then_some(evaluation.batch_norm);
        let (precision, seed) = (evaluation.precision, experiment.train.seed);
        Ok(Self { objective, precision, seed, policy })
    }

    /// An error if the machine cannot hold a line of so many points.
    pub(super) fn check_points(&self, points: u16) -> anyhow::Result<()> {
        let what = "the parameters at every point of a line";
        let vectors = [points.into(), self.objective.dimension()];
        Ok(check(vec![Claim::vectors("--points", points, what, vectors)])?)
    }

    /// Reads the parameters of the network from a file of any kind.
    pub(super) fn read(&self, path: &Path) -> anyhow::Result<Point> {
        let file = Tensors::read(path)?;
        let point = self.objective.import(&file).and_then(|point| {
            let has_statistics = file.entries.keys().any(|name| name.ends_with("running_mean"));
            if has_statistics || self.policy != Some(BatchNormPolicy::Running) {
                return Ok(point);
            }
            Err(StateDictError::new(vec![NO_STATISTICS.to_owned()]))
        });
        point.with_context(|| path.display().to_string())
    }

    /// Judges what was measured on a line, under a rule if it was certified.
    pub(super) fn judge(&self, line: LineLosses, rule: Option<Rule>) -> Measured {
        Measured {
            verdict: Verdict::from(&line),
            samples: Samples::of(&line, self.objective.samples()),
            certificate: line.certified.zip(rule).map(CertificateRecord::from),
            batch_norm: self.policy,
            alphas: line.alphas,
            losses: line.losses,
        }
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
    batch_norm: Option<BatchNormPolicy>,
}

impl Measured {
    /// The most samples that a loss is the mean of.
    pub(super) fn all_samples(&self) -> u64 {
        match &self.samples {
            Samples::Each(samples) => *samples,
            Samples::AtAlphas(samples) => samples.iter().copied().max().unwrap_or(0),
        }
    }
}

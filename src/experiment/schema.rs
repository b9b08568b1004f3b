//! The experiment as data; serialised, it is `run.toml` with every default written out.

use std::path::PathBuf;

use serde::Serialize;

use super::{Measure, Train};
use crate::data::{self, Augment, DatasetEntry, PixelNormalisation};
use crate::network::Model;
use crate::objective::{BatchNormPolicy, MeasuredLoss, Protocol};
use crate::precision::Precision;

/// One experiment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Experiment {
    /// Name of the run folder by default.
    pub name: String,
    /// Runs of the same experiment that differ in `train.seed` alone, one for each; a single run of
    /// `train.seed` if empty. A run's own `run.toml` has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seeds: Vec<u64>,
    /// The training set.
    pub data: Data,
    /// The network.
    pub model: Model,
    /// The path.
    pub train: Train,
    /// The loss that is measured.
    pub evaluation: Evaluation,
    /// What is measured, and when.
    pub measure: Vec<Measure>,
}

impl Experiment {
    /// The network has batch norm.
    pub fn has_batch_norm(&self) -> bool {
        self.model.has_batch_norm()
    }

    /// The experiment without scores on a test split.
    pub fn without_test(mut self) -> Self {
        self.evaluation.test = Some(false);
        self
    }

    /// The experiment with another seed, and with no other seeds.
    pub fn with_seed(&self, seed: u64) -> Self {
        let train = Train { seed, ..self.train.clone() };
        Self { seeds: Vec::new(), train, ..self.clone() }
    }

    /// The experiment with what its data set decides where it says nothing: what a network sees of a
    /// pixel, and whether there is a test split.
    pub fn on_data(mut self, own: &PixelNormalisation, has_test: bool) -> Self {
        self.data.mean.get_or_insert_with(|| own.mean.to_vec());
        self.data.std.get_or_insert_with(|| own.std.to_vec());
        self.evaluation.test.get_or_insert(has_test);
        self
    }

    /// The text of `run.toml`.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}

/// `[data]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Data {
    /// Name in the catalogue.
    pub name: String,
    /// Folder with the files as published; none for embedded data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// The first so many; all if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_samples: Option<usize>,
    /// Images in the middle of a border of zeros, so many pixels high and wide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pad: Option<usize>,
    /// Grey images repeated in so many channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<usize>,
    /// Subtracted from every pixel on [0, 1], one number a channel; the set's own if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<Vec<f64>>,
    /// Divides what is left, one number a channel; the set's own if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub std: Option<Vec<f64>>,
    /// Change of the training images.
    pub augment: Augment,
}

/// `[evaluation]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Samples of an evaluation batch; the last one may be short.
    pub batch_size: usize,
    /// Where batch norm takes its statistics from.
    pub batch_norm: BatchNormPolicy,
    /// Convolutions may be computed by Winograd's algorithm, with fewer multiplications.
    pub winograd: bool,
    /// How the measurement set is presented.
    pub protocol: Protocol,
    /// The precision of the forward pass.
    pub precision: Precision,
    /// Loss and accuracy on the test split at the end of every epoch; if none, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<bool>,
}

impl Data {
    /// The whole set of this name as it is, from its usual folder if it has one.
    pub fn named(name: String) -> Self {
        let root = match data::find(&name) {
            Ok(DatasetEntry::Published(set)) => Some(set.default_root()),
            _ => None,
        };
        Self {
            name,
            root,
            train_samples: None,
            pad: None,
            channels: None,
            mean: None,
            std: None,
            augment: Augment::None,
        }
    }
}

impl Default for Evaluation {
    /// What an experiment gets that says nothing.
    fn default() -> Self {
        Self {
            batch_size: Train::default().batch_size,
            batch_norm: BatchNormPolicy::Batch,
            winograd: true,
            protocol: Protocol::Fixed,
            precision: Precision::F32,
            test: None,
        }
    }
}

impl Evaluation {
    /// The loss that it describes, on a training set of `samples` samples.
    pub fn measured_loss(&self, samples: usize, seed: u64) -> MeasuredLoss {
        let loss =
            MeasuredLoss::new(samples, self.batch_size, self.batch_norm, self.protocol, seed);
        MeasuredLoss { winograd: self.winograd, ..loss }
    }
}

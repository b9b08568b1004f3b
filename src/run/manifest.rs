//! `manifest.json`: what ran, on what, and how it ended.

use serde::{Deserialize, Serialize};

use super::Machine;
use crate::data::{DataFile, PixelNormalisation};
use crate::measure::{LineError, Trust};
use crate::precision::Precision;

/// Version of the run folder's format.
///
/// History: 1 = first version; 2 = `learning_rate` and `batch_size` of a step may be null, and
/// `checkpoints` names the points of a path.
pub const FORMAT_VERSION: u32 = 2;

/// The oldest version that is read.
pub(super) const OLDEST_VERSION: u32 = 1;

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Under way, or killed without a chance to say so.
    Running,
    /// Every step is recorded.
    Done,
    /// Stopped because a loss or gradient was not finite.
    Diverged,
    /// Stopped by a signal or an error; `--resume` goes on.
    Interrupted,
}

/// One parameter's place in theta.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManifestParameter {
    /// Name in the state dict.
    pub name: String,
    /// Shape as in the parameter files (PyTorch's order of dimensions).
    pub shape: Vec<usize>,
    /// Index of its first entry in theta.
    pub offset: usize,
}

/// Something in the records that needs an explanation, such as a null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The step it happened at.
    pub step: u64,
    /// What happened.
    pub message: String,
}

/// A run that had ended, or was to end, and was resumed with more epochs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Steps that the run had in all until then.
    pub total_steps: u64,
    /// When more were added, in UTC.
    pub date: String,
}

/// A step that a device, after a resume, computed otherwise than before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Departure {
    /// The step.
    pub step: u64,
    /// See [`StepRecord::error_of`](super::StepRecord::error_of).
    pub error: f64,
}

/// The content of `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// See [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The program's version.
    pub version: String,
    /// The commit it was built from, where known.
    pub commit: Option<String>,
    /// Name of the experiment.
    pub name: String,
    /// Name of the data set.
    pub data: String,
    /// Its files, as read.
    pub data_files: Vec<DataFile>,
    /// What the network saw of a pixel; null in manifests of versions that did not write it, and for
    /// an objective without pixels.
    #[serde(default)]
    pub normalisation: Option<PixelNormalisation>,
    /// N, the samples that every full loss is the mean of.
    pub samples: u64,
    /// Where each parameter lies in theta.
    pub parameters: Vec<ManifestParameter>,
    /// Entries of theta.
    pub parameter_count: usize,
    /// Steps that the whole run has.
    pub total_steps: u64,
    /// The files of a path of saved checkpoints, one more than steps; empty for a walk.
    #[serde(default)]
    pub checkpoints: Vec<String>,
    /// Earlier ends of the run; empty unless epochs were added.
    #[serde(default)]
    pub extensions: Vec<Extension>,
    /// The seed that initialisation, batches and evaluation order derive from.
    pub seed: u64,
    /// The device that computed.
    pub device: String,
    /// Threads that computed.
    pub threads: usize,
    /// Processes that computed, each with so many threads.
    #[serde(default = "one")]
    pub ranks: usize,
    /// When the run was begun, in UTC; null in manifests of versions that did not write it.
    #[serde(default)]
    pub started: Option<String>,
    /// How long it took, over all attempts, as far as `timing.jsonl` accounts for it; null until it
    /// ends.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// The command that began it, with its arguments.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Where it was begun.
    #[serde(default)]
    pub machine: Option<Machine>,
    /// The instruction set of the kernels that losses in 32 bits ran on; null where they ran on the
    /// framework's operators.
    #[serde(default)]
    pub kernels: Option<String>,
    /// |L in 32 bits - L in 64 bits| / L at theta_0; null for a run that measures in 64 bits.
    pub evaluation_error: Option<f64>,
    /// How far losses along lines in 32 bits are from 64, at each step where it was measured; what the
    /// verdicts on barriers trust follows from it. Empty for a run that measures in 64 bits.
    #[serde(default)]
    pub line_errors: Vec<LineError>,
    /// Steps from which on records were made anew after a resume, because a device repeated them up to its
    /// rounding only.
    #[serde(default)]
    pub departures: Vec<Departure>,
    /// How far the run has come.
    pub status: Status,
    /// Explanations of nulls in the records, divergence first of all.
    pub problems: Vec<Problem>,
}

impl Default for Manifest {
    /// A run that is about to begin, written by this version; what it is of is left empty.
    fn default() -> Self {
        Self {
            format_version: FORMAT_VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("LOSSWALK_COMMIT").map(str::to_owned),
            name: String::new(),
            data: String::new(),
            data_files: Vec::new(),
            normalisation: None,
            samples: 0,
            parameters: Vec::new(),
            parameter_count: 0,
            total_steps: 0,
            checkpoints: Vec::new(),
            extensions: Vec::new(),
            seed: 0,
            device: "cpu".to_owned(),
            threads: 1,
            ranks: 1,
            started: None,
            seconds: None,
            arguments: Vec::new(),
            machine: None,
            kernels: None,
            evaluation_error: None,
            line_errors: Vec::new(),
            departures: Vec::new(),
            status: Status::Running,
            problems: Vec::new(),
        }
    }
}

impl Manifest {
    /// How far a repeated step may be from its record; none where it must have the same bits.
    ///
    /// What losses in 32 bits are trusted to on a device: on the CPU the same program has the same bits.
    pub fn tolerance(&self) -> Option<f64> {
        let trust = Trust::new(self.line_errors.clone());
        (self.device != "cpu").then(|| trust.error(u64::MAX, Precision::F32))
    }
}

/// Ranks of a version that did not write them.
fn one() -> usize {
    1
}

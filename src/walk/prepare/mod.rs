//! From an experiment to everything that a walk needs; nothing is written before all of it stands.

mod error;
mod folder;
mod loaded;

use super::Plan;
use super::memory::{Claim, MemoryError, check, of_loss, of_walk};
use crate::data::{DataFile, Dataset, ImageShape, PixelNormalisation};
use crate::experiment::Experiment;
use crate::network::{Network, Shape, build, initialise};
use crate::objective::{Classification, Interrupt, Point, device_by_name};
use crate::precision::Precision;
use crate::run::{Machine, Manifest, ManifestParameter, RunError, now};

pub use error::PrepareError;
use loaded::{Loaded, load_data};

/// Settings that are no part of the experiment: they change no result, only where it is computed.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Name of the device, as `--device` takes it.
    pub device: String,
    /// Threads; recorded in the manifest.
    pub threads: usize,
    /// Processes that share the work, each with so many threads; recorded in the manifest.
    pub ranks: usize,
    /// Those of them on this host, which share its memory.
    pub ranks_here: usize,
}

/// An experiment ready to walk.
#[derive(Debug)]
pub struct Prepared {
    /// The loss.
    pub objective: Classification,
    /// The steps.
    pub plan: Plan,
    /// Classes that no sample of the whole training set has.
    pub empty_classes: Vec<u16>,
    experiment: String,
    manifest: Manifest,
    /// The data set's own normalisation.
    own: PixelNormalisation,
    /// What the loss asks of the memory, and what the walk does besides, moment by moment.
    claims: (Vec<Claim>, Vec<Vec<Claim>>),
}

/// Loads the data and builds the network, as far as the machine has the memory for them.
pub fn prepare(
    experiment: &Experiment,
    setup: &Setup,
    interrupt: &Interrupt,
) -> Result<Prepared, PrepareError> {
    let doubles_for = match (experiment.train.precision, experiment.evaluation.precision) {
        (Precision::F64, _) => Some("train.precision = \"f64\""),
        (_, Precision::F64) => Some("evaluation.precision = \"f64\""),
        _ => None,
    };
    let device = device_by_name(&setup.device, doubles_for)?;
    let here = setup.ranks_here;
    let Loaded { train: data, test, own, empty_classes } = load_data(experiment, here)?;
    let experiment = &experiment.clone().on_data(&own, test.is_some());
    let mut files = data.files().to_vec();
    files.extend(test.iter().flat_map(Dataset::files).cloned());
    let normalisation = data.normalisation().clone();
    let samples = data.len();
    let network = build_network(experiment, data.shape(), data.classes())?;
    let of_loss = of_loss(experiment, &network, samples, setup.threads);
    let of_loss: Vec<Claim> = of_loss.into_iter().map(|claim| claim.on(here)).collect();
    check(of_loss.clone())?;
    let of_walk = of_walk(experiment, &network, (samples, here));
    let (seed, evaluation) = (experiment.train.seed, &experiment.evaluation);
    let mut manifest = manifest(experiment, setup, &network, files, samples);
    manifest.normalisation = Some(normalisation);
    let batches = experiment.train.batches(experiment.data.augment);
    let classes = data.classes();
    let measured = evaluation.measured_loss(samples, seed);
    let mut objective =
        Classification::new(network, data, measured, batches, device, interrupt.clone());
    if let Some(test) = test {
        let network = build_network(experiment, test.shape(), classes)?;
        let measured = evaluation.measured_loss(test.len(), seed);
        objective = objective.with_test(network, test, measured);
    }
    if evaluation.precision == Precision::F32 {
        manifest.kernels = objective.kernels().map(str::to_owned);
    }
    let text =
        experiment.to_toml().map_err(|error| RunError::content("run.toml", error.to_string()))?;
    Ok(Prepared {
        objective,
        plan: Plan::new(experiment, samples),
        experiment: text,
        manifest,
        own,
        empty_classes,
        claims: (of_loss, of_walk),
    })
}

impl Prepared {
    /// The same, with the command that asked for it, for the manifest.
    pub fn asked_by(mut self, arguments: impl IntoIterator<Item = String>) -> Self {
        self.manifest.arguments = arguments.into_iter().collect();
        self
    }

    /// What processes must have in common to measure the same: the program and the data.
    pub fn identity(&self) -> String {
        let Manifest { version, commit, data_files, samples, parameter_count, .. } = &self.manifest;
        format!("{version} {commit:?} {data_files:?} {samples} {parameter_count}")
    }

    /// Draws theta_0.
    pub fn start(&self) -> Point {
        let (layout, seed) = (self.objective.layout(), self.plan.train.seed);
        Point {
            theta: initialise(&layout.parameters, seed).into(),
            buffers: initialise(&layout.buffers, seed),
        }
    }

    /// An error if the machine has not the memory that the walk needs.
    pub fn check_memory(&self) -> Result<(), MemoryError> {
        let (of_loss, of_walk) = &self.claims;
        of_walk.iter().try_for_each(|moment| check([&of_loss[..], moment].concat()))
    }

    /// Bytes that the walk holds at the same time, at least.
    pub(super) fn memory_bytes(&self) -> u64 {
        let sum =
            |claims: &[Claim]| claims.iter().map(|claim| claim.bytes).fold(0, u64::saturating_add);
        let (of_loss, of_walk) = &self.claims;
        let most = of_walk.iter().map(|moment| sum(moment)).max();
        sum(of_loss).saturating_add(most.unwrap_or(0))
    }
}

fn build_network(
    experiment: &Experiment,
    shape: ImageShape,
    classes: usize,
) -> Result<Network, PrepareError> {
    let input = Shape { height: shape.height, width: shape.width, channels: shape.channels };
    let (key, value) = experiment.model.size();
    build(&experiment.model, input, classes).map_err(|source| PrepareError::Network {
        key,
        value,
        source,
    })
}

fn manifest(
    experiment: &Experiment,
    setup: &Setup,
    network: &Network,
    data_files: Vec<DataFile>,
    samples: usize,
) -> Manifest {
    let parameters = network.layout.parameters.iter();
    Manifest {
        name: experiment.name.clone(),
        data: experiment.data.name.clone(),
        data_files,
        samples: samples as u64,
        parameters: parameters
            .map(|entry| ManifestParameter {
                name: entry.name.clone(),
                shape: entry.file_shape(),
                offset: entry.offset,
            })
            .collect(),
        parameter_count: network.layout.dimension(),
        total_steps: Plan::new(experiment, samples).total_steps(),
        seed: experiment.train.seed,
        device: setup.device.clone(),
        threads: setup.threads,
        ranks: setup.ranks,
        started: Some(now()),
        machine: Some(Machine::here()),
        ..Manifest::default()
    }
}

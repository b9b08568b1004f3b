//! From an experiment to everything that a walk needs; nothing is written before all of it stands.

use std::path::{Path, PathBuf};

use super::Plan;
use super::memory::{Claim, MemoryError, check, of_data, of_loss, of_walk};
use crate::data::{DataError, DataFile, Dataset, ImageShape, PixelNormalisation};
use crate::experiment::{Evaluation, Experiment, Problem, check_samples, parse};
use crate::network::{Network, Shape, ShapeError, build, initialise};
use crate::objective::{
    BatchNormPolicy, Classification, DeviceError, Interrupt, Objective, Point, device_by_name,
};
use crate::precision::Precision;
use crate::run::{
    Extension, Machine, Manifest, ManifestParameter, RunError, RunFolder, Status, now,
    write_atomic, write_u32,
};

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

/// Why an experiment cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// The data set.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The device.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The network does not fit the images, or cannot be.
    #[error("`model` ({key} = {value}) describes no network for this data")]
    Network {
        /// The setting that makes the network large.
        key: &'static str,
        /// Its value.
        value: String,
        /// What does not fit.
        source: ShapeError,
    },
    /// The experiment does not fit the machine.
    #[error("the experiment does not fit this machine")]
    Memory(#[from] MemoryError),
    /// `evaluation.test` without a test split.
    #[error(
        "evaluation.test = true: {data} has no test split{}; leave the setting out",
        root.as_deref().map(|root| format!(" in {}", root.display())).unwrap_or_default()
    )]
    NoTestSplit {
        /// The data set.
        data: String,
        /// Its folder.
        root: Option<PathBuf>,
    },
    /// A test split of other images or classes than the training set's.
    #[error(
        "the test split has images of {} in {} classes, but the training set has {} in {}; mend it, or choose evaluation.test = false",
        found.0, found.1, expected.0, expected.1
    )]
    OtherTestSplit {
        /// Shape of its images and number of its classes.
        found: (ImageShape, usize),
        /// Those of the training set.
        expected: (ImageShape, usize),
    },
    /// Settings that the data set's size forbids.
    #[error("the experiment does not fit its data:{}", .0.iter().map(|problem| format!("\n  {problem}")).collect::<String>())]
    Samples(Vec<Problem>),
    /// `--resume` with another experiment than the one that began the run.
    #[error(
        "{folder}: began with another experiment; continue with the same, or choose another --out (epochs may be added at the end, unless the learning rate follows a cosine). run.toml has, and the experiment has not:\n{difference}"
    )]
    OtherExperiment {
        /// The run folder.
        folder: String,
        /// Lines of `run.toml` that the experiment lacks.
        difference: String,
    },
    /// `--resume` with other data.
    #[error("{folder}: began with other data: {files} changed since; restore them")]
    OtherData {
        /// The run folder.
        folder: String,
        /// Names of the files.
        files: String,
    },
    /// The run folder.
    #[error(transparent)]
    Run(#[from] RunError),
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
            theta: initialise(&layout.parameters, seed),
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

    /// Creates the run folder, or opens it to go on. A start that was killed before there was
    /// anything to go on with is begun again either way.
    ///
    /// # Errors
    /// Before anything is written, if the machine has not the memory that the walk needs.
    pub fn open(&self, path: &Path, resume: bool) -> Result<RunFolder, PrepareError> {
        self.check_memory()?;
        let folder = if resume && !RunFolder::is_unfinished_start(path)? {
            self.reopen(path)?
        } else {
            RunFolder::create(path, &self.manifest, &self.experiment)?
        };
        let order = folder.evaluation_order();
        if !order.exists() {
            write_u32(&order, &self.objective.measured().order)?;
        }
        Ok(folder)
    }

    /// Creates the folder of a path of checkpoints, which are named in their order: as [`Self::open`]
    /// does, without what the experiment says of training.
    pub fn open_path(
        &self,
        path: &Path,
        checkpoints: Vec<String>,
    ) -> Result<RunFolder, PrepareError> {
        let broken = |error: toml::de::Error| RunError::content("run.toml", error.to_string());
        let mut settings: toml::Table = self.experiment.parse().map_err(broken)?;
        settings.retain(|key, _| ["name", "data", "model", "evaluation"].contains(&key));
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        settings.insert("name".to_owned(), name.clone().into());
        let total_steps = checkpoints.len().saturating_sub(1) as u64;
        let manifest = Manifest { name, total_steps, checkpoints, ..self.manifest.clone() };
        let folder = RunFolder::create(path, &manifest, &settings.to_string())?;
        write_u32(&folder.evaluation_order(), &self.objective.measured().order)?;
        Ok(folder)
    }

    fn reopen(&self, path: &Path) -> Result<RunFolder, PrepareError> {
        let folder = RunFolder::resume(path)?;
        let name = || path.display().to_string();
        let text_path = folder.experiment();
        let text = std::fs::read_to_string(&text_path).map_err(RunError::io("read", &text_path))?;
        let text = self.as_written_now(text);
        let is_longer = self.continues(&text);
        if text != self.experiment && !is_longer {
            let missing =
                text.lines().filter(|line| !self.experiment.lines().any(|ours| ours == *line));
            let difference: Vec<_> = missing.map(|line| format!("  {line}")).collect();
            return Err(PrepareError::OtherExperiment {
                folder: name(),
                difference: difference.join("\n"),
            });
        }
        // A run of an earlier version does not name the files of a test split.
        let earlier = folder.manifest()?.data_files;
        let changed = earlier.iter().filter(|file| !self.manifest.data_files.contains(file));
        let changed: Vec<_> = changed.map(|file| file.name.as_str()).collect();
        if !changed.is_empty() {
            return Err(PrepareError::OtherData { folder: name(), files: changed.join(", ") });
        }
        if is_longer {
            write_atomic(&text_path, self.experiment.as_bytes())?;
        }
        self.lengthen(&folder)?;
        Ok(folder)
    }

    /// True if the experiment is that of a `run.toml` with more epochs.
    fn continues(&self, text: &str) -> bool {
        let read = |text| parse(text, "run.toml", "run", &[]).ok();
        read(&self.experiment)
            .zip(read(text))
            .is_some_and(|(later, earlier)| later.continues(&earlier))
    }

    /// Says in the manifest that the run goes on longer, unless it says so.
    fn lengthen(&self, folder: &RunFolder) -> Result<(), RunError> {
        let mut manifest = folder.manifest()?;
        let total_steps = self.plan.total_steps();
        if manifest.total_steps < total_steps {
            let earlier = Extension { total_steps: manifest.total_steps, date: now() };
            manifest.extensions.push(earlier);
            manifest.total_steps = total_steps;
            manifest.status = Status::Interrupted;
            folder.write_manifest(&manifest)?;
        }
        Ok(())
    }

    /// A `run.toml` with the settings that came after its version, which had their defaults then.
    fn as_written_now(&self, text: String) -> String {
        let experiment = parse(&text, "run.toml", "run", &[]).ok();
        let has_test = self.objective.test_samples() > 0;
        let experiment = experiment.map(|experiment| experiment.on_data(&self.own, has_test));
        experiment.and_then(|experiment| experiment.to_toml().ok()).unwrap_or(text)
    }
}

/// The data of an experiment.
struct Loaded {
    train: Dataset,
    test: Option<Dataset>,
    /// The normalisation that the set has without settings.
    own: PixelNormalisation,
    empty_classes: Vec<u16>,
}

fn load_data(experiment: &Experiment, ranks_here: usize) -> Result<Loaded, PrepareError> {
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

//! Small runs on disk, for the tests of the report.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::measure::Mode;
use crate::measure::certified::Assume;
use crate::objective::Protocol;
use crate::precision::Precision;
use crate::run::{
    AlignmentRecord, CertificateRecord, CovarianceRecord, DensityRule, EpochRecord, FORMAT_VERSION,
    LineRecord, Manifest, Problem, ReachRecord, RunFolder, Samples, ShareRecord, SpectrumRecord,
    Status, StepRecord, TimingRecord, Verdict,
};

use super::run_data::RunData;

/// The error of a test.
pub(super) type TestError = Box<dyn std::error::Error>;

/// A run with the given records.
pub(super) struct Fixture {
    pub manifest: Manifest,
    /// `run.toml`.
    pub experiment: &'static str,
    pub steps: Vec<StepRecord>,
    pub lines: Vec<LineRecord>,
    pub alignments: Vec<AlignmentRecord>,
    pub covariances: Vec<CovarianceRecord>,
    pub spectra: Vec<SpectrumRecord>,
    pub epochs: Vec<EpochRecord>,
    pub timings: Vec<TimingRecord>,
}

impl Fixture {
    /// `count` steps in epochs of ten, the first `measured` of which have a line.
    pub fn new(name: &str, count: u64, measured: u64) -> Self {
        Self {
            manifest: manifest(name, count),
            experiment: "",
            steps: (0..count).map(step).collect(),
            lines: (0..measured).map(line).collect(),
            alignments: Vec::new(),
            covariances: Vec::new(),
            spectra: Vec::new(),
            epochs: Vec::new(),
            timings: vec![TimingRecord {
                step: count,
                train_seconds: 1.0,
                line_seconds: 3.0,
                curvature_seconds: 0.0,
                scores_seconds: 0.0,
                other_seconds: 0.0,
                sample_points: 600,
            }],
        }
    }

    /// Three runs that differ in the seed alone; cosines and alignments are 0, 1 and 3 tenths and wholes
    /// higher, and 0, 1 and 3 of the barriers of epoch 1 are gone.
    pub fn three_seeds() -> Result<Vec<RunData>, TestError> {
        let seeds =
            [(0u8, "[train]\nseed = 1"), (1, "[train]\nseed = 2"), (3, "[train]\nseed = 3")];
        let run = |(shift, experiment): (u8, &'static str)| {
            let mut run = Self::new("a", 30, 20).with_curvature();
            run.experiment = experiment;
            run.manifest.seed += u64::from(shift);
            for record in &mut run.steps {
                record.cosine = record.cosine.map(|cosine| cosine + 0.1 * f64::from(shift));
            }
            for record in &mut run.alignments {
                record.alignment = record.alignment.map(|value| value + f64::from(shift));
            }
            let barriers = run.lines.iter_mut().filter(|line| line.verdict.barrier == Some(true));
            barriers.take(shift.into()).for_each(|line| line.verdict.barrier = Some(false));
            run.load()
        };
        seeds.into_iter().map(run).collect()
    }

    /// Everything that is known of curvature, at the initialisation and after two epochs.
    pub fn with_curvature(mut self) -> Self {
        let epochs = [0, 1, 2];
        self.alignments = epochs.into_iter().flat_map(alignments).collect();
        self.covariances = epochs.into_iter().map(covariance).collect();
        self.spectra = epochs.into_iter().map(spectrum).collect();
        self.lines = self.lines.into_iter().map(with_second_order).collect();
        self.timings[0].curvature_seconds = 1.0;
        self
    }

    /// Loss and accuracy at the initialisation and after each epoch of ten steps, with a test split.
    pub fn with_scores(mut self) -> Self {
        self.epochs = (0..=self.steps.len() as u64 / 10).map(epoch).collect();
        self
    }

    /// Every line is certified: L(1/2) - L(0) is at least -0.5, L(1) - L(0) at most 0.75, and a height at
    /// most half as much again.
    pub fn certified(mut self) -> Self {
        for line in &mut self.lines {
            line.mode = Mode::Certified;
            line.certificate = Some(CertificateRecord {
                error: 1e-4,
                assume: Assume::Shape,
                method: Assume::Shape.method(),
                units: vec![1; 3],
                bounds: vec![[None, None], [Some(-0.5), None], [None, Some(0.75)]],
                barrier_height_bounds: [None, line.verdict.barrier_height.map(|x| 1.5 * x)],
                floor_loss_bounds: [None, None],
                floor_alpha_bounds: [None, None],
            });
        }
        self
    }

    /// Stops at the last step for a loss that is not finite.
    pub fn diverged(mut self) -> Self {
        if let Some(last) = self.steps.last_mut() {
            (last.batch_loss, last.distance, last.cosine) = (None, None, None);
            let message = "the loss is <not> finite".to_owned();
            self.manifest.problems.push(Problem { step: last.step, message });
        }
        if let Some(last) = self.lines.last_mut() {
            last.losses[1] = None;
            let nothing = (None, None, None);
            let verdict = &mut last.verdict;
            (verdict.barrier, verdict.barrier_height, verdict.barrier_height_mean) = nothing;
            (verdict.floor_loss, verdict.floor_alpha) = (None, None);
        }
        self.manifest.status = Status::Diverged;
        self
    }

    /// The run as the figures see it.
    pub fn load(&self) -> Result<RunData, TestError> {
        let dir = tempfile::tempdir()?;
        Ok(RunData::load(&self.write(dir.path())?)?)
    }

    /// Writes the run folder.
    pub fn write(&self, path: &Path) -> Result<RunFolder, TestError> {
        fs::create_dir_all(path)?;
        fs::write(path.join("manifest.json"), serde_json::to_vec(&self.manifest)?)?;
        fs::write(path.join("run.toml"), self.experiment)?;
        fs::write(path.join("steps.jsonl"), jsonl(&self.steps)?)?;
        fs::write(path.join("line.jsonl"), jsonl(&self.lines)?)?;
        let alignments = (!self.alignments.is_empty()).then(|| jsonl(&self.alignments));
        let covariances = (!self.covariances.is_empty()).then(|| jsonl(&self.covariances));
        let spectra = (!self.spectra.is_empty()).then(|| jsonl(&self.spectra));
        let epochs = (!self.epochs.is_empty()).then(|| jsonl(&self.epochs));
        for (name, text) in [
            ("alignment", alignments),
            ("covariance", covariances),
            ("spectrum", spectra),
            ("epochs", epochs),
        ] {
            if let Some(text) = text {
                fs::write(path.join(format!("{name}.jsonl")), text?)?;
            }
        }
        fs::write(path.join("timing.jsonl"), jsonl(&self.timings)?)?;
        Ok(RunFolder::open(path)?)
    }
}

fn jsonl<T: Serialize>(records: &[T]) -> Result<String, serde_json::Error> {
    records.iter().map(|record| Ok(serde_json::to_string(record)? + "\n")).collect()
}

fn manifest(name: &str, total_steps: u64) -> Manifest {
    Manifest {
        format_version: FORMAT_VERSION,
        version: "0.1.0".to_owned(),
        commit: None,
        name: name.to_owned(),
        data: "digits".to_owned(),
        data_files: Vec::new(),
        normalisation: None,
        samples: 100,
        parameters: Vec::new(),
        parameter_count: 7,
        total_steps,
        checkpoints: Vec::new(),
        seed: 1,
        device: "cpu".to_owned(),
        threads: 1,
        ranks: 1,
        started: None,
        seconds: None,
        arguments: Vec::new(),
        machine: None,
        kernels: Some("AVX-512".to_owned()),
        evaluation_error: Some(1e-7),
        line_errors: Vec::new(),
        departures: Vec::new(),
        status: Status::Done,
        extensions: Vec::new(),
        problems: Vec::new(),
    }
}

fn epoch(epoch: u64) -> EpochRecord {
    let share = 1.0 / (epoch as f64 + 1.0);
    EpochRecord {
        step: 10 * epoch,
        epoch,
        loss: Some(2.0 * share),
        accuracy: Some(1.0 - share / 2.0),
        test_loss: Some(2.2 * share),
        test_accuracy: Some(0.9 - share / 2.0),
        precision: Precision::F32,
        batch_norm: None,
    }
}

fn step(t: u64) -> StepRecord {
    let time = t as f64 + 1.0;
    StepRecord {
        step: t,
        epoch: t / 10 + 1,
        iteration: t % 10,
        learning_rate: Some(0.1),
        batch_size: Some(10),
        batch_loss: Some(2.0 / time),
        grad_norm: Some(1.0),
        cosine: (t > 0).then_some(-0.25),
        update_cosine: (t > 0).then_some(-0.25),
        update_norm: Some(0.1),
        distance: Some(0.5 + 0.25 * time.ln()),
        path_length: Some(0.1 * time),
        param_norm: Some(3.0),
    }
}

/// A line with a barrier at every third step.
fn line(t: u64) -> LineRecord {
    let (first, last) = (2.0 / (t as f64 + 1.0), 2.0 / (t as f64 + 2.0));
    let barrier = t % 3 == 2;
    let middle = if barrier { first + 0.25 } else { last - 0.125 };
    LineRecord {
        step: t,
        epoch: t / 10 + 1,
        iteration: t % 10,
        alphas: vec![0.0, 0.5, 1.0],
        losses: [first, middle, last].map(Some).to_vec(),
        samples: Samples::Each(100),
        verdict: Verdict {
            barrier: Some(barrier),
            barrier_height: Some(middle - first),
            barrier_height_mean: Some(middle - (first + last) / 2.0),
            floor_loss: Some(middle.min(last)),
            floor_alpha: Some(if barrier { 1.0 } else { 0.5 }),
            precision: Precision::F32,
            trusted_error: Some(1e-6),
            resolved: true,
        },
        mode: Mode::Exact,
        certificate: None,
        protocol: Protocol::Fixed,
        batch_norm: None,
        slope: None,
        curvature: None,
        predicted_change: None,
        reach: None,
    }
}

/// Three batches of 10 with alignments 1, 2, 3 at the initialisation, one more after every epoch,
/// then the whole training set.
fn alignments(epoch: u64) -> Vec<AlignmentRecord> {
    let record = |batch_size, batch, alignment: f64| AlignmentRecord {
        step: 10 * epoch,
        epoch,
        batch_size,
        batch,
        grad_norm: Some(1.0),
        alignment: Some(alignment),
        alignment_batch: Some(alignment + 6.0),
        covariance: Some(0.75 * alignment),
        squared_slope: Some(0.5 * alignment),
        residual: Some(-0.25 * alignment),
        weight_decay: 0.0,
        precision: Precision::F32,
        batch_norm: None,
    };
    let small = (0..3).map(|batch| record(10, batch, (batch + epoch) as f64));
    small.chain([record(100, 0, epoch as f64 + 2.0)]).collect()
}

fn covariance(epoch: u64) -> CovarianceRecord {
    CovarianceRecord {
        step: 10 * epoch,
        epoch,
        batch_size: 10,
        batches: 5,
        trace: Some(2.1),
        trace_error: Some(0.1),
        predicted: Some(2.0),
        ratio: Some(1.05),
        ratio_error: Some(0.08),
        sample_trace: Some(22.0),
        sample_trace_error: Some(1.0),
        squared_grad_norm: Some(4.0),
        noise_scale: Some(5.5),
        precision: Precision::F32,
        batch_norm: None,
    }
}

/// The spectrum after an epoch.
pub(super) fn spectrum(epoch: u64) -> SpectrumRecord {
    let later = epoch > 0;
    let share = ShareRecord { batch_size: 10, batches: 5, mean: Some(0.5), deviation: Some(0.125) };
    SpectrumRecord {
        step: 10 * epoch,
        epoch,
        eigenvalues: vec![12.0, 8.0],
        residuals: vec![1e-6, 1e-4],
        lambda_min: Some(-1.0),
        lambda_min_residual: Some(1e-5),
        learning_rate_times_lambda_max: Some(1.2),
        products: 40,
        converged: true,
        tolerance: 1e-3,
        shares: vec![share],
        update_share: later.then_some(0.25),
        overlap: later.then_some(0.75),
        trace: Some(20.0),
        trace_error: Some(2.0),
        density: vec![DensityRule { nodes: vec![12.0, 0.0, -1.0], weights: vec![0.2, 0.6, 0.2] }],
        weight_decay: 0.0,
        precision: Precision::F32,
        batch_norm: None,
    }
}

/// A parabola that misses a quarter of the measured change.
fn with_second_order(line: LineRecord) -> LineRecord {
    let ends = line.losses.first().copied().flatten().zip(line.losses.last().copied().flatten());
    let change = ends.map(|(first, last)| 0.75 * (last - first));
    let reach = ReachRecord {
        reach_alphas: vec![2.0, 3.0],
        reach_losses: vec![Some(3.0), Some(4.0)],
        critical_alpha: Some(2.0),
    };
    LineRecord {
        slope: change.map(|change| 2.0 * change),
        curvature: change.map(|change| -2.0 * change),
        predicted_change: change,
        reach: Some(reach),
        ..line
    }
}

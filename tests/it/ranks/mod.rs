//! A job shared by several ranks gives the bits of one process alone, and ends on all together.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hall;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread::{Builder, scope};

use losswalk::experiment::{Experiment, load};
use losswalk::objective::{
    BatchNormPolicy, Directional, Gradient, Interrupt, Line, Loss, Objective, ObjectiveError,
    Point, Slopes,
};
use losswalk::precision::Precision;
use losswalk::ranks::{Job, RanksError, serve};
use losswalk::run::RunFolder;
use losswalk::walk::{Outcome, Prepared, Setup, prepare, walk};

use crate::lab::{Lab, SMALL};
use hall::hall;

const NETWORK: &str = "model={arch='layers',layers=[{kind='convolution',name='a',outputs=3},\
    {kind='batch-norm',name='n'},{kind='relu'},{kind='linear',name='c',outputs=10}]}";

fn experiment(settings: &[&str]) -> Experiment {
    let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
    load(Path::new("experiments/quickstart.toml"), &settings).unwrap()
}

fn setup(threads: usize, ranks: usize) -> Setup {
    Setup { device: "cpu".to_owned(), threads, ranks, ranks_here: ranks }
}

/// Runs `work` on the leading one of so many ranks; the others, which were asked to stop or not, serve.
fn with_ranks<T: Send>(
    (ranks, threads): (usize, usize),
    interrupts: &[Interrupt],
    work: impl FnOnce(&Job) -> T + Send,
) -> T {
    let pool = || rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let mut ranks_here = hall(ranks).into_iter();
    let leading = ranks_here.next().unwrap();
    scope(|scope| {
        for rank in ranks_here {
            let interrupt = interrupts.get(rank.own()).cloned().unwrap_or_default();
            let serving = move || {
                let job = Job::of(rank);
                let crew = job.follows().unwrap();
                pool().install(|| serve(crew, &setup(threads, ranks), &interrupt)).unwrap();
            };
            Builder::new().spawn_scoped(scope, serving).unwrap();
        }
        pool().install(|| work(&Job::of(leading)))
    })
}

/// The numbers of everything that an objective offers, in one row, bit by bit.
fn everything(loss: &impl Objective, prepared: &Prepared, precision: Precision) -> Vec<u64> {
    let at = prepared.start();
    let step = loss.gradient(&at, Loss::Measured, precision).unwrap();
    let mut row = of_gradient(&step);
    let moved = at.theta.iter().zip(&step.gradient).map(|(theta, g)| theta - g).collect();
    let to = Point { theta: moved, buffers: step.buffers.clone() };
    let line = Line { from: &at, to: &to, number: 3 };
    row.extend(loss.losses(line, &[0.0, 0.3, 1.0], precision).unwrap());
    let open = loss.open(line, &[0.0, 0.3, 1.0], precision).unwrap();
    for units in [&[5, 1, 17][..], &[2], &[7, 3]] {
        row.extend(open.unit_losses(units, &[2, 0]).unwrap().concat());
    }
    drop(open);
    let batch: Vec<u32> = (10..270).collect();
    let along = |of: &Directional| [of.loss, of.slope, of.curvature, of.covariance, of.residual];
    for of in [Loss::Measured, Loss::in_epoch(&batch, 2), Loss::of(&batch[..5])] {
        row.extend(of_gradient(&loss.gradient(&to, of, precision).unwrap()));
        let u: Vec<f64> = step.gradient.iter().rev().copied().collect();
        let directions = [&step.gradient[..], &u];
        let found = loss.directional(&to, of, &directions, precision).unwrap();
        row.extend(found.iter().flat_map(along));
        let found = loss.slopes(&to, of, &directions, precision).unwrap();
        row.extend(found.iter().flat_map(|Slopes { mean, variance }| [*mean, *variance]));
        let (gradient, found) = loss.along_gradient(&to, of, precision).unwrap();
        row.extend(of_gradient(&gradient));
        row.extend(found.iter().flat_map(along));
    }
    row.extend(along(&loss.second_order(line, precision).unwrap()));
    row.extend(loss.hessian_product(&to, &step.gradient, precision).unwrap());
    let scores = loss.scores(&to, precision).unwrap();
    row.extend([scores.train.loss, scores.train.accuracy.unwrap()]);
    row.iter().map(|number| number.to_bits()).collect()
}

fn of_gradient(found: &Gradient) -> Vec<f64> {
    [&[found.loss], &found.gradient[..], &found.buffers].concat()
}

#[test]
fn whatever_ranks_compute_together_has_the_bits_of_one_process() {
    for policy in ["batch", "recomputed", "running"] {
        let policy = format!("evaluation.batch_norm={policy}");
        let settings = [
            NETWORK,
            "data.train_samples=300",
            "evaluation.batch_size=4",
            "train.chunk=40",
            &policy,
        ];
        let experiment = experiment(&settings);
        for precision in [Precision::F32, Precision::F64] {
            let alone = prepare(&experiment, &setup(1, 1), &Interrupt::default()).unwrap();
            let expected = everything(&alone.objective, &alone, precision);
            for (ranks, threads) in [(2, 1), (2, 2), (3, 1), (5, 2)] {
                let found = with_ranks((ranks, threads), &[], |job| {
                    let setup = setup(threads, ranks);
                    let prepared = job.prepare(&experiment, &setup, &Interrupt::default()).unwrap();
                    everything(&job.share(&prepared.objective), &prepared, precision)
                });
                let same = found == expected;
                assert!(same, "{policy}, {precision:?}, {ranks} ranks, {threads} threads");
            }
        }
    }
}

const MEASURES: [&str; 6] = [
    "train.epochs=2",
    "data.train_samples=300",
    "train.batch_size=100",
    "evaluation.batch_size=20",
    "measure=[{kind='line',iterations=2,second_order=true},\
        {kind='alignment',epochs=[1],batch_sizes=[100,300],batches=2},\
        {kind='covariance',epochs=[1],batch_sizes=[100],batches=2,probes=2},\
        {kind='spectrum',epochs=[1],top=2,probes=1}]",
    "train.chunk=60",
];

/// Walks on so many ranks into a folder of the lab.
fn walked(
    lab: &Lab,
    name: &str,
    settings: &[&str],
    interrupts: &[Interrupt],
    ranks: usize,
) -> Outcome {
    let (experiment, out) = (experiment(&[&SMALL, settings].concat()), lab.path(name));
    with_ranks((ranks, 1), interrupts, |job| {
        let own = interrupts.first().cloned().unwrap_or_default();
        let prepared = job.prepare(&experiment, &setup(1, ranks), &own).unwrap();
        let folder: RunFolder = prepared.open(&out, out.exists()).unwrap();
        let loss = job.share(&prepared.objective);
        walk(&loss, &prepared.plan, prepared.start(), &folder, &mut Silent).unwrap()
    })
}

/// Everything that was recorded but the time, file by file.
fn records(run: &Path) -> BTreeMap<String, String> {
    let files = fs::read_dir(run).unwrap().map(|file| file.unwrap().path());
    let named = files.map(|file| (file.file_name().unwrap().to_str().unwrap().to_owned(), file));
    let records = named.filter(|(name, _)| name.ends_with(".jsonl") && name != "timing.jsonl");
    records.map(|(name, file)| (name, fs::read_to_string(file).unwrap())).collect()
}

struct Silent;

impl losswalk::walk::Observer for Silent {
    fn begin(&mut self, _: u64, _: u64) {}

    fn step(&mut self, _: losswalk::walk::Event) {}
}

#[test]
fn a_run_on_ranks_has_the_records_of_one_without() {
    let lab = Lab::new();
    let certified = [
        "data.train_samples=600",
        "evaluation.batch_size=20",
        "train.epochs=1",
        "measure.mode=certified",
        "measure.iterations=10",
    ];
    let descent = ["train.optimizer=gd", "train.epochs=3", "data.train_samples=300"];
    for (kind, settings) in [("all", &MEASURES[..]), ("certified", &certified), ("gd", &descent)] {
        let alone = lab.done(kind, settings);
        for ranks in [2, 3] {
            let name = format!("{kind}-{ranks}");
            assert_eq!(walked(&lab, &name, settings, &[], ranks), Outcome::Done);
            assert_eq!(records(&lab.path(&name)), records(&alone), "{name}");
        }
    }
}

#[test]
fn a_request_to_stop_that_any_rank_gets_stops_all_and_the_run_goes_on_with_other_ranks() {
    let lab = Lab::new();
    let alone = lab.done("alone", &MEASURES);
    for asked in 0..3 {
        let (name, interrupts) = (format!("asked-{asked}"), [(); 3].map(|()| Interrupt::default()));
        let experiment = experiment(&[&SMALL[..], &MEASURES].concat());
        let stopped = with_ranks((3, 1), &interrupts, |job| {
            let own = interrupts[0].clone();
            let prepared = job.prepare(&experiment, &setup(1, 3), &own).unwrap();
            let folder = prepared.open(&lab.path(&name), false).unwrap();
            let loss = job.share(&prepared.objective);
            interrupts[asked].raise();
            walk(&loss, &prepared.plan, prepared.start(), &folder, &mut Silent).unwrap()
        });
        assert_eq!(stopped, Outcome::Interrupted { step: 0 }, "rank {asked}");
        assert_eq!(walked(&lab, &name, &MEASURES, &[], 2), Outcome::Done);
        assert_eq!(records(&lab.path(&name)), records(&alone), "{name}");
    }
}

#[test]
fn what_fails_on_another_rank_is_told_with_its_name_by_the_leading_one() {
    let experiment = experiment(&["data.train_samples=300"]);
    let [leading, other] = hall(2).try_into().unwrap();
    let told = scope(|scope| {
        scope.spawn(move || {
            let job = Job::of(other);
            let lost = Setup { device: "abacus".to_owned(), ..setup(1, 2) };
            serve(job.follows().unwrap(), &lost, &Interrupt::default()).unwrap();
        });
        Job::of(leading).prepare(&experiment, &setup(1, 2), &Interrupt::default())
    });
    let Err(RanksError::Objective(ObjectiveError::OnRank(message))) = told else {
        panic!("{told:?}");
    };
    assert!(message.starts_with("rank 1 on here: --device abacus: not available"), "{message}");
}

#[test]
fn all_ranks_measure_what_the_leading_one_is_set_to() {
    let experiment = experiment(&["data.train_samples=300"]);
    let measured = |job: &Job, ranks: usize| {
        let mut prepared =
            job.prepare(&experiment, &setup(1, ranks), &Interrupt::default()).unwrap();
        let at = prepared.start();
        let mut normalisation = prepared.objective.data().normalisation().clone();
        normalisation.mean = vec![0.25].into();
        let score = |prepared: &Prepared| {
            job.share(&prepared.objective).scores(&at, Precision::F32).unwrap().train.loss
        };
        let first = score(&prepared);
        job.set_policy(&mut prepared.objective, BatchNormPolicy::Recomputed).unwrap();
        let second = score(&prepared);
        job.set_normalisation(&mut prepared.objective, normalisation).unwrap();
        [first, second, score(&prepared)]
    };
    let alone = measured(&Job::join().unwrap(), 1);
    assert!(alone[0] != alone[1] && alone[1] != alone[2], "{alone:?}");
    assert_eq!(with_ranks((2, 1), &[], |job| measured(job, 2)), alone);
}

/// 16 bytes a parameter, for both ends of the line, and 8 for each loss of its share, as
/// `docs/design/scale.md` says, are what the leading rank sends to another; orders are little beside it.
#[test]
fn a_line_sends_its_ends_and_its_losses() {
    let experiment = experiment(&["data.train_samples=300", "evaluation.batch_size=4"]);
    for ranks in [2, 3] {
        let (dimension, sent) = with_ranks((ranks, 1), &[], |job| {
            let setup = setup(1, ranks);
            let prepared = job.prepare(&experiment, &setup, &Interrupt::default()).unwrap();
            let loss = job.share(&prepared.objective);
            let at = prepared.start();
            let line = Line { from: &at, to: &at, number: 1 };
            let before = job.exchange().unwrap();
            loss.losses(line, &[0.0, 0.5, 1.0], Precision::F32).unwrap();
            let after = job.exchange().unwrap();
            assert!(after.waiting > before.waiting && after.moving > before.moving);
            (at.theta.len() + at.buffers.len(), after.bytes - before.bytes)
        });
        let expected = (16 * dimension + 8 * 3 * 75usize.div_ceil(ranks)) * (ranks - 1);
        let orders = sent.checked_sub(expected as u64).unwrap();
        assert!(orders < 1000 * (ranks as u64 - 1), "{sent}, of which {expected} are numbers");
    }
    assert_eq!(Job::join().unwrap().exchange(), None);
}

#[test]
fn several_processes_without_mpi_are_refused_and_nothing_is_written() {
    if cfg!(feature = "mpi") {
        return;
    }
    let lab = Lab::new();
    let run = crate::program::Run::new(lab.path("never"), &[]);
    for (place, expected) in [("0", (2, "started as 4 processes")), ("1", (0, ""))] {
        let mut command = run.command();
        command.env("OMPI_COMM_WORLD_SIZE", "4").env("OMPI_COMM_WORLD_RANK", place);
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(expected.0), "{said}");
        assert!(said.contains(expected.1) && said.is_empty() == expected.1.is_empty(), "{said}");
    }
    assert!(!lab.path("never").exists());
}

//! Equal experiments give equal bytes on any number of threads, and different ones do not.

use std::fs;

use losswalk::objective::{Loss, Objective};
use losswalk::precision::Precision;

use crate::curvature::{direction, objective};
use crate::lab::{Lab, end, must_equal, records};
use crate::program::{Run, TestResult};

/// 700 samples make seven evaluation batches of 90 and a short one, which threads share.
const SHARED: [&str; 4] =
    ["data.train_samples=700", "evaluation.batch_size=90", "train.epochs=2", "measure.points=3"];

/// The records on one thread, which must be those on two, three and five.
fn on_any_number_of_threads(settings: &[&str]) -> [Vec<u8>; 2] {
    let lab = Lab::new();
    let settings = [&SHARED, settings].concat();
    let [one, others @ ..] = ["1", "2", "3", "5"].map(|threads| {
        lab.run_with(threads, &settings, &["--threads", threads]).must_say(0, &[]);
        records(&lab.path(threads))
    });
    others.iter().for_each(|other| must_equal(other, &one));
    one
}

fn under(policies: &[&str], optimizer: &str) -> Vec<[Vec<u8>; 2]> {
    let policies = policies.iter().map(|policy| format!("evaluation.batch_norm={policy}"));
    policies.map(|policy| on_any_number_of_threads(&[optimizer, &policy])).collect()
}

#[test]
fn sgd_gives_the_same_bytes_on_any_number_of_threads() {
    let found = under(&["batch", "recomputed", "running"], "train.optimizer=sgd");
    assert!(found[0][1] != found[1][1] && found[1][1] != found[2][1], "a policy is ignored");
    assert_eq!(found[0][0], found[2][0], "the policy of measurement does not move theta");
}

#[test]
fn gradient_descent_gives_the_same_bytes_on_any_number_of_threads() {
    let found = under(&["batch", "recomputed"], "train.optimizer=gd");
    assert_ne!(found[0][0], found[1][0], "it descends the loss that is measured");
}

#[test]
fn mini_batches_in_chunks_give_the_same_bytes_on_any_number_of_threads() {
    on_any_number_of_threads(&["train.chunk=30", "data.train_samples=600", "train.momentum=0.9"]);
}

/// Layers of every kind, in sizes that fill no vector and in sizes that fill many; lines with their second
/// order and products with the Hessian.
#[test]
fn avx2_and_avx512_give_the_same_bytes() -> TestResult {
    let measure = "measure=[{kind='line',iterations=2,points=4,second_order=true},\
                   {kind='alignment',batch_sizes=[20],batches=1}]";
    let networks = [
        "model.hidden=[300,150]",
        "model={arch='vgg11',width=0.25}",
        "model={arch='resnet',depth=8}",
        "model={arch='wide-resnet',depth=10,widen=2}",
    ];
    for network in networks {
        let lab = Lab::new();
        let settings = [network, "data.pad=32", "data.train_samples=50", "train.epochs=1", measure];
        let run = |instructions: &str| {
            let run = Run::new(lab.path(instructions), &settings);
            (end(run.command().env("LOSSWALK_INSTRUCTIONS", instructions)), run)
        };
        let (ended, wide) = run("avx512");
        if ended.stderr.contains("no instruction set of this CPU") {
            return Ok(());
        }
        ended.must_say(0, &[]);
        let (ended, narrow) = run("avx2");
        ended.must_say(0, &[]);
        for name in ["steps.jsonl", "line.jsonl", "alignment.jsonl"] {
            let read = |run: &Run| fs::read(run.out.join(name));
            assert!(read(&wide)? == read(&narrow)?, "{name} of {network:?}");
        }
        let ran = [wide, narrow].map(|run| run.manifest().map(|manifest| manifest.kernels));
        assert_eq!(
            ran.map(|ran| ran.ok().flatten()),
            [Some("AVX-512".to_owned()), Some("AVX2 and FMA".to_owned())]
        );
    }
    Ok(())
}

#[test]
fn instructions_that_the_cpu_does_not_have_are_refused() {
    let lab = Lab::new();
    let run = Run::new(lab.path("run"), &[]);
    end(run.command().env("LOSSWALK_INSTRUCTIONS", "mmx")).must_say(
        2,
        &["LOSSWALK_INSTRUCTIONS", "\"mmx\" is no instruction set of this CPU", "portable"],
    );
    assert!(!lab.path("run").exists());
}

#[test]
fn another_seed_gives_another_walk() {
    let [first, second] = ["train.seed=1", "train.seed=2"].map(|seed| {
        let lab = Lab::new();
        records(&lab.done("run", &["data.train_samples=700", seed]))
    });
    assert!(first[0] != second[0] && first[1] != second[1]);
}

/// Groups of directions are as large as time allows, so that no record may depend on them.
#[test]
fn what_is_measured_of_a_direction_does_not_depend_on_those_beside_it() -> TestResult {
    let layers = "[{kind='convolution',name='a',outputs=5},{kind='batch-norm',name='b'},{kind='relu'},\
                  {kind='max-pool'},{kind='linear',name='c',outputs=4},{kind='gelu'},\
                  {kind='linear',name='d',outputs=3}]";
    let model = format!("model.arch = 'layers'\nmodel.layers = {layers}");
    for policy in ["batch", "recomputed", "running"] {
        let (objective, at) = objective(&model, 6, policy)?;
        let first = direction(&objective)?;
        let all: Vec<Vec<f64>> = (0..7)
            .map(|turn| {
                let mut turned = first.clone();
                turned.rotate_left(turn * first.len() / 7);
                turned
            })
            .collect();
        let all: Vec<&[f64]> = all.iter().map(Vec::as_slice).collect();
        for precision in [Precision::F32, Precision::F64] {
            let bits = |group: &[&[f64]]| {
                let found = objective.directional(&at, Loss::Measured, group, precision)?;
                let slopes = objective.slopes(&at, Loss::Measured, group, precision)?;
                let of = found.iter().zip(&slopes).map(|(along, slopes)| {
                    [
                        along.curvature,
                        along.slope,
                        along.covariance,
                        along.residual,
                        slopes.variance,
                    ]
                    .map(f64::to_bits)
                });
                Ok::<Vec<_>, losswalk::objective::ObjectiveError>(of.collect())
            };
            let together = bits(&all)?;
            let alone = all.iter().map(|u| bits(&[u])).collect::<Result<Vec<_>, _>>()?.concat();
            let by_three = all.chunks(3).map(bits).collect::<Result<Vec<_>, _>>()?.concat();
            assert_eq!((&alone, &by_three), (&together, &together), "{policy} {precision:?}");
        }
    }
    Ok(())
}

//! `losswalk path` over the iterates of a run measures what the run measured, to the bit.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use losswalk::run::RunFolder;
use serde_json::Value;

use crate::lab::{Lab, end};
use crate::program::losswalk;

/// Columns of `line.jsonl` and of `steps.jsonl` that a path of files has too.
const OF_LINES: [&str; 12] = [
    "step",
    "alphas",
    "losses",
    "samples",
    "barrier",
    "barrier_height",
    "barrier_height_mean",
    "floor_loss",
    "floor_alpha",
    "precision",
    "trusted_error",
    "resolved",
];
const OF_STEPS: [&str; 4] = ["update_norm", "update_cosine", "distance", "path_length"];

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn read(run: &Path, name: &str) -> Vec<Value> {
    rows(&fs::read_to_string(run.join(name)).unwrap())
}

/// The precisions of the lines of a run whose path was retraced.
fn retrace(settings: &[&str]) -> Vec<Value> {
    let lab = Lab::new();
    let settings = [&["train.save_iterates=true", "train.momentum=0.9"], settings].concat();
    let run = lab.done("run", &settings);
    let (lines, steps) = (read(&run, "line.jsonl"), read(&run, "steps.jsonl"));
    let folder = RunFolder::open(&run).unwrap();
    let iterates = (0..=steps.len() as u64).map(|step| folder.iterate(step));
    let mut command = losswalk();
    command.args(["path", "--json", "--points", "4", "--run"]).arg(&run).args(iterates);
    let retraced = end(&mut command);
    retraced.must_say(0, &[]);
    let retraced = rows(&retraced.stdout);
    assert!(retraced.len() == 18 && lines.len() == 18 && steps.len() == 18);
    for ((found, line), step) in retraced.iter().zip(&lines).zip(&steps) {
        // Numbers are compared as they are printed, which is to the bit.
        OF_LINES.iter().for_each(|key| assert_eq!(found[key], line[key], "{key} of {line}"));
        OF_STEPS.iter().for_each(|key| assert_eq!(found[key], step[key], "{key} of {step}"));
    }
    assert!(steps[1..].iter().all(|step| step["update_cosine"].is_number()));
    lines.into_iter().map(|mut line| line["precision"].take()).collect()
}

#[test]
fn a_path_over_the_iterates_of_a_run_gives_the_runs_own_numbers_under_every_policy() {
    for policy in ["batch", "recomputed", "running"] {
        let precisions = retrace(&[&format!("evaluation.batch_norm={policy}")]);
        assert!(precisions.iter().all(|precision| precision == "f32"), "{precisions:?}");
    }
}

/// Steps so small that some lines are too close to call in 32 bits, and others are not.
#[test]
fn so_it_does_where_lines_are_measured_again() {
    let precisions = retrace(&["train.learning_rate=3e-7"]);
    let again = precisions.iter().filter(|precision| *precision == "f64").count();
    assert!((1..precisions.len()).contains(&again), "{precisions:?}");
}

#[test]
fn so_it_does_where_all_is_in_64_bits() {
    let precisions = retrace(&["train.precision=f64", "evaluation.precision=f64"]);
    assert!(precisions.iter().all(|precision| precision == "f64"), "{precisions:?}");
}

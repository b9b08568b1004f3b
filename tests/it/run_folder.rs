//! What a run folder holds, and mistakes that are refused before there is one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use losswalk::experiment;
use losswalk::run::{LineRecord, Samples, Status};
use serde_json::Value;

use crate::lab::{Lab, end, finite, lines, manifest, steps};
use crate::program::losswalk;

/// The quickstart with one epoch; made once for all tests that only read it.
fn quickstart() -> &'static Path {
    static RUN: OnceLock<PathBuf> = OnceLock::new();
    RUN.get_or_init(|| {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("quickstart");
        if out.exists() {
            fs::remove_dir_all(&out).unwrap();
        }
        let mut command = losswalk();
        command.arg("run").arg(quickstart_toml()).args(["--set", "train.epochs=1", "--out"]);
        let ended = end(command.arg(&out));
        ended.must_say(0, &[]);
        let page = format!("report: {}", out.join("report.html").display());
        assert!(ended.stdout.contains(&page), "{}", ended.stdout);
        out
    })
}

fn quickstart_toml() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/quickstart.toml")
}

fn one_epoch() -> Vec<String> {
    vec!["train.epochs=1".to_owned()]
}

#[test]
fn the_quickstart_leaves_a_complete_run_folder() {
    let run = quickstart();
    for name in ["report.html", "figures/walk.svg", "figures/walk.png", "figures/walk.csv"] {
        assert!(fs::metadata(run.join(name)).unwrap().len() > 0, "{name}");
    }
    assert!(run.join("checkpoints/step-00000090/parameters.safetensors").is_file());
    let manifest = manifest(run);
    assert_eq!((manifest.status, manifest.total_steps), (Status::Done, 90));
    assert_eq!((manifest.samples, manifest.seed), (1797, 1111));
    assert!(manifest.problems.is_empty());
    let last = manifest.parameters.last().unwrap();
    assert_eq!(last.offset + last.shape.iter().product::<usize>(), manifest.parameter_count);
}

#[test]
fn run_toml_reads_back_as_the_experiment_with_every_default() {
    let written = experiment::load(&quickstart().join("run.toml"), &[]).unwrap();
    let digits = losswalk::data::load("digits", None).unwrap();
    let read = experiment::load(&quickstart_toml(), &one_epoch()).unwrap();
    assert_eq!(written, read.on_data(digits.normalisation(), false));
    let text = fs::read_to_string(quickstart().join("run.toml")).unwrap();
    for default in ["momentum = 0.0", "protocol = \"fixed\"", "mode = \"exact\""] {
        assert!(text.contains(default), "{default}");
    }
}

#[test]
fn the_columns_are_the_published_ones() {
    let keys = |file: &str| -> Vec<String> {
        let text = fs::read_to_string(quickstart().join(file)).unwrap();
        let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        first.as_object().unwrap().keys().cloned().collect()
    };
    let published: [(&str, &[&str]); 2] = [
        (
            "steps.jsonl",
            &[
                "step",
                "epoch",
                "iteration",
                "learning_rate",
                "batch_size",
                "batch_loss",
                "grad_norm",
                "cosine",
                "update_cosine",
                "update_norm",
                "distance",
                "param_norm",
            ],
        ),
        (
            "line.jsonl",
            &[
                "step",
                "epoch",
                "iteration",
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
                "mode",
                "batch_norm",
            ],
        ),
    ];
    for (file, columns) in published {
        let found = keys(file);
        for column in columns {
            assert!(found.iter().any(|key| key == column), "{column} is not in {file}: {found:?}");
        }
    }
}

#[test]
fn a_short_last_batch_is_a_step_of_its_own() {
    let steps = steps(quickstart());
    // 1797 = 89 · 20 + 17.
    assert_eq!(steps.len(), 90);
    assert!(steps[..89].iter().all(|step| step.batch_size == Some(20)));
    assert_eq!((steps[89].batch_size, steps[89].iteration), (Some(17), 89));
    assert!(steps.iter().enumerate().all(|(t, step)| step.step == t as u64 && step.epoch == 1));
    assert_eq!(steps[0].cosine, None);
    assert!(steps[1..].iter().all(|step| step.cosine.is_some()));
}

#[test]
fn every_line_has_k_plus_1_losses_and_shares_its_start_with_the_line_before() {
    let lines = lines(quickstart());
    assert_eq!(lines.len(), 90);
    let alphas: Vec<f64> = (0..=10).map(|k| f64::from(k) / 10.0).collect();
    assert!(lines.iter().all(|line| line.alphas == alphas && line.samples == Samples::Each(1797)));
    assert!(lines.iter().all(|line| line.losses.len() == 11));
    for pair in lines.windows(2) {
        // A line that was too close to call is measured again in 64 bits, both ends included.
        let again =
            pair[0].verdict.precision != pair[1].verdict.precision && pair[1].verdict.resolved;
        let (end, start) = (pair[0].losses[10].unwrap(), pair[1].losses[0].unwrap());
        assert!(end.to_bits() == start.to_bits() || again, "step {}", pair[1].step);
    }
}

#[test]
fn barriers_heights_and_floors_follow_from_the_losses_of_their_record() {
    let lab = Lab::new();
    // A rate so large that updates climb walls.
    let wild = lab.done("wild", &["train.learning_rate=100"]);
    let wild = lines(&wild);
    assert!(wild.iter().any(|line| line.verdict.barrier == Some(true)), "the case that matters");
    assert!(wild.iter().any(|line| line.verdict.barrier == Some(false)));
    wild.iter().chain(&lines(quickstart())).for_each(judge);
}

fn judge(line: &LineRecord) {
    let losses = finite(&line.losses);
    let last = losses.len() - 1;
    let (first_loss, last_loss) = (losses[0], losses[last]);
    let mut interior = losses[1..last].to_vec();
    interior.sort_by(f64::total_cmp);
    let highest = interior[interior.len() - 1];
    assert_eq!(line.verdict.barrier, Some(highest > first_loss && highest > last_loss));
    assert_eq!(line.verdict.barrier_height, Some(highest - f64::max(first_loss, last_loss)));
    assert_eq!(line.verdict.barrier_height_mean, Some(highest - (first_loss + last_loss) / 2.0));
    let floor = line.verdict.floor_loss.unwrap();
    assert!(losses.iter().all(|loss| *loss >= floor));
    let at = losses.iter().position(|loss| *loss == floor).unwrap();
    assert_eq!(line.verdict.floor_alpha, Some(line.alphas[at]));
}

#[test]
fn every_mistake_in_an_experiment_is_listed_and_nothing_is_written() {
    let lab = Lab::new();
    let mistakes = ["tarin.epochs=2", "measure.kind=lien", "train.learning_rate=-1"];
    let parts = [
        "3 mistakes",
        "tarin",
        "valid here: name, seeds, data, model",
        "measure[0].kind = \"lien\": did you mean line? must be one of: line",
        "train.learning_rate",
        "above 0",
    ];
    lab.run("out", &mistakes).must_say(2, &parts);
    assert!(!lab.path("out").exists());
    let missing = lab.path("missing.toml");
    let ended = end(losswalk().arg("run").arg(&missing));
    ended.must_say(2, &["missing.toml", "cannot read the experiment"]);
    assert_eq!(ended.stderr.matches("No such file").count(), 1, "said once: {}", ended.stderr);
}

#[test]
fn batch_norm_on_a_batch_of_one_is_refused_before_anything_is_written() {
    let lab = Lab::new();
    // 1797 = 4 · 449 + 1.
    let ended = lab.run("out", &["train.batch_size=449", "evaluation.batch_size=100"]);
    ended.must_say(2, &["train.batch_size = 449", "batch of one", "batch_norm = false"]);
    let ended = lab.run("out", &["evaluation.batch_size=449"]);
    ended.must_say(2, &["evaluation.batch_size = 449"]);
    assert!(!lab.path("out").exists());
    let allowed = ["train.batch_size=449", "model.batch_norm=false"];
    assert_eq!(steps(&lab.done("out", &allowed)).len(), 5);
}

//! Certified lines in a walk: the decisions of exact ones, from fewer samples, repeatable.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use losswalk::measure::Mode;
use losswalk::run::{LineRecord, RunFolder, Samples};
use serde_json::Value;

use crate::lab::{Ended, Lab, end, lines, must_equal, records};
use crate::program::losswalk;

/// Digits in 90 units of 20.
const UNITS: &str = "evaluation.batch_size=20";
const CERTIFIED: [&str; 4] =
    [UNITS, "measure.mode=certified", "measure.error=1e-3", "train.epochs=2"];

fn sample_points(line: &LineRecord) -> u64 {
    match &line.samples {
        Samples::Each(samples) => samples * line.losses.len() as u64,
        Samples::AtAlphas(samples) => samples.iter().sum(),
    }
}

#[test]
fn certified_decisions_are_the_exact_ones_from_fewer_samples() {
    let lab = Lab::new();
    let exact = lines(&lab.done("exact", &[UNITS, "train.epochs=2"]));
    for assume in ["shape", "mirrored"] {
        let assume = format!("measure.assume={assume}");
        let certified = lines(&lab.done(&assume, &[&CERTIFIED[..], &[&assume]].concat()));
        assert_eq!(certified.len(), exact.len());
        for (found, exact) in certified.iter().zip(&exact) {
            assert_eq!(found.verdict.barrier, exact.verdict.barrier, "step {}", found.step);
            let Some(certificate) = &found.certificate else {
                assert_eq!(found.mode, Mode::Exact);
                continue;
            };
            assert_eq!((found.mode, certificate.error), (Mode::Certified, 1e-3));
            let [low, high] = certificate.barrier_height_bounds.map(|bound| bound.unwrap());
            let height = exact.verdict.barrier_height.unwrap();
            // The probability that this fails on any of 36 lines is 36 times 1e-3 at most.
            assert!(low <= height && height <= high, "{low} {height} {high}");
        }
        let certified_lines = certified.iter().filter(|line| line.mode == Mode::Certified).count();
        assert!(certified_lines > certified.len() / 2, "{certified_lines}");
        let total = |lines: &[LineRecord]| lines.iter().map(sample_points).sum::<u64>();
        assert!(3 * total(&certified) < 2 * total(&exact));
    }
}

#[test]
fn certified_records_are_the_same_on_any_number_of_threads_and_after_a_kill() {
    let lab = Lab::new();
    lab.run_with("one", &CERTIFIED, &["--threads", "1"]).must_say(0, &[]);
    lab.run_with("three", &CERTIFIED, &["--threads", "3"]).must_say(0, &[]);
    let whole = records(&lab.path("one"));
    must_equal(&records(&lab.path("three")), &whole);
    // As a process killed after step 24 of 36 leaves it.
    let run = lab.path("three");
    fs::remove_dir_all(run.join("checkpoints/step-00000036")).unwrap();
    for name in ["steps.jsonl", "line.jsonl"] {
        let text = fs::read_to_string(run.join(name)).unwrap();
        let kept: String = text.split_inclusive('\n').take(24).collect();
        fs::write(run.join(name), kept).unwrap();
    }
    lab.run_with("three", &CERTIFIED, &["--threads", "2", "--resume"]).must_say(0, &[]);
    must_equal(&records(&run), &whole);
}

#[test]
fn what_certified_mode_cannot_do_is_refused() {
    let lab = Lab::new();
    let ended = lab.run("a", &[&CERTIFIED[..], &["measure.reach=2.0"]].concat());
    ended.must_say(2, &["measure[0].reach = 2.0: needs exact losses"]);
    let ended = lab.run("b", &[&CERTIFIED[..], &["evaluation.protocol=authors"]].concat());
    ended.must_say(2, &["evaluation.protocol = \"authors\": gives every point batches of its own"]);
    let ended = lab.run("c", &["measure.mode=certified", "measure.error=0.5"]);
    ended.must_say(2, &["measure[0].error = 0.5: must be between 1e-8 and 0.1"]);
    let ended = lab.run("d", &["measure.error=0.001"]);
    ended.must_say(2, &["measure[0].error = 0.001: unknown key"]);
}

#[test]
fn the_report_says_how_many_decisions_may_be_wrong() {
    let lab = Lab::new();
    let run = lab.done("run", &CERTIFIED);
    let csv = fs::read_to_string(run.join("figures/barriers.csv")).unwrap();
    let lines = lines(&run);
    let certified = lines.iter().filter(|line| line.epoch == 1 && line.certificate.is_some());
    let row =
        format!("quickstart,1,0,18,{},0,{},1", 18 - certified.clone().count(), certified.count());
    assert!(csv.contains(&row), "{row} is not in\n{csv}");
    assert!(fs::read_to_string(run.join("report.html")).unwrap().contains("at most 1 wrong"));
}

#[test]
fn line_decides_between_files_with_a_stated_error() {
    let lab = Lab::new();
    let run = lab.done("run", &[UNITS, "train.save_iterates=true", "measure.iterations=3"]);
    assert_eq!(RunFolder::open(&run).unwrap().lines().unwrap().len(), 3);
    let file = |step| run.join(format!("iterates/step-{step:08}.safetensors"));
    let mut command = losswalk();
    command.arg("line").arg("--run").arg(&run).args(["--certified", "--json"]);
    command.arg("--from").arg(file(0)).arg("--to").arg(file(1));
    let ended = end(&mut command);
    ended.must_say(0, &[]);
    let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&answer["error"], &answer["assume"]), (&1e-4.into(), &"shape".into()));
    assert_eq!(answer["barrier"], lines(&run)[0].verdict.barrier.unwrap());
    assert_eq!(answer["samples"].as_array().unwrap().len(), 11);
    assert_eq!(answer["accuracies"], serde_json::json!([null, null]));
}

#[test]
fn path_decides_each_segment_and_passes_over_no_more_of_the_set_than_that_takes() {
    let lab = Lab::new();
    let run = lab.done("run", &[UNITS, "train.save_iterates=true", "measure.points=10"]);
    let path = |arguments: &[&str]| {
        let mut command = losswalk();
        command.arg("path").arg("--run").arg(&run).args(arguments);
        command.args((0..6).map(|step| run.join(format!("iterates/step-{step:08}.safetensors"))));
        end(&mut command)
    };
    let ended = path(&["--certified", "--error", "1e-3", "--json"]);
    ended.must_say(0, &[]);
    let rows: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 5);
    for (row, exact) in rows.iter().zip(lines(&run)) {
        assert_eq!(row["barrier"], exact.verdict.barrier.unwrap());
        assert_eq!(row["accuracies"], serde_json::json!([null, null]));
        assert!(row["error"] == 1e-3 && row["samples"].as_array().unwrap().len() == 11, "{row}");
    }
    let ended = path(&["--certified"]);
    ended.must_say(0, &[]);
    assert!(ended.stdout.contains("wrong with probability 0.0001 at most (assume shape)"));
    path(&["--certified", "--points", "1"]).must_say(2, &["choose --points 2 or more"]);
    path(&["--error", "1e-3"]).must_say(2, &["--certified"]);
}

/// `losswalk verify` of a run.
fn verify(run: &Path, arguments: &[&str]) -> Ended {
    end(losswalk().arg("verify").arg(run).args(["--threads", "1"]).args(arguments))
}

#[test]
fn verify_agrees_from_saved_iterates_and_from_the_walk_taken_again() {
    let lab = Lab::new();
    let run = lab.done("saved", &[&CERTIFIED[..], &["train.save_iterates=true"]].concat());
    let saved = verify(&run, &["--updates", "6"]);
    saved.must_say(0, &[]);
    assert!(saved.stdout.contains("6 of 6 decisions agree"), "{saved:?}");
    fs::remove_dir_all(run.join("iterates")).unwrap();
    let replayed = verify(&run, &["--updates", "6"]);
    replayed.must_say(0, &[]);
    assert_eq!(replayed.stdout, saved.stdout);
    let others = verify(&run, &["--updates", "6", "--seed", "2"]);
    assert_ne!(others.stdout, saved.stdout);
}

#[test]
fn verify_exits_with_4_where_decisions_are_contradicted() {
    let lab = Lab::new();
    let run = lab.done("run", &CERTIFIED);
    let file = run.join("line.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"barrier\":false", "\"barrier\":true")).unwrap();
    let ended = verify(&run, &["--updates", "3"]);
    ended.must_say(4, &[]);
    assert!(ended.stdout.contains("DISAGREES") && ended.stdout.contains("0 of 3 decisions agree"));
}

#[test]
fn verify_refuses_a_walk_that_is_another() {
    let lab = Lab::new();
    let run = lab.done("run", &CERTIFIED);
    let file = run.join("steps.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"param_norm\":", "\"param_norm\":1")).unwrap();
    verify(&run, &["--updates", "3"]).must_say(1, &["step 0, taken again from the start, differs"]);
}

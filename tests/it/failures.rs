//! Runs that go wrong: what diverges is explained, what cannot be written is refused.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use losswalk::precision::Precision;
use losswalk::run::Status;

use crate::lab::{Lab, end, lines, manifest, must_equal, records, steps};
use crate::program::losswalk;

/// One step throws theta so far that no loss is finite there, not even in 64 bits.
const EXPLODE: [&str; 3] =
    ["model.batch_norm=false", "train.learning_rate=1e140", "train.precision=f64"];

#[test]
fn a_diverged_run_keeps_its_records_and_explains_every_null() {
    let lab = Lab::new();
    lab.run("run", &EXPLODE).must_say(3, &["diverged at step 1", "kept"]);
    let run = lab.path("run");
    let steps = steps(&run);
    assert_eq!(steps.len(), 2);
    let first = &steps[0];
    assert!(first.batch_loss.is_some() && first.distance.is_some_and(|distance| distance > 1e25));
    assert_eq!((steps[1].grad_norm, steps[1].param_norm, steps[1].cosine), (None, None, None));
    let lines = lines(&run);
    assert_eq!(lines.len(), 1, "a step that diverged has no line");
    assert!(lines[0].losses[0].is_some() && lines[0].losses[1..].iter().all(Option::is_none));
    assert_eq!((lines[0].verdict.barrier, lines[0].verdict.floor_loss), (None, None));
    assert!(!lines[0].verdict.resolved, "without a verdict nothing is resolved");

    let manifest = manifest(&run);
    assert_eq!(manifest.status, Status::Diverged);
    let about = |step: u64, word: &str| {
        manifest.problems.iter().any(|found| found.step == step && found.message.contains(word))
    };
    assert!(about(0, "not finite") && about(1, "diverged"), "{:?}", manifest.problems);
    assert!(fs::read_to_string(run.join("report.html")).unwrap().contains("diverged"));
}

/// What overflows 32 bits is no gap where 64 bits hold it.
#[test]
fn a_line_beyond_the_range_of_32_bits_is_measured_in_64() {
    let lab = Lab::new();
    let far = ["model.batch_norm=false", "train.learning_rate=1e30"];
    lab.run("run", &far).must_say(3, &["diverged at step 1"]);
    let line = &lines(&lab.path("run"))[0];
    assert!(line.losses[1..].iter().all(|loss| loss.is_some_and(|loss| loss > 1e38)));
    assert_eq!((line.verdict.precision, line.verdict.resolved), (Precision::F64, true));
}

#[test]
fn resuming_a_diverged_run_adds_neither_records_nor_explanations() {
    let lab = Lab::new();
    let run = |arguments: &[&str]| {
        lab.run_with("run", &EXPLODE, arguments).must_say(3, &[]);
        (records(&lab.path("run")), manifest(&lab.path("run")))
    };
    let ((first, before), (second, after)) = (run(&[]), run(&["--resume"]));
    must_equal(&second, &first);
    assert_eq!(after.problems, before.problems);
    assert_eq!(after.status, before.status);
}

#[test]
fn a_folder_below_a_file_is_refused_by_name() {
    let lab = Lab::new();
    fs::write(lab.path("file"), "").unwrap();
    let ended = lab.run("file/run", &[]);
    ended.must_say(1, &["file/run", "Not a directory"]);
    assert_eq!(ended.stderr.matches("Not a directory").count(), 1, "{}", ended.stderr);
}

#[test]
fn what_is_wrong_with_a_model_is_said_once() {
    let lab = Lab::new();
    let path = lab.path("pool.toml");
    let text = "[data]\nname = 'digits'\n[model]\narch = 'layers'\n\
                layers = [{ kind = 'max-pool', size = 3 }]\n";
    fs::write(&path, text).unwrap();
    let ended = end(losswalk().arg("run").arg(&path).arg("--out").arg(lab.path("run")));
    ended.must_say(2, &["`model`", "layers[0] (max-pool)"]);
    assert_eq!(ended.stderr.matches("layers[0]").count(), 1, "{}", ended.stderr);
}

/// Needs the right to mount, as in CI; says so and passes elsewhere.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_cannot_be_written_is_refused_with_the_remedy() {
    use std::process::Command;
    let lab = Lab::new();
    let disk = lab.path("disk");
    fs::create_dir(&disk).unwrap();
    let mount =
        Command::new("mount").args(["-t", "tmpfs", "-o", "ro", "tmpfs"]).arg(&disk).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        println!("skipped: no right to mount a read-only disk");
        return;
    }
    let ended = lab.run("disk/run", &[]);
    assert!(Command::new("umount").arg(&disk).status().unwrap().success());
    ended.must_say(1, &["disk/run", "Read-only", "--out"]);
}

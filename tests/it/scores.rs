//! Loss and accuracy after epochs, on both splits; normalisation in the records; `--expect-loss`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use losswalk::run::{EpochRecord, RunFolder};
use serde_json::Value;

use crate::lab::{Ended, Lab, end, lines, manifest};
use crate::program::losswalk;

fn epochs(run: &Path) -> Vec<EpochRecord> {
    RunFolder::open(run).unwrap().points().unwrap()
}

/// A file of NumPy's.
fn npy(path: &Path, kind: &str, shape: &str, bytes: &[u8]) {
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    let file = [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), bytes].concat();
    fs::write(path, file).unwrap();
}

/// 100 images of 2x2 pixels in two classes, and the last 40 of them as a test split.
fn arrays(lab: &Lab) -> PathBuf {
    let root = lab.path("arrays");
    fs::create_dir_all(&root).unwrap();
    let images: Vec<u8> = (0..400u32).map(|i| (i * 7919 % 256) as u8).collect();
    let labels: Vec<u8> = (0..100).map(|i| u8::from(images[4 * i] > 127)).collect();
    npy(&root.join("images.npy"), "|u1", "100, 2, 2", &images);
    npy(&root.join("labels.npy"), "|u1", "100,", &labels);
    npy(&root.join("test-images.npy"), "|u1", "40, 2, 2", &images[240..]);
    npy(&root.join("test-labels.npy"), "|u1", "40,", &labels[60..]);
    root
}

#[test]
fn loss_and_accuracy_are_measured_before_the_first_epoch_and_after_each() {
    let lab = Lab::new();
    let run = lab.done("run", &["train.epochs=2"]);
    let (epochs, lines) = (epochs(&run), lines(&run));
    assert_eq!(
        epochs.iter().map(|r| (r.epoch, r.step)).collect::<Vec<_>>(),
        [(0, 0), (1, 18), (2, 36)]
    );
    // Lines begin and end there: the same loss, by another way along the first layer.
    let ends = [lines[0].losses[0], lines[17].losses[4], lines[35].losses[4]];
    for (record, end) in epochs.iter().zip(ends) {
        let (loss, end) = (record.loss.unwrap(), end.unwrap());
        assert!((loss - end).abs() <= 1e-6 * end, "{loss} {end}");
        assert_eq!((record.test_loss, record.test_accuracy), (None, None));
    }
    // Whole samples, near chance (0.1) before training and far above it after.
    let accuracies: Vec<f64> = epochs.iter().map(|record| record.accuracy.unwrap()).collect();
    let is_whole = |right: f64| (right - right.round()).abs() < 1e-9;
    assert!(accuracies.iter().all(|share| is_whole(share * 1797.0)), "{accuracies:?}");
    assert!(accuracies[0] < 0.2 && accuracies[2] > 0.5, "{accuracies:?}");
}

#[test]
fn a_test_split_is_measured_where_it_is_and_under_every_policy() {
    let lab = Lab::new();
    let root = format!("data.root={}", arrays(&lab).display());
    for policy in ["batch", "recomputed", "running"] {
        for precision in ["f32", "f64"] {
            let policy_setting = format!("evaluation.batch_norm={policy}");
            let precision_setting = format!("evaluation.precision={precision}");
            let name = format!("{policy}-{precision}");
            let settings = [
                "data.name=npy",
                &root,
                "train.batch_size=20",
                &policy_setting,
                &precision_setting,
            ];
            let run = lab.done(&name, &settings);
            let last = epochs(&run).pop().unwrap();
            let share = last.test_accuracy.unwrap();
            assert!((share * 40.0 - (share * 40.0).round()).abs() < 1e-9, "{share}");
            let text = fs::read_to_string(run.join("run.toml")).unwrap();
            assert!(text.contains("test = true"), "{text}");
            // The test split is part of the training set: a network that tells one tells the other.
            let difference = last.test_loss.unwrap() - last.loss.unwrap();
            assert!(difference.abs() < 0.5 && difference != 0.0, "{last:?}");
        }
    }
    // In 32 bits and in 64, by kernels and by series, the scores agree.
    let [single, double] = ["f32", "f64"].map(|p| epochs(&lab.path(&format!("recomputed-{p}"))));
    for (single, double) in single.iter().zip(&double) {
        let of = |record: &EpochRecord| [record.loss, record.test_loss].map(|loss| loss.unwrap());
        for (one, other) in of(single).into_iter().zip(of(double)) {
            assert!((one - other).abs() < 1e-4, "{single:?} {double:?}");
        }
    }
    let settings = ["data.name=npy", &root, "train.batch_size=20", "evaluation.test=false"];
    assert_eq!(epochs(&lab.done("without", &settings))[0].test_loss, None);
    lab.run("none", &["evaluation.test=true"]).must_say(2, &["digits has no test split"]);
}

#[test]
fn recomputed_statistics_are_those_of_the_training_set_on_both_splits() {
    let lab = Lab::new();
    let root = arrays(&lab);
    for name in ["images", "labels"] {
        fs::copy(root.join(format!("{name}.npy")), root.join(format!("test-{name}.npy"))).unwrap();
    }
    let root = format!("data.root={}", root.display());
    for precision in ["f32", "f64"] {
        let precision = format!("evaluation.precision={precision}");
        let settings = ["data.name=npy", &root, "train.batch_size=20", &precision];
        let settings = [&settings[..], &["evaluation.batch_norm=recomputed"]].concat();
        // The same images under the same statistics, in another order.
        for record in epochs(&lab.done(&precision, &settings)) {
            let (train, test) = (record.loss.unwrap(), record.test_loss.unwrap());
            assert!((train - test).abs() < 1e-6 * train, "{record:?}");
            assert_eq!(record.accuracy, record.test_accuracy);
        }
    }
}

#[test]
fn a_batch_of_one_test_sample_is_refused_under_batch_statistics() {
    let lab = Lab::new();
    let root = format!("data.root={}", arrays(&lab).display());
    let settings = ["data.name=npy", &root, "train.batch_size=20", "evaluation.batch_size=13"];
    lab.run("run", &settings).must_say(2, &["evaluation.batch_size = 13", "40 test samples"]);
}

#[test]
fn the_normalisation_stands_in_the_manifest_and_in_run_toml() {
    let lab = Lab::new();
    let run = lab.done("run", &["measure.iterations=1"]);
    let normalisation = manifest(&run).normalisation.unwrap();
    assert_eq!(normalisation.to_string(), "(x - 0.5) / 1, x = byte / 16");
    let text = fs::read_to_string(run.join("run.toml")).unwrap();
    assert!(text.contains("mean = [0.5]\nstd = [1.0]"), "{text}");
    let listed = end(losswalk().args(["data", "list"])).stdout;
    assert!(listed.contains("fashion-mnist: (x - 0.5) / 1, x = byte / 255"), "{listed}");
}

fn iterate(run: &Path, step: u64) -> PathBuf {
    run.join(format!("iterates/step-{step:08}.safetensors"))
}

fn measured(run: &Path, command: &str, arguments: &[&str]) -> Ended {
    let mut line = losswalk();
    line.arg(command).arg("--run").arg(run).args(["--points", "2"]).args(arguments);
    let (from, to) = (iterate(run, 0), iterate(run, 1));
    match command {
        "line" => line.arg("--from").arg(from).arg("--to").arg(to),
        _ => line.args([from, to]),
    };
    end(&mut line)
}

#[test]
fn a_loss_that_is_not_the_expected_one_is_refused_with_the_normalisation_that_gives_it() {
    let lab = Lab::new();
    let save = ["train.save_iterates=true", "measure.iterations=1", "data.mean=[0.0]"];
    // Batch norm would take out a shift of all pixels.
    let run = lab.done("run", &[&save[..], &["model.batch_norm=false"]].concat());
    let answer: Value = serde_json::from_str(&measured(&run, "line", &["--json"]).stdout).unwrap();
    let loss = answer["losses"][2].as_f64().unwrap();
    let expected = format!("{loss:.4}");
    for command in ["line", "path"] {
        measured(&run, command, &["--expect-loss", &expected]).must_say(0, &[]);
    }
    // The same files, of a network that is described with the set's own normalisation.
    let text = fs::read_to_string(run.join("run.toml")).unwrap();
    let model = lab.path("model.toml");
    fs::write(&model, text.replace("mean = [0.0]\n", "").replace("std = [1.0]\n", "")).unwrap();
    let mut other = losswalk();
    other.arg("path").arg("--model").arg(&model).args(["--expect-loss", &expected]);
    let refused = end(other.args([iterate(&run, 0), iterate(&run, 1)]));
    let said = ["(x - 0.5) / 1", "data.mean = [0.0], data.std = [1.0]", "ToTensor alone"];
    refused.must_say(2, &said);
    assert!(!refused.stderr.contains("[-1, 1]"), "{}", refused.stderr);
    let never = measured(&lab.done("norm", &save), "path", &["--expect-loss", "77.0"]);
    never.must_say(2, &["no usual normalisation gives it", "evaluation.batch_norm = \"running\""]);
}

#[test]
fn heads_name_the_normalisation_and_rows_have_accuracies() {
    let lab = Lab::new();
    let run = lab.done("run", &["train.save_iterates=true", "measure.iterations=1"]);
    let head = "digits: 1797 training images, pixels (x - 0.5) / 1, x = byte / 16; batch norm: \
                statistics of each batch of 100";
    for command in ["line", "path"] {
        let text = measured(&run, command, &[]).stdout;
        assert!(text.starts_with(head) && text.contains("accuracy"), "{text}");
        let json: Value =
            serde_json::from_str(&measured(&run, command, &["--json"]).stdout).unwrap();
        assert_eq!(json["normalisation"]["mean"][0], 0.5);
        let first = epochs(&run)[0].accuracy.unwrap();
        assert_eq!(json["accuracies"][0].as_f64(), Some(first), "{json}");
        if command == "path" {
            let widest = text.lines().skip(1).map(str::len).max().unwrap();
            assert!(widest <= 105, "{widest}");
        }
    }
}

#[test]
fn labels_that_leave_gaps_are_warned_of() {
    let lab = Lab::new();
    let root = arrays(&lab);
    let labels: Vec<u8> = (0..100).map(|i| if i % 2 == 0 { 0 } else { 3 }).collect();
    npy(&root.join("labels.npy"), "|u1", "100,", &labels);
    let root = format!("data.root={}", root.display());
    let settings = ["data.name=npy", &root, "train.batch_size=20", "evaluation.test=false"];
    lab.run("run", &settings).must_say(0, &["warning: npy has no training image of class 1, 2"]);
}

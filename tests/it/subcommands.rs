//! The subcommands around a run: `line`, `data`, and the help of each.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::lab::{Ended, Lab, end, finite, lines};
use crate::program::losswalk;

fn iterate(run: &Path, step: u64) -> PathBuf {
    run.join(format!("iterates/step-{step:08}.safetensors"))
}

/// `losswalk line` between theta_t and theta_{t+1} of a run that saved them.
fn line(run: &Path, step: u64, arguments: &[&str]) -> Ended {
    let mut command = losswalk();
    command.arg("line").arg("--run").arg(run).args(["--threads", "1"]).args(arguments);
    command.arg("--from").arg(iterate(run, step)).arg("--to").arg(iterate(run, step + 1));
    end(&mut command)
}

fn answer(run: &Path, step: u64) -> Value {
    let ended = line(run, step, &["--points", "4", "--json"]);
    ended.must_say(0, &[]);
    serde_json::from_str(&ended.stdout).unwrap()
}

/// The largest relative difference between recorded losses and those that `losswalk line` finds, and
/// the smallest relative change of the loss along the lines compared.
fn compare(run: &Path) -> (f64, f64) {
    let (mut worst, mut effect) = (0.0, f64::INFINITY);
    for record in &lines(run)[..3] {
        let answer = answer(run, record.step);
        assert_eq!(answer["samples"], 1797);
        let recorded = finite(&record.losses);
        let found: Vec<f64> = serde_json::from_value(answer["losses"].clone()).unwrap();
        assert_eq!((recorded.len(), found.len()), (5, 5));
        let differences = recorded.iter().zip(&found).map(|(a, b)| (a - b).abs() / a);
        worst = differences.fold(worst, f64::max);
        effect = f64::min(effect, (recorded[4] - recorded[0]).abs() / recorded[0]);
    }
    (worst, effect)
}

#[test]
fn a_report_on_nothing_says_what_to_name() {
    let output = losswalk().args(["report", "runs/none"]).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(message.contains("has made") && !message.contains("--resume"), "{message}");
}

#[test]
fn figures_for_a_publication_are_of_the_width_asked() {
    let lab = Lab::new();
    let run = lab.done("run", &[]);
    let report = |arguments: &[&str]| end(losswalk().arg("report").arg(&run).args(arguments));
    let ended = report(&["--paper", "--width", "8.3 cm"]);
    ended.must_say(0, &[]);
    let folder = run.join("figures/paper");
    assert_eq!(Path::new(ended.stdout.trim()), folder);
    for file in ["walk.pdf", "walk.svg", "walk.png", "walk.tex", "walk.csv"] {
        assert!(folder.join(file).is_file(), "{file}");
    }
    for (width, remedy) in [
        ("3.25", "such as 3.25in, 8.3cm"),
        ("1in", "from 2in to 12in"),
        ("3em", "in, cm, mm or pt"),
    ] {
        report(&["--paper", "--width", width]).must_say(2, &["--width", remedy]);
    }
    report(&["--width", "3in"]).must_say(2, &["--paper"]);
}

#[test]
fn a_line_between_saved_iterates_has_the_losses_that_were_recorded() {
    let lab = Lab::new();
    let settings = ["train.save_iterates=true", "measure.iterations=3"];
    let (worst, effect) = compare(&lab.done("f32", &settings));
    // Parameters are saved exactly, so both measure the same line. Its start was recorded as the
    // line before ended, which takes another way to the same numbers: a few roundings of 2^-24 =
    // 6e-8 in each logit, most of which cancel in the mean.
    assert!(worst <= 1e-6 && effect >= 100.0 * 1e-6, "{worst:e} of {effect:e}");

    let settings = [settings[0], settings[1], "evaluation.precision=f64"];
    let (worst, effect) = compare(&lab.done("f64", &settings));
    assert!(worst <= 1e-12 && effect >= 1e-3, "{worst:e} of {effect:e}");
}

#[test]
fn a_line_is_printed_as_a_table_and_its_json_is_one_object() {
    let lab = Lab::new();
    let run = lab.done("run", &["train.save_iterates=true", "measure.iterations=1"]);
    let text = line(&run, 0, &["--points", "2"]).stdout;
    assert!(text.contains("0.5000") && text.contains("barrier") && text.contains("floor"));
    let answer = answer(&run, 0);
    let alphas: Vec<f64> = serde_json::from_value(answer["alphas"].clone()).unwrap();
    assert_eq!(alphas, [0.0, 0.25, 0.5, 0.75, 1.0]);
    assert!(answer["barrier"].is_boolean() && answer["distance"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_parameter_file_of_another_network_is_refused_by_name() {
    let lab = Lab::new();
    let save = ["train.save_iterates=true", "measure.iterations=1"];
    let run = lab.done("run", &save);
    let other = lab.done("other", &[save[0], save[1], "model.hidden=[9]"]);
    let mut command = losswalk();
    command.arg("line").arg("--run").arg(&run).arg("--from").arg(iterate(&run, 0));
    let ended = end(command.arg("--to").arg(iterate(&other, 0)));
    ended.must_say(2, &["other", "`fc1.weight`", "[9, 64]", "[12, 64]", "`bn2.bias`"]);
}

#[test]
fn the_data_sets_are_listed_and_the_built_in_one_needs_no_check() {
    let listed = end(losswalk().args(["data", "list"]));
    listed.must_say(0, &[]);
    assert!(["digits", "mnist", "1797", "8x8x1"].iter().all(|word| listed.stdout.contains(word)));
    let verified = end(losswalk().args(["data", "verify", "digits"]));
    verified.must_say(0, &[]);
    assert!(verified.stdout.contains("built into losswalk"));
    end(losswalk().args(["data", "verify", "imagenet"])).must_say(2, &["imagenet", "mnist"]);
}

#[test]
fn the_help_of_every_subcommand_says_what_it_is_about() {
    let subjects: [(&[&str], &[&str]); 7] = [
        (&[], &["losswalk init", "Exit codes", "130 interrupted"]),
        (&["run"], &["steps.jsonl", "line.jsonl", "--resume", "--set", "--threads"]),
        (&["report"], &["report.html", "compared"]),
        (&["line"], &["straight line", "safetensors", "--json"]),
        (&["data", "list"], &["data sets"]),
        (&["data", "fetch"], &["Download", "LOSSWALK_MIRROR", "data.root"]),
        (&["data", "verify"], &["Compare", "published"]),
    ];
    for (command, words) in subjects {
        let ended = end(losswalk().args(command).arg("--help"));
        ended.must_say(0, &[]);
        for word in words {
            assert!(ended.stdout.contains(word), "`{word}` in the help of {command:?}");
        }
    }
}

#[test]
fn bench_refuses_a_device_that_is_not_there() {
    end(losswalk().args(["bench", "--networks", "mlp", "--device", "gpu"]))
        .must_say(2, &["--device gpu: not available", "this build knows: cpu"]);
}

#[test]
fn bench_measures_a_pass_beside_the_peak() {
    let arguments = ["bench", "--json", "--rounds", "1", "--threads", "1"];
    let mut command = losswalk();
    let ended = end(command.args(arguments).args(["--networks", "mlp", "--passes", "sgd_step"]));
    ended.must_say(0, &[]);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["machine"]["threads"], 1);
    assert_eq!(report["machine"]["device"], "cpu");
    let [result] = &report["results"].as_array().unwrap()[..] else { panic!("{report}") };
    assert_eq!((&result["network"], &result["pass"]), (&"mlp".into(), &"sgd_step".into()));
    let number = |key: &str| result[key].as_f64().unwrap();
    // 2 x 392,000 + 3 x 178,500 products a sample.
    let gflops = 2.0 * 1_319_500.0 * number("samples_per_second") / 1e9;
    assert!((number("gflops") / gflops - 1.0).abs() < 1e-9, "{result}");
    assert!(
        (1e-3 * number("milliseconds") * number("samples_per_second") / 100.0 - 1.0).abs() < 1e-9
    );
    let share = number("share_of_peak");
    assert!((share * report["peak_gflops"].as_f64().unwrap() / gflops - 1.0).abs() < 1e-9);
    assert!((0.0..1.1).contains(&share), "{result}");
}

//! Many runs of one command: a folder each, killed and resumed as a whole, listed and compared.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::time::{Duration, Instant};

use losswalk::run::Status;
use serde_json::Value;

use crate::lab::{Ended, Lab, end, manifest, must_equal, records};
use crate::program::{Run, losswalk};

const SMALL: [&str; 3] = ["data.train_samples=300", "model.hidden=[5]", "measure.points=2"];
const SWEEP: [&str; 6] = [
    "--sweep",
    "train.batch_size=50,100",
    "--sweep",
    "train.learning_rate=0.1,0.5",
    "--seeds",
    "2",
];

fn sweep(lab: &Lab, out: &str, arguments: &[&str]) -> Ended {
    lab.run_with(out, &SMALL, &[&SWEEP, arguments].concat())
}

fn list(lab: &Lab, arguments: &[&str]) -> Ended {
    end(losswalk().arg("list").arg(lab.path("")).args(arguments))
}

#[test]
fn a_sweep_is_the_product_and_each_run_is_named_by_what_differs() {
    let lab = Lab::new();
    let ended = sweep(&lab, "all", &[]);
    ended.must_say(0, &["run 8 of 8: batch_size-100-learning_rate-0.5-seed-2"]);
    for part in ["B = 50, η = 0.1, seed 1", "B = 100, η = 0.5, seed 2", "report on all runs"] {
        assert!(ended.stdout.contains(part), "{part} is missing from {}", ended.stdout);
    }
    let one = lab.path("all/batch_size-50-learning_rate-0.5-seed-2");
    let settings = ["train.batch_size=50", "train.learning_rate=0.5", "train.seed=2"];
    let single = lab.done("single", &[&SMALL[..], &settings].concat());
    must_equal(&records(&one), &records(&single));
    let page = fs::read_to_string(lab.path("all/report.html")).unwrap();
    let title = "<h1>quickstart: 8 runs</h1>";
    for part in [title, "B = 100, η = 0.5: mean of 2 seeds", "B = 50, η = 0.1: full training set"]
    {
        assert!(page.contains(part), "{part} is missing from the page");
    }
    let table = fs::read_to_string(lab.path("all/figures/cosine.csv")).unwrap();
    assert!(
        table.contains("\n\"B = 100, η = 0.1, seed 2\",17,1,17,")
            || table.contains("\n\"B = 100, η = 0.1, seed 2\",2,1,2,"),
        "{table:.300}"
    );
    sweep(&lab, "all", &[]).must_say(2, &["exists", "--resume", "--force"]);
}

#[test]
fn updates_are_counted_in_epochs_where_that_is_wanted() {
    let lab = Lab::new();
    let runs = ["50", "100"]
        .map(|size| lab.done(size, &[&SMALL[..], &[&format!("train.batch_size={size}")]].concat()));
    let report = |unit: &str| {
        let mut command = losswalk();
        command.arg("report").args(&runs).arg("--out").arg(lab.path(unit)).args(["--x", unit]);
        end(&mut command)
    };
    report("epochs").must_say(0, &[]);
    let page = fs::read_to_string(lab.path("epochs/report.html")).unwrap();
    assert!(page.contains("epochs (updates over those of an epoch)") && page.contains("B = 50"));
    report("updates").must_say(0, &[]);
    assert!(
        !fs::read_to_string(lab.path("updates/report.html"))
            .unwrap()
            .contains("updates over those")
    );
    report("minutes").must_say(2, &["possible values: updates, epochs"]);
}

#[test]
fn a_sweep_that_was_killed_goes_on_where_it_was() {
    let lab = Lab::new();
    sweep(&lab, "whole", &["--threads", "1"]).must_say(0, &[]);
    let mut run = Run::new(
        lab.path("killed"),
        &[&["model.hidden=[12, 8]", "train.epochs=1"], &SMALL[..]].concat(),
    );
    run.out = lab.path("killed");
    let mut child = run.start(&[&SWEEP[..], &["--threads", "1"]].concat()).unwrap();
    let begin = Instant::now();
    let third = lab.path("killed/batch_size-50-learning_rate-0.5-seed-1/steps.jsonl");
    while !third.exists() && begin.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let first = lab.path("killed/batch_size-50-learning_rate-0.1-seed-1/report.html");
    let written = fs::metadata(&first).unwrap().modified().unwrap();
    assert!(!lab.path("killed/report.html").exists());
    sweep(&lab, "killed", &["--threads", "1", "--resume"]).must_say(0, &[]);
    assert_eq!(fs::metadata(&first).unwrap().modified().unwrap(), written, "done runs are skipped");
    for entry in fs::read_dir(lab.path("whole")).unwrap() {
        let entry = entry.unwrap();
        if entry.path().join("manifest.json").is_file() {
            let killed = lab.path("killed").join(entry.file_name());
            must_equal(&records(&killed), &records(&entry.path()));
        }
    }
    let said = sweep(&lab, "killed", &["--resume", "--json"]);
    assert_eq!(said.code, Some(0));
}

#[test]
fn only_force_replaces_a_run() {
    let lab = Lab::new();
    let run = lab.done("run", &SMALL);
    let other = [&SMALL[..], &["train.seed=7"]].concat();
    lab.run("run", &other).must_say(2, &["--force"]);
    assert_eq!(manifest(&run).seed, 1111);
    // A mistake removes nothing.
    lab.run_with("run", &[&other[..], &["train.batch_size=301"]].concat(), &["--force"])
        .must_say(2, &["only 300 samples"]);
    assert_eq!(manifest(&run).seed, 1111);
    lab.run_with("run", &other, &["--force"]).must_say(0, &[]);
    assert_eq!(manifest(&run).seed, 7);
    fs::create_dir(lab.path("mine")).unwrap();
    fs::write(lab.path("mine/thesis.tex"), "precious").unwrap();
    lab.run_with("mine", &SMALL, &["--force"]).must_say(2, &["not a run folder"]);
    assert!(lab.path("mine/thesis.tex").exists());
}

#[test]
fn a_dry_run_of_a_sweep_adds_up() {
    let lab = Lab::new();
    let said = sweep(&lab, "none", &["--dry-run"]);
    said.must_say(0, &[]);
    assert!(
        said.stdout.contains("and as much for 1 more seeds")
            && said.stdout.contains("8 runs: about")
    );
    assert!(!lab.path("none").exists());
}

#[test]
fn sweeps_that_cannot_be_are_refused_before_anything_runs() {
    let lab = Lab::new();
    for (arguments, wanted) in [
        (&["--sweep", "train.batch_size"][..], "KEY=VALUE,VALUE"),
        (&["--sweep", "train.epochs=1,1"], "different values"),
        (&["--sweep", "train.epochs=1,0"], "train.epochs = 0: must be at least 1"),
        (&["--sweep", "train.epoch=1,2"], "did you mean epochs?"),
        (&["--sweep", "model.hidden=[1],[\"1\"]"], "model.hidden"),
        (&["--seeds", "1,1"], "different"),
        (&["--resume", "--force"], "cannot be used with"),
    ] {
        lab.run_with("none", &SMALL, arguments).must_say(2, &[wanted]);
        assert!(!lab.path("none").exists(), "{arguments:?}");
    }
}

#[test]
fn runs_are_listed_with_what_differs_and_damaged_ones_say_so() {
    let lab = Lab::new();
    list(&lab, &[]).must_say(2, &["no run in this folder"]);
    lab.run_with("all", &SMALL, &["--sweep", "train.batch_size=50,100"]).must_say(0, &[]);
    lab.done("deep/within/other", &[&SMALL[..], &["name=other"]].concat());
    for (name, file, content) in [
        ("broken", "manifest.json", "{"),
        ("no-records", "steps.jsonl", "nonsense\n"),
        ("killed", "run.toml", ""),
    ] {
        fs::create_dir(lab.path(name)).unwrap();
        if file == "steps.jsonl" {
            for copied in ["manifest.json", "run.toml"] {
                fs::copy(lab.path("deep/within/other").join(copied), lab.path(name).join(copied))
                    .unwrap();
            }
        }
        fs::write(lab.path(name).join(file), content).unwrap();
    }
    let table = list(&lab, &[]);
    table.must_say(0, &[]);
    let row = |name: &str| {
        let row = table.stdout.lines().find(|line| line.starts_with(name));
        row.unwrap_or_else(|| panic!("{name}: {}", table.stdout))
    };
    assert!(
        row("all/batch_size-50").contains("done") && row("all/batch_size-50").ends_with("B = 50")
    );
    assert!(row("deep/within/other").contains("1 of 1"));
    for (name, why) in
        [("broken", "not a manifest"), ("no-records", "damaged"), ("killed", "no manifest.json")]
    {
        assert!(row(name).contains("damaged") && row(name).contains(why), "{}", row(name));
    }
    let objects: Vec<Value> = list(&lab, &["--json"])
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(objects.len(), 6);
    let of = |name: &str| {
        objects.iter().find(|object| object["run"].as_str().unwrap().ends_with(name)).unwrap()
    };
    assert_eq!(of("batch_size-100")["differs"][0]["value"], "100");
    assert!(of("broken")["damaged"].as_str().unwrap().contains("not a manifest"));
    let loss = of("other")["loss"].as_f64().unwrap();

    let show = |arguments: &[&str]| end(losswalk().arg("show").args(arguments));
    let run = lab.path("deep/within/other");
    let run = run.to_str().unwrap();
    let text = show(&[run]);
    text.must_say(0, &[]);
    for part in ["other (done)", "barriers crossed", "hidden = [5]", "report.html"] {
        assert!(text.stdout.contains(part), "{part} is missing from {}", text.stdout);
    }
    let object: Value = serde_json::from_str(&show(&[run, "--json"]).stdout).unwrap();
    assert_eq!(
        (object["loss"].as_f64(), &object["settings"]["name"]),
        (Some(loss), &"other".into())
    );
    show(&[lab.path("broken").to_str().unwrap()]).must_say(1, &["not a manifest"]);
    assert_eq!(manifest(&lab.path("deep/within/other")).status, Status::Done);
}

//! What a run would take is said before it is begun, and what it found in words or in JSON.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use serde_json::Value;

use crate::lab::{Ended, Lab, lines, manifest, steps};

fn json(ended: &Ended) -> Value {
    ended.must_say(0, &[]);
    serde_json::from_str(&ended.stdout).unwrap()
}

/// Bytes of all files below a folder.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| match entry.metadata().unwrap() {
            meta if meta.is_dir() => size(&entry.path()),
            meta => meta.len(),
        })
        .sum()
}

const EVERYTHING: &str = "measure=[{kind='line',epochs=[2],points=4},{kind='spectrum',epochs=[0,2],top=2,probes=1},\
                          {kind='alignment',epochs=[1],batches=20},{kind='covariance',batches=3}]";

#[test]
fn a_dry_run_writes_nothing_and_foresees_steps_and_disk() {
    let lab = Lab::new();
    for (name, settings) in [
        ("line", &["train.epochs=3", "train.batch_size=20"][..]),
        ("all", &["train.epochs=2", "train.save_iterates=true", "train.momentum=0.9", EVERYTHING]),
    ] {
        let outlook = json(&lab.run_with(name, settings, &["--dry-run", "--json"]));
        let run = lab.path(name);
        assert!(!run.exists(), "{name}");
        lab.done(name, settings);
        assert_eq!(outlook["steps"], steps(&run).len(), "{name}");
        assert_eq!(outlook["measured_updates"], lines(&run).len(), "{name}");
        assert_eq!(outlook["parameters"], manifest(&run).parameter_count, "{name}");
        let parts = outlook["disk_bytes"].as_array().unwrap();
        let foreseen: u64 = parts.iter().map(|part| part[1].as_u64().unwrap()).sum();
        let share = foreseen as f64 / size(&run) as f64;
        assert!((0.7..1.4).contains(&share), "{name}: {share} of what was written, {parts:?}");
        let seconds = outlook["seconds"].as_array().unwrap();
        assert!(seconds.iter().all(|part| part[1].as_f64().unwrap() > 0.0), "{seconds:?}");
    }
    let said = lab.run_with("none", &["train.epochs=3"], &["--dry-run"]);
    for part in ["54 on 1,797 images", "loss along updates", "nothing was written", "at least"] {
        assert!(said.stdout.contains(part), "{part} is missing from {}", said.stdout);
    }
}

#[test]
fn a_quiet_run_says_nothing_and_json_is_one_object() {
    let lab = Lab::new();
    let settings = ["data.train_samples=300"];
    let quiet = lab.run_with("quiet", &settings, &["--quiet"]);
    assert_eq!((quiet.code, &*quiet.stdout, &*quiet.stderr), (Some(0), "", ""));
    let found = json(&lab.run_with("json", &settings, &["--json", "--quiet"]));
    let run = lab.path("json");
    assert_eq!((&found["status"], &found["epochs_done"]), (&"done".into(), &1.into()));
    assert_eq!(found["measured_updates"], lines(&run).len());
    assert_eq!(found["distance"].as_f64(), steps(&run).last().unwrap().distance);
    assert!(found["report"].as_str().unwrap().ends_with("report.html"));
}

//! One experiment with several seeds: a folder each, resumable as a whole, compared in one report.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use crate::lab::{Lab, manifest, must_equal, records};

const SMALL: [&str; 2] = ["data.train_samples=300", "seeds=[3, 5, 8]"];

#[test]
fn every_seed_has_a_run_of_its_own_and_one_report_has_their_mean() {
    let lab = Lab::new();
    let all = lab.done("all", &SMALL);
    let single = lab.done("single", &["data.train_samples=300", "train.seed=5"]);
    must_equal(&records(&all.join("seed-5")), &records(&single));
    assert_eq!(manifest(&all.join("seed-8")).seed, 8);
    let page = fs::read_to_string(all.join("report.html")).unwrap();
    assert!(page.contains("mean of 3 seeds, with its 95 % interval"));
    assert!(!fs::read_to_string(single.join("report.html")).unwrap().contains("seeds, with"));
}

#[test]
fn seeds_are_resumed_as_a_whole() {
    let lab = Lab::new();
    let all = lab.done("all", &SMALL);
    let whole = ["seed-3", "seed-5", "seed-8"].map(|seed| records(&all.join(seed)));
    lab.run("all", &SMALL).must_say(2, &["this run folder exists"]);
    // As if it had been stopped before the last seed.
    fs::remove_dir_all(all.join("seed-8")).unwrap();
    lab.run_with("all", &SMALL, &["--resume"]).must_say(0, &[]);
    for (seed, whole) in ["seed-3", "seed-5", "seed-8"].iter().zip(&whole) {
        must_equal(&records(&all.join(seed)), whole);
    }
}

#[test]
fn seeds_may_be_given_as_an_argument_and_must_differ() {
    let lab = Lab::new();
    let settings = ["data.train_samples=300"];
    lab.run_with("all", &settings, &["--seeds", "1,2"]).must_say(0, &[]);
    assert!(lab.path("all/seed-1").is_dir() && lab.path("all/seed-2/report.html").is_file());
    lab.run("twice", &["seeds=[1, 1]"])
        .must_say(2, &["seeds = [1, 1]: must be a list of different"]);
}

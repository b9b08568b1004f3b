//! A run that is done goes on with more epochs, and ends with the bytes of one that had them from the
//! start.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use losswalk::run::Status;

use crate::lab::{Lab, manifest, must_equal, records};

/// What all equal runs share, besides steps and lines.
fn points(run: &Path) -> Vec<String> {
    let logs = ["epochs.jsonl", "spectrum.jsonl", "alignment.jsonl"];
    logs.iter().map(|log| fs::read_to_string(run.join(log)).unwrap()).collect()
}

fn measures(epochs: &str) -> String {
    format!(
        "measure=[{{kind='line',epochs={epochs},iterations=7,points=3}},\
         {{kind='spectrum',epochs={epochs},top=2}},\
         {{kind='alignment',epochs={epochs},batches=3}}]"
    )
}

#[test]
fn more_epochs_end_with_the_bytes_of_a_run_that_had_them() {
    let lab = Lab::new();
    let rule = "train={momentum=0.9,batch_size=100,schedule={kind='step',every=20}}";
    for (few, many) in [("\"all\"", "\"all\""), ("[1]", "[1,3]")] {
        let settings =
            |epochs: &'static str, measured| [rule.into(), epochs.into(), measures(measured)];
        let refer = |settings: [String; 3], name: String, arguments: &[&str]| {
            let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
            lab.run_with(&name, &settings, arguments).must_say(0, &[]);
            lab.path(&name)
        };
        let one = ["--threads", "1"];
        let whole = refer(settings("train.epochs=3", many), format!("whole{few}"), &one);
        refer(settings("train.epochs=1", few), format!("run{few}"), &one);
        refer(
            settings("train.epochs=2", few),
            format!("run{few}"),
            &["--threads", "1", "--resume"],
        );
        let run = refer(
            settings("train.epochs=3", many),
            format!("run{few}"),
            &["--threads", "1", "--resume"],
        );
        must_equal(&records(&run), &records(&whole));
        assert_eq!(points(&run), points(&whole), "{few}");
        assert_eq!(
            fs::read(run.join("run.toml")).unwrap(),
            fs::read(whole.join("run.toml")).unwrap()
        );
        let (found, whole) = (manifest(&run), manifest(&whole));
        assert_eq!((found.status, found.total_steps), (Status::Done, whole.total_steps));
        let ends: Vec<u64> = found.extensions.iter().map(|earlier| earlier.total_steps).collect();
        assert_eq!(ends, [18, 36]);
        assert!(
            fs::read_to_string(run.join("report.html"))
                .unwrap()
                .contains("3, first to step 18, then 36")
        );
    }
}

#[test]
fn what_was_walked_cannot_be_changed() {
    let lab = Lab::new();
    let small = "data.train_samples=200";
    lab.done("run", &[small, "train.epochs=2"]);
    for setting in ["train.epochs=1", "train.seed=9", "measure.points=7"] {
        lab.run_with("run", &[small, "train.epochs=2", setting], &["--resume"])
            .must_say(2, &["began with another experiment", "epochs may be added"]);
    }
    let schedule = "train.schedule.kind=cosine";
    lab.done("cosine", &[small, schedule]);
    lab.run_with("cosine", &[small, schedule, "train.epochs=2"], &["--resume"])
        .must_say(2, &["began with another experiment", "epochs = 1"]);
}

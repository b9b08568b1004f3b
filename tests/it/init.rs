//! From nothing to the first page, and what helps on the way there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use losswalk::run::Status;

use crate::lab::{Ended, Lab, end, manifest};

fn losswalk(folder: &Path, arguments: &[&str]) -> Ended {
    end(Command::new(env!("CARGO_BIN_EXE_losswalk")).current_dir(folder).args(arguments))
}

#[test]
fn from_an_empty_folder_to_the_first_page_in_under_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    let begin = Instant::now();
    losswalk(folder.path(), &["run", "first-walk.toml"]).must_say(2, &["`losswalk init`"]);
    let written = losswalk(folder.path(), &["init"]);
    written.must_say(0, &[]);
    assert!(written.stdout.contains("losswalk run first-walk.toml"), "{}", written.stdout);
    losswalk(folder.path(), &["run", "first-walk.toml"]).must_say(0, &[]);
    let run = folder.path().join("runs/first-walk");
    assert!(run.join("report.html").is_file() && run.join("figures/spectrum.svg").is_file());
    assert_eq!(manifest(&run).status, Status::Done);
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", begin.elapsed());
}

#[test]
fn a_file_that_is_there_is_replaced_only_by_force() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    std::fs::write(&file, "precious").unwrap();
    losswalk(folder.path(), &["init", "mine"]).must_say(2, &["mine.toml", "--force"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    losswalk(folder.path(), &["init", "mine.toml", "--force"]).must_say(0, &[]);
    assert!(std::fs::read_to_string(&file).unwrap().contains("[[measure]]"));
    losswalk(folder.path(), &["init", ".hidden"]).must_say(2, &["usable as a folder's name"]);
}

#[test]
fn a_slip_in_a_command_a_key_or_a_value_is_answered_with_what_was_meant() {
    let lab = Lab::new();
    let slips = ["trian.epochs=1", "train.optimizer=agd", "evaluation.protocl=fixed"];
    lab.run("run", &slips).must_say(
        2,
        &["3 mistakes", "did you mean train?", "did you mean sgd?", "did you mean protocol?"],
    );
    lab.run("run", &["data.name=mnits"]).must_say(2, &["did you mean mnist? must be one of"]);
    losswalk(&lab.path(""), &["rum"]).must_say(2, &["'run'"]);
}

#[test]
fn an_experiment_without_measures_says_what_to_add() {
    let without = ["measure=[]", "data.train_samples=100"];
    Lab::new().run("run", &without).must_say(0, &["warning: no [[measure]]", "kind = \"line\""]);
}

#[test]
fn shells_complete_commands_and_manuals_have_a_page_for_each() {
    let lab = Lab::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = losswalk(&lab.path(""), &["completions", shell]);
        script.must_say(0, &[]);
        assert!(script.stdout.contains("init") && script.stdout.contains("resume"), "{shell}");
    }
    losswalk(&lab.path(""), &["man", "man1"]).must_say(0, &[]);
    for page in ["losswalk.1", "losswalk-run.1", "losswalk-data-fetch.1"] {
        let text = std::fs::read_to_string(lab.path("man1").join(page)).unwrap();
        assert!(text.starts_with(".ie") && text.contains(".TH losswalk"), "{page}: {text}");
    }
    let page = std::fs::read_to_string(lab.path("man1/losswalk-run.1")).unwrap();
    assert!(page.contains("resume") && page.contains("run folder"));
}

#[test]
fn help_wraps() {
    let lab = Lab::new();
    for command in [&["--help"][..], &["run", "--help"], &["verify", "--help"]] {
        let help = losswalk(&lab.path(""), command).stdout;
        let longest = help.lines().map(str::len).max();
        assert!(longest.is_some_and(|longest| longest <= 100), "{command:?}: {longest:?}\n{help}");
    }
}

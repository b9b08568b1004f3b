//! A walk of any length begins at once and can be stopped at once.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::program::{Run, TestResult};

#[test]
fn a_run_of_a_million_million_epochs_begins_and_stops_at_once() -> TestResult {
    let folder = tempfile::tempdir()?;
    let measures = "measure=[{kind='line',epochs=[1000000000000]},{kind='line',epochs=[7,8]},\
                    {kind='alignment',epochs=[1000000000000],batch_sizes=[20],batches=3}]";
    let settings = ["train.epochs=1000000000000", "data.train_samples=200", measures];
    let run = Run::new(folder.path().join("r"), &settings);
    let mut child = run.start(&[])?;
    let begin = Instant::now();
    while run.count("steps.jsonl") == 0 && begin.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let asked = Instant::now();
    Command::new("kill").args(["-INT", &child.id().to_string()]).status()?;
    while child.try_wait()?.is_none() && asked.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let (waited, stopped) = (asked - begin, asked.elapsed());
    child.kill()?;
    assert_eq!(child.wait()?.code(), Some(130), "after {waited:?} and {stopped:?}");
    assert!(run.count("steps.jsonl") > 0 && stopped < Duration::from_secs(2), "{stopped:?}");
    Ok(())
}

#[test]
fn more_steps_than_can_be_counted_are_refused() -> TestResult {
    let folder = tempfile::tempdir()?;
    let epochs = "train.epochs=9223372036854775807";
    let (code, message) = Run::new(folder.path().join("r"), &[epochs]).ends(&[])?;
    assert_eq!(code, 2);
    assert!(message.contains("train.epochs = 9223372036854775807: with"), "{message}");
    Ok(())
}

//! What a run folder holds: records, the manifest, checkpoints, journals.

use std::fs;
use std::path::Path;

use losswalk::objective::Objective;
use losswalk::run::{
    AlignmentRecord, Checkpoint, CovarianceRecord, Journal, LineRecord, Log, Manifest, RunFolder,
    SpectrumRecord, StepRecord, TimingRecord,
};
use losswalk::walk::State;

use super::Target;
use super::reports::small_run;
use crate::program::TestResult;
use crate::quadratic::{Quadratic, START};

/// Opens a log for appending, which mends its end, and reads it once more.
macro_rules! fuzz_log {
    ($name:literal, $record:ty) => {{
        let path = small_run()?.path().join("run").join(concat!($name, ".jsonl"));
        let lines = fs::read_to_string(&path)?;
        let (whole, few): (_, String) =
            (lines.clone(), lines.split_inclusive('\n').take(2).collect());
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("log");
        Target::new(concat!("log-", $name), vec![few.into(), whole.into()]).fuzz(|input| {
            let opened = fs::write(&log, input).ok().and_then(|()| Log::open::<$record>(&log).ok());
            opened.is_some_and(|(_, records)| {
                let again = Log::open::<$record>(&log).ok();
                again.is_some_and(|(_, again)| again.len() == records.len())
            })
        })
    }};
}

#[test]
fn logs_of_records() -> TestResult {
    fuzz_log!("steps", StepRecord)?;
    fuzz_log!("line", LineRecord)?;
    fuzz_log!("alignment", AlignmentRecord)?;
    fuzz_log!("covariance", CovarianceRecord)?;
    fuzz_log!("spectrum", SpectrumRecord)?;
    fuzz_log!("timing", TimingRecord)
}

#[test]
fn manifests() -> TestResult {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run");
    let opened = RunFolder::create(&run, &Manifest::default(), "")?;
    let path = run.join("manifest.json");
    let seeds = vec![fs::read(&path)?, fs::read(small_run()?.path().join("run/manifest.json"))?];
    Target::new("manifest", seeds)
        .fuzz(|input| fs::write(&path, input).is_ok() && opened.manifest().is_ok())
}

/// One file of the newest checkpoint is damaged; the older is whole.
fn fuzz_checkpoint(name: &'static str, file: &str) -> TestResult {
    let folder = tempfile::tempdir()?;
    let state = |step| State {
        step,
        point: losswalk::objective::Point { theta: START.to_vec().into(), buffers: Vec::new() },
        carried: Default::default(),
        previous_gradient: START.to_vec().into(),
        previous: losswalk::objective::Point { theta: START.to_vec().into(), buffers: Vec::new() },
        path_length: 0.5,
    };
    let precision = losswalk::precision::Precision::F64;
    for step in [3, 7] {
        state(step).to_checkpoint(&Quadratic::SOUND, precision).save(folder.path())?;
    }
    let path = folder.path().join("step-00000007").join(file);
    Target::new(name, vec![fs::read(&path)?]).fuzz(|input| {
        let loaded = fs::write(&path, input).ok().and_then(|()| load(folder.path()));
        loaded.is_some_and(|step| step != 3)
    })
}

/// The step of the newest checkpoint that is whole, if it fits the network.
fn load(folder: &Path) -> Option<u64> {
    let (newest, damaged) = Checkpoint::load_newest(folder).ok()?;
    assert!(newest.is_some(), "the older one is whole, but {damaged:?}");
    let state = State::from_checkpoint(newest?, &Quadratic::SOUND).ok()?;
    assert_eq!(state.previous.theta.len() % Quadratic::SOUND.dimension(), 0);
    Some(state.step)
}

#[test]
fn checkpoints() -> TestResult {
    fuzz_checkpoint("checkpoint-parameters", "parameters.safetensors")?;
    fuzz_checkpoint("checkpoint-optimizer", "optimizer.safetensors")?;
    fuzz_checkpoint("checkpoint-state", "state.json")
}

#[test]
fn journals() -> TestResult {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("journal");
    let ask = |journal: &mut Journal| {
        (0..4).map(f64::from).all(|number| {
            let computed = || Ok::<_, losswalk::run::RunError>(vec![number, -number]);
            journal.next(&[number], computed).is_ok_and(|found| found == [number, -number])
        })
    };
    let (mut journal, _) = Journal::open(&path, "a")?;
    assert!(ask(&mut journal));
    let plain = fs::read(&path)?;
    journal.restart(&[&[1.0], &[], &[2.0, 3.0]])?;
    assert!(ask(&mut journal));
    let seeds = vec![plain, fs::read(&path)?];
    // Whatever the file says, what is asked for is right.
    Target::new("journal", seeds).fuzz(|input| {
        let opened = fs::write(&path, input).ok().and_then(|()| Journal::open(&path, "a").ok());
        opened.is_some_and(|(mut journal, state)| {
            assert!(state.is_empty() || state.len() == 3, "{state:?}");
            let is_right = ask(&mut journal);
            assert!(is_right, "a wrong vector");
            is_right
        })
    })
}

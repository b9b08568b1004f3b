//! A run that was stopped, however rudely, goes on and ends with the bytes of one that was not.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use losswalk::parameters::Tensors;
use losswalk::run::{Status, StepRecord};

use crate::program::{Run, TestResult};

/// With all that a checkpoint carries: momentum, the gradient before, running statistics.
const SETTINGS: &[&str] = &[
    "train.epochs=3",
    "data.train_samples=1000",
    "train.momentum=0.9",
    "evaluation.batch_norm=running",
];

/// Waits until the run has more lines than before, and ends it at some phase of the next step.
fn kill_soon(run: &Run, arguments: &[&str], more: usize) -> TestResult<bool> {
    let start = run.count("line.jsonl");
    let mut child = run.start(arguments)?;
    let deadline = Instant::now() + Duration::from_secs(60);
    while run.count("line.jsonl") < start + more && child.try_wait()?.is_none() {
        assert!(Instant::now() < deadline, "the run makes no progress");
        std::thread::sleep(Duration::from_micros(300));
    }
    std::thread::sleep(Duration::from_micros(700 * (more as u64 % 4)));
    child.kill()?;
    Ok(child.wait()?.code().is_none())
}

#[test]
fn a_run_killed_five_times_ends_with_the_bytes_of_one_never_stopped() -> TestResult {
    let folder = tempfile::tempdir()?;
    let whole = Run::new(folder.path().join("whole"), SETTINGS);
    assert_eq!(whole.ends(&[])?.0, 0);
    let killed = Run::new(folder.path().join("killed"), SETTINGS);
    let mut kills = 0;
    for (index, more) in [3, 11, 24, 1, 35].into_iter().enumerate() {
        let arguments: &[&str] = if index == 0 { &[] } else { &["--resume"] };
        kills += usize::from(kill_soon(&killed, arguments, more)?);
    }
    assert_eq!(kills, 5, "every kill must hit a running process");
    assert_eq!(killed.ends(&["--resume"])?.0, 0);
    assert!(killed.records()? == whole.records()?);
    let (killed, whole) = (killed.manifest()?, whole.manifest()?);
    assert_eq!(killed.status, Status::Done);
    assert!(killed.line_errors == whole.line_errors && whole.line_errors.len() > 1);
    Ok(())
}

/// Takes the newest checkpoint away and cuts the records to the first so many steps.
fn set_back(run: &Run, steps: usize) -> TestResult {
    let checkpoints = std::fs::read_dir(run.out.join("checkpoints"))?;
    let paths: Result<Vec<_>, _> = checkpoints.map(|entry| entry.map(|e| e.path())).collect();
    std::fs::remove_dir_all(paths?.iter().max().ok_or("no checkpoint")?)?;
    for name in ["steps.jsonl", "line.jsonl"] {
        let text = std::fs::read_to_string(run.out.join(name))?;
        let kept: String = text.split_inclusive('\n').take(steps).collect();
        std::fs::write(run.out.join(name), kept)?;
    }
    Ok(())
}

#[test]
fn every_optimizer_schedule_and_sampling_goes_on_where_it_was() -> TestResult {
    let folder = tempfile::tempdir()?;
    let cases: [&[&str]; 4] = [
        &["train.optimizer=adam", "train.schedule={kind='cosine',warmup_steps=5}"],
        &["train.optimizer=adamw", "train.sampling=replacement"],
        &["train.momentum=0.9", "train.nesterov=true", "train.schedule={kind='step',every=7}"],
        &["train.optimizer=adam", "train.sampling=full", "train.epochs=20"],
    ];
    for (index, case) in cases.into_iter().enumerate() {
        let small = ["data.train_samples=200", "train.epochs=2", "measure.points=3"];
        let run = Run::new(folder.path().join(index.to_string()), &[&small, case].concat());
        assert_eq!(run.ends(&[])?.0, 0);
        let whole = run.records()?;
        assert_eq!(run.count("steps.jsonl"), 20);
        set_back(&run, 19)?;
        assert_eq!(run.ends(&["--resume"])?.0, 0);
        assert!(run.records()? == whole, "{case:?}");
    }
    Ok(())
}

#[test]
fn a_run_of_a_version_without_todays_settings_goes_on() -> TestResult {
    let folder = tempfile::tempdir()?;
    let settings = ["train.epochs=2", "data.train_samples=200", "train.momentum=0.9"];
    let run = Run::new(folder.path().join("r"), &settings);
    assert_eq!(run.ends(&[])?.0, 0);
    let steps = || -> TestResult<Vec<_>> {
        let steps = run.steps()?.into_iter();
        Ok(steps.map(|step| StepRecord { update_cosine: None, ..step }).collect())
    };
    let (whole, lines) = (steps()?, run.lines()?);
    set_back(&run, 15)?;
    // The first version knew none of what follows, and kept velocity and gradient alone.
    let earlier: Result<Vec<_>, _> = steps()?.iter().map(serde_json::to_string).collect();
    let earlier = earlier?.join("\n").replace("\"update_cosine\":null,", "") + "\n";
    assert!(!earlier.contains("update_cosine"));
    std::fs::write(run.out.join("steps.jsonl"), earlier)?;
    let path = run.out.join("run.toml");
    let mut text = std::fs::read_to_string(&path)?;
    for later in [
        "nesterov = false\n",
        "sampling = \"reshuffle\"\n",
        "[train.schedule]\nkind = \"constant\"\nwarmup_steps = 0\nwarmup_factor = 0.3333333333333333\n",
    ] {
        assert!(text.contains(later), "{later}is not in\n{text}");
        text = text.replace(later, "");
    }
    std::fs::write(path, text)?;
    let path = run.out.join("checkpoints/step-00000010/optimizer.safetensors");
    let mut carried = Tensors::read(&path)?;
    carried.entries.remove("previous_theta").ok_or("no previous theta")?;
    assert!(carried.entries.keys().eq(["previous_gradient", "velocity"]));
    std::fs::write(path, carried.encode()?)?;
    assert_eq!(run.ends(&["--resume"])?.0, 0);
    assert!(steps()? == whole && run.lines()? == lines);
    let other = Run::new(run.out.clone(), &[&settings[..], &["train.nesterov=true"]].concat());
    let (code, message) = other.ends(&["--resume"])?;
    assert!(code == 2 && message.contains("nesterov = false"), "{code}: {message}");
    Ok(())
}

#[test]
fn a_torn_last_line_is_repaired() -> TestResult {
    let folder = tempfile::tempdir()?;
    let run = Run::new(folder.path().join("r"), &["train.epochs=1", "data.train_samples=200"]);
    assert_eq!(run.ends(&[])?.0, 0);
    let whole = run.records()?;
    for name in ["steps.jsonl", "line.jsonl"] {
        let path = run.out.join(name);
        let bytes = std::fs::read(&path)?;
        // The last record loses its second half, as a full disk leaves it.
        std::fs::write(&path, &bytes[..bytes.len() - 40])?;
        std::fs::remove_dir_all(run.out.join("checkpoints/step-00000010"))?;
        assert_eq!(run.ends(&["--resume"])?.0, 0, "{name}");
        assert!(run.records()? == whole, "{name}");
        OpenOptions::new().append(true).open(&path)?.write_all(b"{\"step\":")?;
        assert_eq!(run.ends(&["--resume"])?.0, 0, "{name}");
        assert!(run.records()? == whole, "{name}");
    }
    Ok(())
}

#[test]
fn a_record_that_does_not_repeat_is_an_error() -> TestResult {
    let folder = tempfile::tempdir()?;
    let run = Run::new(folder.path().join("r"), &["train.epochs=1", "data.train_samples=200"]);
    assert_eq!(run.ends(&[])?.0, 0);
    std::fs::remove_dir_all(run.out.join("checkpoints/step-00000010"))?;
    let path = run.out.join("steps.jsonl");
    let text = std::fs::read_to_string(&path)?;
    std::fs::write(&path, text.replacen("\"grad_norm\":", "\"grad_norm\":1", 1))?;
    let (code, message) = run.ends(&["--resume"])?;
    assert!(code == 1 && message.contains("step 0"), "{code}: {message}");
    Ok(())
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_with_130_and_the_run_goes_on() -> TestResult {
    let folder = tempfile::tempdir()?;
    let whole = Run::new(folder.path().join("whole"), SETTINGS);
    assert_eq!(whole.ends(&[])?.0, 0);
    let run = Run::new(folder.path().join("r"), SETTINGS);
    let mut child = run.start(&[])?;
    while run.count("line.jsonl") < 5 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let (code, message) = run.ends(&["--resume"])?;
    assert!(code == 1 && message.contains("another losswalk process"), "{code}: {message}");
    Command::new("kill").args(["-INT", &child.id().to_string()]).status()?;
    assert_eq!(child.wait()?.code(), Some(130));
    assert_eq!(run.manifest()?.status, Status::Interrupted);
    assert!(run.count("steps.jsonl") < whole.count("steps.jsonl"));
    assert_eq!(run.ends(&["--resume"])?.0, 0);
    assert!(run.records()? == whole.records()?);
    Ok(())
}

/// Needs the right to mount, as in CI; says so and passes elsewhere.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_the_run_and_loses_nothing() -> TestResult {
    let folder = tempfile::tempdir()?;
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk)?;
    let mount = |options: &str| -> TestResult<bool> {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&disk);
        Ok(command.output()?.status.success())
    };
    if !mount("size=600k").unwrap_or(false) {
        println!("skipped: no right to mount a small disk");
        return Ok(());
    }
    let settings = ["train.epochs=3", "data.train_samples=1000"];
    let whole = Run::new(folder.path().join("whole"), &settings);
    let run = Run::new(disk.join("r"), &settings);
    let result = (|| {
        assert_eq!(whole.ends(&[])?.0, 0);
        let (code, message) = run.ends(&[])?;
        assert!(code == 1 && message.contains("free some space"), "{code}: {message}");
        assert!(mount("remount,size=64m")?);
        assert_eq!(run.ends(&["--resume"])?.0, 0);
        assert!(run.records()? == whole.records()?);
        Ok(())
    })();
    Command::new("umount").arg(&disk).status()?;
    result
}

#[test]
fn a_start_that_was_killed_before_its_manifest_can_be_started_afresh() -> TestResult {
    let folder = tempfile::tempdir()?;
    for arguments in [&[][..], &["--resume"]] {
        let out = folder.path().join(format!("r{}", arguments.len()));
        let run = Run::new(out, &["train.epochs=1", "data.train_samples=200"]);
        std::fs::create_dir_all(&run.out)?;
        std::fs::write(run.out.join(".lock"), "")?;
        std::fs::write(run.out.join("run.toml"), "name")?;
        let (code, message) = run.ends(arguments)?;
        assert_eq!(code, 0, "{message}");
        assert_eq!(run.count("steps.jsonl"), 10);
        assert!(!run.out.join("iterates").exists() && !run.out.join("orders").exists());
    }
    Ok(())
}

/// 10 steps an epoch, and all that checkpoints of several epochs can lose.
#[test]
fn damaged_checkpoints_are_passed_over_and_nothing_whole_means_from_the_start() -> TestResult {
    let folder = tempfile::tempdir()?;
    let run = Run::new(folder.path().join("r"), &["train.epochs=3", "data.train_samples=200"]);
    assert_eq!(run.ends(&[])?.0, 0);
    let whole = run.records()?;
    let checkpoint = |step: u64| run.out.join(format!("checkpoints/step-{step:08}"));
    let damaged = |message: &str| message.matches("without a damaged checkpoint").count();

    std::fs::remove_file(checkpoint(30).join("state.json"))?;
    let (code, message) = run.ends(&["--resume"])?;
    assert!(code == 0 && damaged(&message) == 1, "{code}: {message}");
    assert!(message.contains("step-00000030"), "{message}");
    assert!(checkpoint(30).join("state.json").is_file());

    std::fs::remove_dir_all(checkpoint(20))?;
    std::fs::remove_dir_all(checkpoint(30))?;
    std::fs::remove_file(checkpoint(0).join("state.json"))?;
    let lines = whole[1].split_inclusive(|&byte| byte == b'\n').take(17);
    std::fs::write(run.out.join("line.jsonl"), lines.collect::<Vec<_>>().concat())?;
    let (code, message) = run.ends(&["--resume"])?;
    assert!(code == 0 && damaged(&message) == 1, "{code}: {message}");
    assert!(run.records()? == whole);
    let (code, message) = run.ends(&["--resume"])?;
    assert!(code == 0 && damaged(&message) == 0, "{code}: {message}");
    Ok(())
}

#[test]
fn temporary_files_of_a_killed_run_go_when_it_is_resumed() -> TestResult {
    let folder = tempfile::tempdir()?;
    let run = Run::new(folder.path().join("r"), &["train.epochs=1", "data.train_samples=200"]);
    assert_eq!(run.ends(&[])?.0, 0);
    let files = [".manifest.json.tmp", "figures/.walk.svg.tmp", "checkpoints/.step-00000010.tmp/x"];
    for file in files.map(|file| run.out.join(file)) {
        std::fs::create_dir_all(file.parent().ok_or("no folder")?)?;
        std::fs::write(file, "")?;
    }
    assert_eq!(run.ends(&["--resume"])?.0, 0);
    for file in files.map(|file| run.out.join(file)) {
        assert!(!file.exists(), "{}", file.display());
    }
    assert!(!run.out.join("checkpoints/.step-00000010.tmp").exists());
    Ok(())
}

#[test]
fn damage_before_the_last_line_is_refused_with_file_and_line() -> TestResult {
    let folder = tempfile::tempdir()?;
    let run = Run::new(folder.path().join("r"), &["train.epochs=1", "data.train_samples=200"]);
    assert_eq!(run.ends(&[])?.0, 0);
    let path = run.out.join("steps.jsonl");
    let text = std::fs::read_to_string(&path)?;
    std::fs::write(&path, text.replacen("\"step\":3,", "\"step\":?,", 1))?;
    let (code, message) = run.ends(&["--resume"])?;
    assert!(code == 1 && message.contains("steps.jsonl: line 4 is damaged"), "{code}: {message}");
    Ok(())
}

/// Removes a column from a record file or the manifest, as a version that did not know it leaves them.
fn forget(path: &Path, column: &str) -> TestResult {
    let text = std::fs::read_to_string(path)?;
    let without = |text: &str| -> TestResult<String> {
        let mut object: serde_json::Map<_, _> = serde_json::from_str(text)?;
        assert!(object.remove(column).is_some(), "{column}");
        Ok(serde_json::to_string(&object)? + "\n")
    };
    let text = if column == "line_errors" {
        without(&text)?
    } else {
        text.lines().map(without).collect::<TestResult<String>>()?
    };
    Ok(std::fs::write(path, text)?)
}

#[test]
fn a_run_of_a_version_with_fewer_columns_goes_on() -> TestResult {
    let folder = tempfile::tempdir()?;
    let settings = ["train.epochs=2", "data.train_samples=200"];
    let whole = Run::new(folder.path().join("whole"), &settings);
    assert_eq!(whole.ends(&[])?.0, 0);
    let run = Run::new(folder.path().join("r"), &settings);
    assert_eq!(run.ends(&[])?.0, 0);
    std::fs::remove_dir_all(run.out.join("checkpoints/step-00000020"))?;
    let steps = std::fs::read_to_string(run.out.join("steps.jsonl"))?;
    let kept: String = steps.split_inclusive('\n').take(15).collect();
    std::fs::write(run.out.join("steps.jsonl"), kept)?;
    forget(&run.out.join("steps.jsonl"), "update_cosine")?;
    forget(&run.out.join("line.jsonl"), "trusted_error")?;
    forget(&run.out.join("manifest.json"), "line_errors")?;
    let (code, message) = run.ends(&["--resume"])?;
    assert_eq!(code, 0, "{message}");
    let cosines: Vec<_> = run.steps()?.iter().map(|step| step.update_cosine).collect();
    let expected = whole.steps()?.into_iter().map(|step| step.update_cosine);
    assert!(cosines[..15].iter().all(Option::is_none));
    assert!(cosines[15..].iter().copied().eq(expected.skip(15)));
    Ok(())
}

/// Changes what a line of `steps.jsonl` says.
fn edit_step(run: &Run, step: usize, edit: impl Fn(&mut StepRecord)) -> TestResult {
    let mut steps = run.steps()?;
    edit(&mut steps[step]);
    let lines: Result<Vec<_>, _> = steps.iter().map(serde_json::to_string).collect();
    Ok(std::fs::write(run.out.join("steps.jsonl"), lines?.join("\n") + "\n")?)
}

#[test]
fn a_device_that_repeats_a_step_up_to_its_rounding_goes_on_from_there() -> TestResult {
    let folder = tempfile::tempdir()?;
    let settings = ["train.epochs=2", "data.train_samples=200"];
    let run = Run::new(folder.path().join("r"), &settings);
    assert_eq!(run.ends(&[])?.0, 0);
    let whole = run.records()?;
    let on = |device: &str| -> TestResult {
        let mut manifest = run.manifest()?;
        manifest.device = device.to_owned();
        let path = run.out.join("manifest.json");
        Ok(std::fs::write(path, serde_json::to_string(&manifest)?)?)
    };
    // As a run on other hardware left it: a step after the checkpoint is off by the last digits.
    let leave = |share: f64| -> TestResult {
        edit_step(&run, 15, |record| {
            record.batch_loss = record.batch_loss.map(|loss| loss * (1.0 + share));
        })
    };
    set_back(&run, 19)?;
    leave(5e-8)?;
    let (code, message) = run.ends(&["--resume"])?;
    assert!(code != 0 && message.contains("step 15"), "the CPU repeats bits: {message}");
    on("vulkan")?;
    leave(1e-3)?;
    assert!(run.ends(&["--resume"])?.0 != 0, "no rounding is as large");
    edit_step(&run, 15, |record| record.batch_loss = record.batch_loss.map(|loss| loss / 1.001))?;
    assert_eq!(run.ends(&["--resume"])?.0, 0);
    assert!(run.records()? == whole, "all is made anew from the step that differed");
    let departures = run.manifest()?.departures;
    assert_eq!(departures.len(), 1);
    assert!(departures[0].step == 15 && (departures[0].error - 5e-8).abs() < 1e-8);
    Ok(())
}

//! Memory does not grow with the number of measured steps or batches, and what a limit of the shell does
//! not allow is refused.

#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

use crate::program::{Run, TestResult, losswalk};

/// Peak resident memory in KiB of a run until `log` has `records` lines; the report after it, which
/// holds all records, does not count.
fn peak(run: &Run, log: &str, records: usize) -> TestResult<u64> {
    let mut command = run.command();
    // The allocator gives back at once what is freed: read is what is held, not what it keeps for later.
    command.args(["--threads", "1"]).env("MIMALLOC_PURGE_DELAY", "0");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let path = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        let status = std::fs::read_to_string(&path).unwrap_or_default();
        // Behind the reading, so that it is not of the report.
        if run.count(log) >= records - 1 {
            break;
        }
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let found = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak = found.unwrap_or(peak);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child.kill()?;
    child.wait()?;
    Ok(peak)
}

#[test]
fn eight_times_the_measured_steps_take_no_more_memory() -> TestResult {
    let folder = tempfile::tempdir()?;
    let run = |epochs: usize| {
        let setting = format!("train.epochs={epochs}");
        let settings = [&setting, "data.train_samples=300", "model.hidden=[200, 200]"];
        // 15 steps an epoch.
        let run = Run::new(folder.path().join(&setting), &settings);
        peak(&run, "line.jsonl", 15 * epochs)
    };
    let (few, many) = (run(5)?, run(40)?);
    assert!(few > 10_000, "{few} KiB is no reading");
    assert!(many < few + few / 10, "{few} KiB for 75 steps, {many} KiB for 600");
    Ok(())
}

#[test]
fn eight_times_the_batches_of_an_alignment_take_no_more_memory() -> TestResult {
    let folder = tempfile::tempdir()?;
    let run = |batches: usize| {
        let measure =
            format!("measure=[{{kind='alignment',epochs=[0],batch_sizes=[50],batches={batches}}}]");
        let settings = [&measure, "data.train_samples=300", "model.hidden=[500, 350]"];
        let run = Run::new(folder.path().join(batches.to_string()), &settings);
        peak(&run, "alignment.jsonl", batches)
    };
    let (few, many) = (run(30)?, run(240)?);
    assert!(few > 10_000, "{few} KiB is no reading");
    // A gradient kept of each batch would be 200 times 2 MiB; the allocator's own moods are less.
    assert!(many < few + few / 2, "{few} KiB for 30 batches, {many} KiB for 240");
    Ok(())
}

/// How a run ends whose memory the shell limits, in KiB: its exit code, none for an abort, and stderr.
fn limited(run: &Run, limit: &str) -> TestResult<(Option<i32>, String)> {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit {limit} && exec \"$@\""), "sh"]);
    let run = run.command();
    command.arg(run.get_program()).args(run.get_args()).args(["--threads", "2"]);
    command.current_dir(losswalk().get_current_dir().ok_or("no folder")?);
    let output = command.output()?;
    Ok((output.status.code(), String::from_utf8(output.stderr)?))
}

#[test]
fn what_the_shell_does_not_allow_is_refused_and_the_rest_runs() -> TestResult {
    let folder = tempfile::tempdir()?;
    let small = ["data.train_samples=100", "train.epochs=1", "model.hidden=[500, 350]"];
    for (index, limit) in ["-v 2000000", "-v 4000000", "-d 1000000"].into_iter().enumerate() {
        let (mut refused, mut done) = (0, 0);
        for points in [10, 100, 200, 400, 600, 800, 1000, 1500, 2000, 3000, 10000] {
            let setting = format!("measure.points={points}");
            let settings = [&setting, small[0], small[1], small[2], "measure.iterations=1"];
            let run = Run::new(folder.path().join(format!("{index}-{points}")), &settings);
            match limited(&run, limit)? {
                (Some(0), _) => done += 1,
                (Some(2), text) => {
                    assert!(text.contains(&format!("measure[0].points = {points}: ")), "{text}");
                    assert!(text.contains("ulimit"), "{text}");
                    refused += 1;
                }
                (code, text) => return Err(format!("{limit}, {points}: {code:?} {text}").into()),
            }
        }
        assert!(done > 1 && refused > 1, "{limit}: {done} done, {refused} refused");
    }
    Ok(())
}

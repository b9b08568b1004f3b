//! Memory does not grow with the number of measured steps.

#![cfg(target_os = "linux")]

use crate::program::{Run, TestResult};

/// Peak resident memory of a walk of `steps` measured steps, in KiB; the report after it, which holds
/// all records, does not count.
fn peak(run: &Run, steps: usize) -> TestResult<u64> {
    let mut child = run.start(&["--threads", "1"])?;
    let path = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while run.count("line.jsonl") < steps - 1 && child.try_wait()?.is_none() {
        let status = std::fs::read_to_string(&path).unwrap_or_default();
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
        peak(&Run::new(folder.path().join(&setting), &settings), 15 * epochs)
    };
    let (few, many) = (run(5)?, run(40)?);
    assert!(few > 10_000, "{few} KiB is no reading");
    assert!(many < few + few / 10, "{few} KiB for 75 steps, {many} KiB for 600");
    Ok(())
}

//! Memory does not grow with the number of measured steps.

#![cfg(target_os = "linux")]

use crate::program::{Run, TestResult};

/// Peak resident memory of a run, in KiB, as the kernel saw it just before the end.
fn peak(run: &Run) -> TestResult<u64> {
    let mut child = run.start(&[])?;
    let path = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        let status = std::fs::read_to_string(&path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let found = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak = peak.max(found.unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(2));
        // The report holds all records; only the walk is to be bounded.
        if run.out.join("figures").exists() {
            child.kill()?;
        }
    }
    Ok(peak)
}

#[test]
fn eight_times_the_measured_steps_take_no_more_memory() -> TestResult {
    let folder = tempfile::tempdir()?;
    let run = |name: &str, epochs: &str| {
        let settings = [epochs, "data.train_samples=300", "model.hidden=[200, 200]"];
        peak(&Run::new(folder.path().join(name), &settings))
    };
    let (few, many) = (run("few", "train.epochs=5")?, run("many", "train.epochs=40")?);
    assert!(few > 10_000, "{few} KiB is no reading");
    assert!(many < few + few / 10, "{few} KiB for 75 steps, {many} KiB for 600");
    Ok(())
}

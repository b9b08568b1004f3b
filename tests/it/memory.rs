//! Memory does not grow with the number of measured steps or batches.

#![cfg(target_os = "linux")]

use crate::program::{Run, TestResult};

/// Peak resident memory in KiB of a run until `log` has `records` lines; the report after it, which
/// holds all records, does not count.
fn peak(run: &Run, log: &str, records: usize) -> TestResult<u64> {
    let mut child = run.start(&["--threads", "1"])?;
    let path = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while run.count(log) < records - 1 && child.try_wait()?.is_none() {
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

//! Kills at random moments, from the first millisecond on.

use std::process::Stdio;
use std::time::{Duration, Instant};

use losswalk::random::Stream;

use super::{Site, amount};
use crate::program::TestResult;

/// Kills that a run has to survive, unless it ends before.
const KILLS: usize = 20;

#[test]
fn runs_killed_at_random_moments_end_as_one_that_was_left_alone() -> TestResult {
    let start = Instant::now();
    let site = Site::new()?;
    let longest = start.elapsed();
    let mut kills = 0;
    let runs = amount(1)?;
    for run in 0..runs {
        let out = site.path(&format!("run-{run}"));
        let mut random = Stream::epoch_order(run as u64, 1);
        for _ in 0..KILLS {
            let mut child =
                site.command(&out).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
            std::thread::sleep(lifetime(random.unit(), longest));
            child.kill()?;
            if let Some(code) = child.wait()?.code() {
                assert_eq!(code, 0, "run {run} does not resume");
                break;
            }
            kills += 1;
        }
        site.must_end_alike(&out).map_err(|error| format!("run {run}: {error}"))?;
    }
    println!("{runs} runs survived {kills} kills");
    assert!(kills >= runs, "every run must be killed");
    Ok(())
}

/// From a millisecond to the length of a whole run, short ones as likely as long ones.
fn lifetime(unit: f64, longest: Duration) -> Duration {
    let least = Duration::from_millis(1);
    least.mul_f64(longest.div_duration_f64(least).powf(unit))
}

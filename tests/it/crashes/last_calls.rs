//! Every system call that changes a run's folder, the last one in turn: in its place the process is
//! killed, the disk is full from there on, or the disk is broken. Resuming fails once, too.

use std::path::PathBuf;
use std::process::{Command, Output};

use super::{Site, amount, succeeded};
use crate::program::TestResult;

/// Calls after which the first resume fails.
const RESUME_FAILS_WITHIN: usize = 40;

/// A site where calls fail through a library that is loaded first.
struct Sabotage {
    site: Site,
    library: PathBuf,
}

impl Sabotage {
    fn new() -> TestResult<Self> {
        let site = Site::new()?;
        let library = site.path("last_call.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/crashes/last_call.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source);
        succeeded(&compiler.output()?)?;
        Ok(Self { site, library })
    }

    /// Runs or resumes `run`, where call number `call` ends as `how` says.
    fn run(&self, run: &str, how: &str, call: usize) -> TestResult<Output> {
        let out = self.site.path(run);
        let mut command = self.site.command(&out);
        command.env("LD_PRELOAD", &self.library).env("LAST_CALL_IN", &out);
        command.env("LAST_CALL_HOW", how).env("LAST_CALL_AT", call.to_string());
        Ok(command.output()?)
    }

    /// Calls of a run in which none fails.
    fn calls(&self) -> TestResult<usize> {
        let output = self.run("counted", "killed", usize::MAX)?;
        let text = String::from_utf8(output.stderr)?;
        let counted =
            text.lines().find_map(|line| line.strip_prefix("last_call: ")?.strip_suffix(" calls"));
        self.site.must_end_alike(&self.site.path("counted"))?;
        Ok(counted.ok_or("the library was not loaded")?.parse()?)
    }

    /// Every call, or so many of them, the last in turn.
    fn try_all(&self, how: &str) -> TestResult {
        let calls = self.calls()?;
        assert!(calls > 300, "a run makes more than {calls} calls");
        let tried = amount(3)?.min(calls);
        let mut failures = 0;
        for index in 0..tried {
            let call = 1 + index * calls / tried;
            let run = format!("{how}-{call}");
            let output = self.run(&run, how, call)?;
            let resumed = self.run(&run, how, 1 + call % RESUME_FAILS_WITHIN)?;
            failures += [output, resumed].iter().filter(|it| !it.status.success()).count();
            let alike = self.site.must_end_alike(&self.site.path(&run));
            alike.map_err(|error| format!("{how} at call {call}: {error}"))?;
        }
        // Not twice as many: a full disk spares the calls that end a run, which need no space.
        assert!(failures > tried, "{failures} failures at {tried} calls and as many resumes");
        println!("{how}: {tried} of {calls} calls tried, {failures} failures survived");
        Ok(())
    }
}

#[test]
fn a_process_killed_at_any_call_resumes_to_the_same_files() -> TestResult {
    Sabotage::new()?.try_all("killed")
}

#[test]
fn a_disk_full_at_any_call_leaves_a_run_that_resumes_to_the_same_files() -> TestResult {
    Sabotage::new()?.try_all("full")
}

#[test]
fn a_disk_broken_at_any_call_leaves_a_run_that_resumes_to_the_same_files() -> TestResult {
    Sabotage::new()?.try_all("broken")
}

#[test]
fn calls_cut_short_or_interrupted_are_carried_on() -> TestResult {
    let sabotage = Sabotage::new()?;
    succeeded(&sabotage.run("interrupted", "interrupted", 0)?)?;
    sabotage.site.must_end_alike(&sabotage.site.path("interrupted"))
}

//! Running the program as a user does, and reading what it leaves.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use losswalk::run::{LineRecord, Manifest, RunFolder, StepRecord};

pub type TestResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// The quickstart with settings, into a folder.
pub struct Run {
    pub out: PathBuf,
    settings: Vec<String>,
}

impl Run {
    pub fn new(out: PathBuf, settings: &[&str]) -> Self {
        Self { out, settings: settings.iter().map(|&setting| setting.to_owned()).collect() }
    }

    pub fn command(&self) -> Command {
        let mut command = losswalk();
        command.args(["run", "experiments/quickstart.toml", "--out"]).arg(&self.out);
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        command
    }

    /// Runs to the end.
    pub fn output(&self, arguments: &[&str]) -> TestResult<Output> {
        Ok(self.command().args(arguments).output()?)
    }

    /// Runs to the end and returns the exit code and stderr.
    pub fn ends(&self, arguments: &[&str]) -> TestResult<(i32, String)> {
        let output = self.output(arguments)?;
        let code = output.status.code().ok_or("killed")?;
        Ok((code, String::from_utf8(output.stderr)?))
    }

    /// Starts and does not wait.
    pub fn start(&self, arguments: &[&str]) -> TestResult<Child> {
        let mut command = self.command();
        Ok(command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
    }

    pub fn folder(&self) -> TestResult<RunFolder> {
        Ok(RunFolder::open(&self.out)?)
    }

    pub fn manifest(&self) -> TestResult<Manifest> {
        Ok(self.folder()?.manifest()?)
    }

    pub fn steps(&self) -> TestResult<Vec<StepRecord>> {
        Ok(self.folder()?.steps()?)
    }

    pub fn lines(&self) -> TestResult<Vec<LineRecord>> {
        Ok(self.folder()?.lines()?)
    }

    /// The bytes of steps.jsonl and line.jsonl.
    pub fn records(&self) -> TestResult<[Vec<u8>; 2]> {
        let read = |name: &str| std::fs::read(self.out.join(name));
        Ok([read("steps.jsonl")?, read("line.jsonl")?])
    }

    /// Complete lines of a record file; 0 while it does not exist.
    pub fn count(&self, name: &str) -> usize {
        let bytes = std::fs::read(self.out.join(name)).unwrap_or_default();
        bytes.iter().filter(|&&byte| byte == b'\n').count()
    }
}

/// The program, started in the project's folder.
pub fn losswalk() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_losswalk"));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    command
}

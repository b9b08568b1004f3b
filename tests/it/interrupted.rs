//! Ctrl-C at any moment of any command: it ends within two seconds, and leaves nothing half made.

#![cfg(unix)]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::program::{Run, TestResult, losswalk};

/// How soon a command has to end.
const PATIENCE: Duration = Duration::from_secs(2);
/// Moments of each command.
const MOMENTS: u32 = 8;

/// Asks a command to stop and returns its exit code; none if it was too young to listen.
fn interrupt(child: &mut Child) -> TestResult<Option<i32>> {
    Command::new("kill").args(["-INT", &child.id().to_string()]).status()?;
    let asked = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.code());
        }
        if asked.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Err("does not react".into());
        }
        sleep(Duration::from_millis(2));
    }
}

/// Files and folders under a passing name.
fn half_made(folder: &Path) -> TestResult<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') && (name.ends_with(".tmp") || name.ends_with(".part")) {
            found.push(name);
        } else if entry.path().is_dir() {
            found.extend(half_made(&entry.path())?);
        }
    }
    Ok(found)
}

/// Interrupts a command at moments spread over the time that it takes; how many ended so.
fn interrupted(folder: &Path, command: impl Fn(u32) -> Command) -> TestResult<usize> {
    let start = |number| command(number).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let begin = Instant::now();
    assert!(start(0)?.wait()?.success());
    let whole = begin.elapsed();
    let mut count = 0;
    for moment in 1..=MOMENTS {
        let mut child = start(moment)?;
        sleep(whole * moment / (MOMENTS + 1));
        let code = interrupt(&mut child).map_err(|error| format!("moment {moment}: {error}"))?;
        assert!([None, Some(0), Some(130)].contains(&code), "moment {moment}: {code:?}");
        assert_eq!(half_made(folder)?, Vec::<String>::new(), "moment {moment}");
        count += usize::from(code == Some(130));
    }
    Ok(count)
}

#[test]
fn every_command_ends_at_any_moment_and_leaves_nothing_half_made() -> TestResult {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    let settings = [
        "train.epochs=2",
        "train.batch_size=100",
        "train.save_iterates=true",
        "measure.points=5",
        "measure.mode='certified'",
    ];
    let run = Run::new(path("run"), &settings);
    assert_eq!(run.ends(&[])?.0, 0);
    let iterates =
        [0, 1, 2, 3].map(|step| run.out.join(format!("iterates/step-{step:08}.safetensors")));
    let with = |arguments: &[&str]| {
        let mut command = losswalk();
        command.args(arguments);
        command
    };
    let count = interrupted(folder.path(), |number| {
        Run::new(path(&format!("run-{number}")), &settings).command()
    })?;
    assert!(count >= 4, "run: {count}");
    let count = interrupted(folder.path(), |number| {
        let mut command = with(&["report", "--out"]);
        command.arg(path(&format!("report-{number}"))).arg(&run.out);
        command
    })?;
    assert!(count >= 4, "report: {count}");
    let count = interrupted(folder.path(), |_| {
        let mut command = with(&["path", "--points", "200", "--run"]);
        command.arg(&run.out).args(&iterates);
        command
    })?;
    assert!(count >= 4, "path: {count}");
    let count = interrupted(folder.path(), |_| {
        let mut command = with(&["line", "--points", "400", "--run"]);
        command.arg(&run.out).arg("--from").arg(&iterates[0]).arg("--to").arg(&iterates[3]);
        command
    })?;
    assert!(count >= 4, "line: {count}");
    let count = interrupted(folder.path(), |_| {
        let mut command = with(&["verify"]);
        command.arg(&run.out);
        command
    })?;
    assert!(count >= 2, "verify: {count}");
    Ok(())
}

#[test]
fn a_large_network_ends_while_it_is_drawn() -> TestResult {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("run");
    let mut child = Run::new(out.clone(), &["model.hidden=[9000, 4000]"]).start(&[])?;
    // Before the run folder, data are loaded and kernels compiled; behind it theta_0 is drawn.
    while !out.exists() {
        sleep(Duration::from_millis(1));
    }
    assert_eq!(interrupt(&mut child)?, Some(130));
    Ok(())
}

#[test]
fn a_benchmark_ends() -> TestResult {
    let mut command = losswalk();
    command.args(["bench", "--networks", "vgg11", "--passes", "line"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    sleep(Duration::from_secs(1));
    assert_eq!(interrupt(&mut child)?, Some(130));
    Ok(())
}

#[test]
fn a_download_from_a_silent_server_ends() -> TestResult {
    let folder = tempfile::tempdir()?;
    let server = TcpListener::bind("127.0.0.1:0")?;
    let mut command = losswalk();
    command.args(["data", "fetch", "mnist", "--root"]).arg(folder.path());
    command.env("LOSSWALK_MIRROR", format!("http://{}", server.local_addr()?));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let _connection = server.accept()?;
    assert_eq!(interrupt(&mut child)?, Some(130));
    Ok(())
}

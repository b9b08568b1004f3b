//! `losswalk path --out`: saved checkpoints as a run, with its records and its page.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use losswalk::run::{RunFolder, Status};
use serde_json::Value;

use crate::program::{TestResult, losswalk};

const FILES: [&str; 5] =
    ["0-zip.pt", "1-legacy.pth", "2-nested.pt", "3.safetensors", "4-module.pt"];
const MODEL: &str = "[data]\nname = 'digits'\n[model]\narch = 'mlp'\nhidden = [8]\n\
     [evaluation]\nbatch_norm = 'running'\nprecision = 'f64'\n";

fn command(folder: &Path, arguments: &[&str]) -> TestResult<Command> {
    let model = folder.join("model.toml");
    fs::write(&model, MODEL)?;
    let mut command = losswalk();
    command.args(["path", "--points", "4", "--model"]).arg(model).args(arguments);
    command.args(FILES.map(|name| PathBuf::from("tests/golden/checkpoints").join(name)));
    Ok(command)
}

#[test]
fn a_path_leaves_a_run_with_its_page() -> TestResult {
    let temporary = tempfile::tempdir()?;
    let out = temporary.path().join("walked");
    let output =
        command(temporary.path(), &["--json", "--out", &out.to_string_lossy()])?.output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = String::from_utf8(output.stdout)?;
    let rows: Vec<Value> = rows.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;

    let folder = RunFolder::open(&out)?;
    let (manifest, steps, lines) = (folder.manifest()?, folder.steps()?, folder.lines()?);
    assert_eq!((manifest.status, manifest.total_steps), (Status::Done, 4));
    assert_eq!(
        (manifest.name.as_str(), &manifest.checkpoints[..]),
        ("walked", &FILES.map(str::to_owned)[..])
    );
    assert_eq!((steps.len(), lines.len(), rows.len()), (4, 4, 4));
    for ((step, line), row) in steps.iter().zip(&lines).zip(&rows) {
        let row = |key: &str| row[key].as_f64();
        assert_eq!(step.update_norm, row("update_norm"));
        assert_eq!(step.update_cosine, row("update_cosine"));
        assert_eq!(step.distance, row("distance"));
        assert_eq!((step.learning_rate, step.batch_size, step.batch_loss), (None, None, None));
        assert_eq!(
            line.losses.last().copied().flatten(),
            rows[line.step as usize]["losses"][4].as_f64()
        );
        assert_eq!(line.verdict.floor_loss, row("floor_loss"));
    }
    let settings = fs::read_to_string(out.join("run.toml"))?;
    assert!(settings.contains("hidden = [8]") && !settings.contains("[train]"), "{settings}");
    let page = fs::read_to_string(out.join("report.html"))?;
    for name in ["0-zip", "1-legacy", "2-nested", "4-module"] {
        assert!(page.contains(&format!("\"{name}\"")), "{name}");
    }
    let image = fs::read_to_string(out.join("figures/walk.svg"))?;
    assert!(image.contains("1-legacy") && !image.contains("Epoch"), "{image}");
    Ok(())
}

#[test]
fn such_a_run_is_read_like_any_other() -> TestResult {
    let temporary = tempfile::tempdir()?;
    let out = temporary.path().join("run");
    let path = out.to_string_lossy().into_owned();
    let status = command(temporary.path(), &["--out", &path])?.output()?.status;
    assert!(status.success());
    for arguments in [
        &["report", &path][..],
        &["export", &path, "--format", "parquet"],
        &["export", &path, "--format", "tensorboard"],
        &[
            "line",
            "--run",
            &path,
            "--from",
            "tests/golden/checkpoints/3.safetensors",
            "--to",
            "tests/golden/checkpoints/0-zip.pt",
        ],
    ] {
        let output = losswalk().args(arguments).output()?;
        assert!(
            output.status.success(),
            "{arguments:?} {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

#[test]
fn a_folder_that_exists_is_refused_and_a_mistake_writes_none() -> TestResult {
    let temporary = tempfile::tempdir()?;
    let out = temporary.path().join("run");
    let path = out.to_string_lossy().into_owned();
    let output = command(temporary.path(), &["--out", &path, "nowhere.pt"])?.output()?;
    assert_eq!(output.status.code(), Some(2));
    assert!(!out.exists());
    fs::create_dir(&out)?;
    fs::write(out.join("precious"), "")?;
    let output = command(temporary.path(), &["--out", &path])?.output()?;
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr)?.contains("exists") && output.stdout.is_empty());
    assert_eq!(fs::read_dir(&out)?.count(), 1);
    Ok(())
}

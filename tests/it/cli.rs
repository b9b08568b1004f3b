//! The commands, their files and their exit codes.

use std::fs;

use losswalk::measure::barrier;
use losswalk::run::{Samples, Status};

use crate::program::{Run, TestResult, losswalk};

#[test]
fn a_run_leaves_its_records_and_they_are_consistent() -> TestResult {
    let folder = tempfile::tempdir()?;
    let run = Run::new(folder.path().join("r"), &["train.epochs=1", "train.batch_size=100"]);
    let output = run.output(&[])?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8(output.stdout)?.contains("barriers crossed"));
    assert_eq!(run.manifest()?.status, Status::Done);
    for file in ["report.html", "figures/walk.svg", "figures/walk.png", "figures/cosine.csv"] {
        assert!(run.out.join(file).is_file(), "{file}");
    }

    let (steps, lines) = (run.steps()?, run.lines()?);
    assert_eq!((steps.len(), lines.len()), (18, 18));
    // 1797 = 17 * 100 + 97: the short last batch is a step of its own.
    assert_eq!(steps[17].batch_size, Some(97));
    assert_eq!(steps[0].cosine, None);
    assert!(steps[1..].iter().all(|step| step.cosine.is_some_and(|c| c.abs() <= 1.0)));
    let mut path = 0.0;
    for step in &steps {
        path += step.update_norm.unwrap_or(f64::NAN);
        assert_eq!(step.path_length, Some(path));
    }
    for pair in lines.windows(2) {
        assert_eq!(pair[0].losses[10], pair[1].losses[0], "one point, one loss");
    }
    for line in &lines {
        let losses: Option<Vec<f64>> = line.losses.iter().copied().collect();
        let found = barrier(&line.alphas, &losses.ok_or("a loss is null")?).ok_or("no verdict")?;
        assert_eq!(line.alphas.len(), 11);
        assert_eq!(line.samples, Samples::Each(1797));
        assert_eq!(line.verdict.barrier, Some(found.is_crossed()));
        assert_eq!(line.verdict.barrier_height, Some(found.height));
        assert_eq!(line.verdict.floor_loss, Some(found.floor_loss));
    }
    Ok(())
}

#[test]
fn the_evaluation_order_is_a_permutation_of_the_samples() -> TestResult {
    let folder = tempfile::tempdir()?;
    let run = Run::new(folder.path().join("r"), &["train.epochs=1", "data.train_samples=500"]);
    assert_eq!(run.ends(&[])?.0, 0);
    let bytes = fs::read(run.out.join("evaluation_order.npy"))?;
    let start = bytes.iter().position(|&byte| byte == b'\n').ok_or("no header")? + 1;
    let (words, rest) = bytes[start..].as_chunks::<4>();
    let mut order: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
    assert!(rest.is_empty() && !order.is_sorted());
    order.sort_unstable();
    assert!(order.into_iter().eq(0..500));
    Ok(())
}

#[test]
fn a_run_that_exists_is_refused_and_so_is_another_experiment() -> TestResult {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("r");
    let run = Run::new(out.clone(), &["train.epochs=1", "data.train_samples=100"]);
    let (code, message) = run.ends(&["--resume"])?;
    assert!(code == 2 && message.contains("begin it without --resume"), "{code}: {message}");
    assert_eq!(run.ends(&[])?.0, 0);
    let (code, message) = run.ends(&[])?;
    assert!(code == 2 && message.contains("--resume"), "{code}: {message}");
    assert_eq!(run.ends(&["--resume"])?.0, 0);
    let other = Run::new(out, &["train.epochs=1", "data.train_samples=100", "train.seed=2"]);
    let (code, message) = other.ends(&["--resume"])?;
    assert!(code == 2 && message.contains("seed = 1111"), "{code}: {message}");
    Ok(())
}

#[test]
fn mistakes_are_refused_before_anything_is_written() -> TestResult {
    let folder = tempfile::tempdir()?;
    let cases: [(&[&str], &str); 6] = [
        (&["train.learnin_rate=1", "model.batch_norm=7"], "2 mistakes"),
        (&["data.name=mnist", "data.root=/nowhere"], "losswalk data fetch mnist"),
        (&["train.batch_size=1796", "evaluation.batch_size=1796"], "batch of one sample"),
        (&["data.train_samples=5000"], "1797 training samples"),
        (&["train.chunk=0"], "train.chunk = 0"),
        (&["nonsense"], "KEY=VALUE"),
    ];
    for (index, (settings, wanted)) in cases.into_iter().enumerate() {
        let run = Run::new(folder.path().join(index.to_string()), settings);
        let (code, message) = run.ends(&[])?;
        assert!(code == 2 && message.contains(wanted), "{settings:?} gave {code}: {message}");
        assert!(!run.out.exists(), "{settings:?}");
    }
    Ok(())
}

#[test]
fn the_line_between_two_iterates_is_the_recorded_one() -> TestResult {
    let folder = tempfile::tempdir()?;
    let settings = ["train.epochs=1", "data.train_samples=400", "train.save_iterates=true"];
    let run = Run::new(folder.path().join("r"), &settings);
    assert_eq!(run.ends(&[])?.0, 0);
    let iterate = |step: u64| run.out.join(format!("iterates/step-{step:08}.safetensors"));
    let mut command = losswalk();
    command.args(["line", "--json", "--run"]).arg(&run.out);
    command.arg("--from").arg(iterate(3)).arg("--to").arg(iterate(4));
    let output = command.output()?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let found = answer["losses"].as_array().ok_or("no losses")?;
    let recorded = &run.lines()?[3].losses;
    // The same computation but for the shared start, which the record has from the line before.
    for (found, recorded) in found.iter().zip(recorded).skip(1) {
        assert_eq!(found.as_f64(), *recorded);
    }
    let difference = found[0].as_f64().zip(recorded[0]).map(|(a, b)| (a - b).abs() / b);
    assert!(difference.is_some_and(|difference| difference < 1e-7));
    Ok(())
}

#[test]
fn runs_are_compared_and_every_command_has_help() -> TestResult {
    let folder = tempfile::tempdir()?;
    let runs: Vec<_> = ["a", "b"].map(|name| folder.path().join(name)).into();
    for (index, out) in runs.iter().enumerate() {
        let seed = format!("train.seed={index}");
        let run = Run::new(out.clone(), &["train.epochs=1", "data.train_samples=200", &seed]);
        assert_eq!(run.ends(&[])?.0, 0);
    }
    let out = folder.path().join("both");
    let status = losswalk().arg("report").args(&runs).arg("--out").arg(&out).output()?.status;
    assert!(status.success() && fs::read_to_string(out.join("report.html"))?.contains("seed 1"));
    for (command, word) in
        [("run", "--resume"), ("report", "compared"), ("line", "alpha"), ("data", "fetch")]
    {
        let output = losswalk().args([command, "--help"]).output()?;
        assert!(String::from_utf8(output.stdout)?.contains(word), "{command}");
    }
    Ok(())
}

#[test]
fn divergence_is_recorded_and_has_its_own_exit_code() -> TestResult {
    let folder = tempfile::tempdir()?;
    let settings = ["train.learning_rate=1e30", "model.batch_norm=false", "data.train_samples=200"];
    let run = Run::new(folder.path().join("r"), &settings);
    for arguments in [&[][..], &["--resume"]] {
        let (code, message) = run.ends(arguments)?;
        assert!(code == 3 && message.contains("diverged"), "{code}: {message}");
        assert_eq!(run.manifest()?.status, Status::Diverged);
        let steps = run.steps()?;
        assert!(steps[0].batch_loss.is_some() && steps.last().is_some_and(|s| s.is_diverged()));
        let last = steps.len() as u64 - 1;
        let problems = run.manifest()?.problems;
        assert!(problems.iter().any(|p| p.step == last && p.message.contains("diverged")));
        assert!(run.out.join("report.html").is_file());
    }
    Ok(())
}

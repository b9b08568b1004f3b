//! Every experiment that comes with losswalk can be run: it is read, fits its data, and builds.

use std::path::{Path, PathBuf};

use losswalk::experiment::{check_samples, load};
use losswalk::network::{Shape, build};

/// Channels, height = width, classes and training samples of the data that experiments name.
fn data(text: &str) -> (usize, usize, usize, usize) {
    let is = |name: &str| text.contains(&format!("name = \"{name}\""));
    if is("tiny-imagenet") {
        (3, 64, 200, 100_000)
    } else if is("cifar10") || is("cifar100") {
        (3, 32, if is("cifar10") { 10 } else { 100 }, 50_000)
    } else if is("digits") {
        (1, 8, 10, 1797)
    } else {
        (1, 28, 10, 60_000)
    }
}

pub fn experiments(folder: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(experiments(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
    Ok(found)
}

#[test]
fn every_experiment_that_comes_with_losswalk_can_be_run() -> Result<(), anyhow::Error> {
    let all = experiments(&Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments"))?;
    assert!(all.len() > 20, "found only {all:?}");
    for path in all {
        let text = std::fs::read_to_string(&path)?;
        let experiment = load(&path, &[])?;
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        assert_eq!(Some(&experiment.name), stem.as_ref(), "a run is named after its file");
        let (channels, size, classes, samples) = data(&text);
        let problems = check_samples(&experiment, samples);
        assert!(problems.is_empty(), "{}: {problems:?}", path.display());
        build(&experiment.model, Shape { height: size, width: size, channels }, classes)?;
    }
    Ok(())
}

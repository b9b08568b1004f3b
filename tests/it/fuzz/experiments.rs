//! Experiment files.

use std::fs;
use std::path::Path;

use losswalk::experiment::{check_samples, parse};
use losswalk::network::{Model, Shape, build};
use losswalk::walk::Plan;

use super::Target;
use crate::program::TestResult;

const WORDS: [&str; 24] = [
    "[[measure]]\nkind = 'line'\n",
    "[[measure]]\nkind = 'alignment'\n",
    "[[measure]]\nkind = 'covariance'\n",
    "[[measure]]\nkind = 'spectrum'\n",
    "[train.schedule]\nkind = 'cosine'\n",
    "schedule = { kind = 'step', every = 3 }\n",
    "milestones = [1, 2]\n",
    "arch = 'layers'\n",
    "layers = [{ kind = 'linear', name = 'a', outputs = 10 }]\n",
    "{ kind = 'convolution', name = 'c', outputs = 4, stride = 2 }, ",
    "{ kind = 'max-pool', size = 2 }, ",
    "{ kind = 'residual', main = [{ kind = 'relu' }] }, ",
    "optimizer = 'adamw'\n",
    "optimizer = 'gd'\n",
    "epochs = \"all\"\n",
    "epochs = [0, 1]\n",
    "batch_norm = 'recomputed'\n",
    "reach = 3.0\n",
    "mean = [0.5]\n",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "{a={a={a={a={a={a={a={a={a={a={a=",
    "\"\"\"",
    "\u{feff}",
    "\\u0000",
];

/// Reads an experiment and does with it what a run does before it takes memory.
fn reads(text: &str) -> bool {
    let Ok(experiment) = parse(text, "a.toml", "a", &[]) else { return false };
    let written = experiment.to_toml().unwrap_or_default();
    let again = parse(&written, "run.toml", "a", &[]);
    assert_eq!(again.as_ref().ok(), Some(&experiment), "{written}\n{again:?}");
    if check_samples(&experiment, 1797).is_empty() {
        let plan = Plan::new(&experiment, experiment.data.train_samples.unwrap_or(1797));
        let last = plan.place(plan.total_steps().saturating_sub(1));
        assert!(plan.learning_rate(last.step).is_finite());
        let _ = plan.measures_after(last.step);
    }
    let is_small = match experiment.model {
        Model::Resnet { depth, .. } | Model::WideResnet { depth, .. } => depth < 1000,
        _ => true,
    };
    if is_small {
        let _ = build(&experiment.model, Shape { height: 8, width: 8, channels: 1 }, 10);
    }
    true
}

#[test]
fn experiment_files() -> TestResult {
    let mut seeds = experiments(Path::new("experiments"))?;
    seeds.extend(experiments(Path::new("experiments/paper"))?);
    let target = Target { words: &WORDS, ..Target::new("experiment", seeds) };
    target.fuzz(|input| reads(&String::from_utf8_lossy(input)))
}

/// The experiments in a folder.
fn experiments(folder: &Path) -> TestResult<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(fs::read(path)?);
        }
    }
    Ok(found)
}

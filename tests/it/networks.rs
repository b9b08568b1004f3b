//! Every architecture against PyTorch in f64: loss, gradient and running statistics.
//!
//! `tests/reference/golden_networks.py` wrote the results; parameters and images are its formulas.

use std::collections::BTreeMap;

use burn::tensor::Device;
use losswalk::data::{Dataset, ImageShape, PixelNormalisation};
use losswalk::experiment::{Experiment, parse};
use losswalk::network::{Shape, build};
use losswalk::objective::{Classification, Interrupt, Loss, Objective};
use losswalk::parameters::Tensors;
use losswalk::precision::Precision;
use serde::Deserialize;

pub type TestResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

const SAMPLES: usize = 6;
/// Agreement in f64: sums of up to a million products, in another order.
const TOLERANCE: f64 = 1e-10;

#[derive(Deserialize)]
struct Case {
    model: BTreeMap<String, serde_json::Value>,
    size: usize,
    loss: f64,
    gradient: BTreeMap<String, [f64; 2]>,
    running: BTreeMap<String, [f64; 2]>,
}

/// sin(0.7 i + shift) for i = 1, 2, ...
pub fn wave(count: usize, shift: f64) -> impl Iterator<Item = f64> {
    (1..=count).map(move |i| (i as f64 * 0.7 + shift).sin())
}

/// The sum, and the product with cos(1), cos(2), ...
fn fingerprint(values: &[f64]) -> [f64; 2] {
    let waves = values.iter().enumerate().map(|(i, value)| value * (i as f64 + 1.0).cos());
    [values.iter().sum(), waves.sum()]
}

fn experiment(model: &BTreeMap<String, serde_json::Value>) -> TestResult<Experiment> {
    let settings = model.iter().map(|(key, value)| format!("model.{key}={value}"));
    let settings: Vec<_> = settings.chain(["train.precision=f64".to_owned()]).collect();
    Ok(parse("[data]\nname = 'digits'", "golden.toml", "golden", &settings)?)
}

/// Images of a formula, shown as byte/255 - 0.5.
pub fn images(samples: usize, shape: ImageShape, classes: u16) -> TestResult<Dataset> {
    let ImageShape { height, width, channels } = shape;
    let waves = wave(samples * height * width * channels, 0.3);
    let bytes = waves.map(|x| (127.5 * (1.0 + x)).floor() as u8).collect();
    let labels = (0..samples as u16).map(|i| i * 7 % classes).collect();
    let (mean, std) = (vec![0.5; channels].into(), vec![1.0; channels].into());
    let normalisation = PixelNormalisation { scale: 255.0, mean, std };
    Ok(Dataset::new(bytes, labels, shape, classes, normalisation, Vec::new())?)
}

fn objective(case: &Case) -> TestResult<Classification> {
    let Experiment { model, train, evaluation, data, .. } = experiment(&case.model)?;
    let network = build(&model, Shape { height: case.size, width: case.size, channels: 3 }, 10)?;
    let measurement = evaluation.measured_loss(SAMPLES, train.seed);
    let (device, interrupt) = (Device::flex(), Interrupt::default());
    let shape = ImageShape { height: case.size, width: case.size, channels: 3 };
    let images = images(SAMPLES, shape, 10)?;
    Ok(Classification::new(
        network,
        images,
        measurement,
        train.batches(data.augment),
        device,
        interrupt,
    ))
}

/// The formula's parameters under their names in files, in PyTorch's order of dimensions.
pub fn parameters(objective: &Classification) -> Tensors {
    let mut entries: Vec<_> = objective.layout().parameters.iter().collect();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    let formula = |(index, entry): (usize, &&losswalk::network::Entry)| {
        let shape = entry.file_shape();
        let fan = shape[1..].iter().product::<usize>() as f64;
        let (offset, scale) = if shape.len() > 1 { (0.0, fan.powf(-0.5)) } else { (0.5, 0.3) };
        let values = wave(entry.len(), index as f64).map(|x| offset + scale * x);
        (entry.name.clone(), (shape, values.collect()))
    };
    Tensors { entries: entries.iter().enumerate().map(formula).collect(), single: false }
}

/// Panics unless the values have the fingerprint.
pub fn agree(what: &str, found: &[f64], expected: [f64; 2]) {
    // Behind a norm a bias has no effect: its gradient is rounding of terms of order one.
    let size = found.iter().map(|value| value.abs()).sum::<f64>().max(1.0);
    for (found, expected) in fingerprint(found).into_iter().zip(expected) {
        assert!((found - expected).abs() <= TOLERANCE * size, "{what}: {found} for {expected}");
    }
}

#[test]
fn every_architecture_agrees_with_pytorch() -> TestResult {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../golden/networks.json"))?;
    assert_eq!(cases.len(), 10);
    for case in &cases {
        let objective = objective(case)?;
        let mut at = objective.import(&parameters(&objective))?;
        let indices: Vec<u32> = (0..SAMPLES as u32).collect();
        let found = objective.gradient(&at, Loss::in_epoch(&indices, 1), Precision::F64)?;
        let name = format!("{:?}", case.model);
        assert!((found.loss - case.loss).abs() <= TOLERANCE * case.loss, "{name}: {}", found.loss);
        (at.theta, at.buffers) = (found.gradient, found.buffers);
        let found = objective.export(&at, false).entries;
        assert_eq!(found.len(), case.gradient.len() + case.running.len(), "{name}");
        for (entry, expected) in case.gradient.iter().chain(&case.running) {
            agree(&format!("{name} {entry}"), &found[entry].1, *expected);
        }
    }
    Ok(())
}

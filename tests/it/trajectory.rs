//! Ten steps of small MLPs as PyTorch takes them; `tests/reference/golden_mlp.py` made the values.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use burn::tensor::Device;
use losswalk::data;
use losswalk::data::Augment;
use losswalk::experiment::{Evaluation, Optimizer, Sgd, Train};
use losswalk::linalg::norm;
use losswalk::network::{Shape, mlp};
use losswalk::objective::{Classification, Gradient, Interrupt, Loss, Objective, Point};
use losswalk::parameters::Tensors;
use losswalk::precision::Precision;
use losswalk::walk::State;
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    samples: usize,
    hidden: Vec<usize>,
    learning_rate: f64,
    batches: Vec<Vec<u32>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    batch_norm: bool,
    momentum: f64,
    weight_decay: f64,
    losses: Vec<f64>,
    grad_norms: Vec<f64>,
    /// The state dict after the last step, each entry flat.
    end: BTreeMap<String, Vec<f64>>,
}

fn objective(golden: &Golden, case: &Case) -> Classification {
    let data = data::load("digits", None).unwrap().truncated(golden.samples).unwrap();
    let input = Shape { height: 8, width: 8, channels: 1 };
    let network = mlp(input, &golden.hidden, data.classes(), case.batch_norm).unwrap();
    let measurement = Evaluation::default().measured_loss(golden.samples, 0);
    let (device, never) = (Device::flex(), Interrupt::default());
    let train = train(golden, case);
    Classification::new(network, data, measurement, train.batches(Augment::None), device, never)
}

/// theta_0 by the formula of the script, and the running statistics that every norm starts with.
fn start(objective: &Classification) -> Point {
    let mut index = 0;
    let parameters = objective.layout().parameters.iter().map(|entry| {
        let is_norm = entry.name.starts_with("bn") && entry.name.ends_with("weight");
        let shift = f64::from(u8::from(is_norm));
        let value = |i: usize| shift + 0.3 * ((i * i) as f64).sin();
        let values: Vec<f64> = (index..index + entry.len()).map(value).collect();
        index += entry.len();
        (entry.name.clone(), (entry.file_shape(), values))
    });
    let file = Tensors { entries: parameters.collect(), single: false };
    objective.import(&file).unwrap()
}

fn train(golden: &Golden, case: &Case) -> Train {
    let Case { momentum, weight_decay, .. } = *case;
    let (learning_rate, precision) = (golden.learning_rate, Precision::F64);
    let optimizer = Optimizer::Sgd(Sgd { momentum, nesterov: false });
    Train { optimizer, learning_rate, weight_decay, precision, ..Train::default() }
}

#[track_caller]
fn near(found: f64, expected: f64, what: &str) {
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(error <= 1e-10, "{what}: {found} instead of {expected}");
}

fn replay(golden: &Golden, case: &Case) {
    let (objective, train) = (objective(golden, case), train(golden, case));
    let mut state = State::start(start(&objective), train.precision);
    for (step, indices) in golden.batches.iter().enumerate() {
        let found =
            objective.gradient(&state.point, Loss::in_epoch(indices, 1), train.precision).unwrap();
        let Gradient { loss, gradient, buffers } = found;
        near(loss, case.losses[step], "loss");
        near(norm(&gradient), case.grad_norms[step], "gradient's norm");
        state.advance(gradient, buffers, &train, train.learning_rate);
    }
    let end = objective.export(&state.point, false).entries;
    assert!(end.keys().eq(case.end.keys()));
    for (name, (_, values)) in &end {
        assert_eq!(values.len(), case.end[name].len());
        values
            .iter()
            .zip(&case.end[name])
            .for_each(|(found, expected)| near(*found, *expected, name));
    }
}

#[test]
fn ten_steps_with_and_without_batch_norm_momentum_and_decay_are_those_of_pytorch() {
    let golden: Golden = serde_json::from_str(include_str!("../golden/mlp.json")).unwrap();
    assert_eq!((golden.batches.len(), golden.cases.len()), (10, 4));
    golden.cases.iter().for_each(|case| replay(&golden, case));
}

//! The authors' protocol is noisy, the fixed one is a function; augmentation depends on its seed,
//! epoch and sample alone.

use burn::tensor::Device;
use losswalk::data::load;
use losswalk::experiment::{Experiment, parse};
use losswalk::network::{Shape, build, initialise};
use losswalk::objective::{Classification, Interrupt, Line, Loss, Objective, Point};
use losswalk::precision::Precision;

type TestResult = Result<(), Box<dyn std::error::Error>>;

fn experiment(settings: &[&str]) -> Result<Experiment, Box<dyn std::error::Error>> {
    let text = "[data]\nname = 'digits'\naugment = 'crop-flip'\n[model]\narch = 'mlp'\n\
                hidden = [16]\n";
    let settings: Vec<_> = settings.iter().map(|&setting| setting.to_owned()).collect();
    Ok(parse(text, "protocol.toml", "protocol", &settings)?)
}

fn objective(settings: &[&str]) -> Result<(Classification, Point), Box<dyn std::error::Error>> {
    let Experiment { data, model, train, evaluation, .. } = experiment(settings)?;
    let digits = load("digits", None)?.truncated(300)?;
    let network = build(&model, Shape { height: 8, width: 8, channels: 1 }, 10)?;
    let theta = initialise(&network.layout.parameters, train.seed);
    let buffers = initialise(&network.layout.buffers, train.seed);
    let measurement = evaluation.measured_loss(digits.len(), train.seed);
    let (device, interrupt) = (Device::flex(), Interrupt::default());
    let objective = Classification::new(
        network,
        digits,
        measurement,
        train.batches(data.augment),
        device,
        interrupt,
    );
    Ok((objective, Point { theta: theta.into(), buffers }))
}

/// The loss at one theta, as it would be measured on lines 0, 1, ..., 9.
fn repeated(settings: &[&str]) -> Result<Vec<f64>, Box<dyn std::error::Error>> {
    let (objective, at) = objective(settings)?;
    let loss = |number| {
        let line = Line { from: &at, to: &at, number };
        Ok(objective.losses(line, &[0.5], Precision::F64)?[0])
    };
    (0..10).map(loss).collect()
}

fn spread(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest - values.iter().copied().fold(f64::INFINITY, f64::min)
}

#[test]
fn the_loss_of_the_fixed_protocol_has_no_spread_and_that_of_the_authors_has() -> TestResult {
    assert_eq!(spread(&repeated(&[])?), 0.0);
    let authors = ["evaluation.protocol=authors"];
    let losses = repeated(&authors)?;
    // Crops move the loss of 300 samples by far more than rounding, and less than the loss itself.
    let spread = spread(&losses) / losses[0];
    assert!((1e-4..0.3).contains(&spread), "relative spread {spread:e}");
    assert_eq!(losses, repeated(&authors)?, "the same draws give the same bits");
    Ok(())
}

#[test]
fn augmentation_changes_with_the_epoch_and_not_with_the_batch() -> TestResult {
    let (objective, at) = objective(&["train.chunk=1", "model.batch_norm=false"])?;
    let loss = |indices: &[u32], epoch| -> Result<f64, Box<dyn std::error::Error>> {
        Ok(objective.gradient(&at, Loss::in_epoch(indices, epoch), Precision::F32)?.loss)
    };
    assert_ne!(loss(&[7, 8], 1)?, loss(&[7, 8], 2)?);
    assert_eq!(loss(&[7, 8], 1)?, loss(&[7, 8], 1)?);
    assert_eq!(loss(&[7, 8], 1)?, loss(&[8, 7], 1)?, "a sum of two does not depend on the order");
    Ok(())
}

#[test]
fn gradient_descent_refuses_augmentation() {
    let message = experiment(&["train.optimizer=gd"]).map_err(|error| error.to_string()).err();
    assert!(message.is_some_and(|text| text.contains("data.augment")));
}

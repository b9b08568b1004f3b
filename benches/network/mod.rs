//! What benches measure: the paper's networks on images of a formula.

use burn::tensor::Device;
use losswalk::data::{Dataset, ImageShape, PixelNormalisation};
use losswalk::experiment::{Experiment, parse};
use losswalk::network::{Shape, build, initialise};
use losswalk::objective::{Classification, Interrupt, Point};

/// What a bench ends with.
pub type BenchResult<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// The network of a setting `model.arch=...`, on `samples` images of a formula, at its initialisation.
pub fn objective(
    arch: &str,
    edge: usize,
    channels: usize,
    samples: usize,
) -> BenchResult<(Classification, Point)> {
    let Experiment { model, train, evaluation, data, .. } =
        parse("data.name = 'mnist'", "bench", "bench", &[arch.to_owned()])?;
    let shape = ImageShape { height: edge, width: edge, channels };
    let pixels = (0..samples * edge * edge * channels).map(|i| (i * 7919 % 251) as u8).collect();
    let labels = (0..samples).map(|i| (i % 10) as u16).collect();
    let (mean, std) = (vec![0.5; channels].into(), vec![0.3; channels].into());
    let normalisation = PixelNormalisation { scale: 255.0, mean, std };
    let images = Dataset::new(pixels, labels, shape, 10, normalisation, Vec::new())?;
    let network = build(&model, Shape { height: edge, width: edge, channels }, 10)?;
    let at = Point {
        theta: initialise(&network.layout.parameters, 1),
        buffers: initialise(&network.layout.buffers, 1),
    };
    let measurement = evaluation.measured_loss(samples, 1);
    let (device, interrupt) = (Device::flex(), Interrupt::default());
    let objective = Classification::new(
        network,
        images,
        measurement,
        train.batches(data.augment),
        device,
        interrupt,
    );
    Ok((objective, at))
}

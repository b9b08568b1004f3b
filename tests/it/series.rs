//! The network's series of order 2 against central differences of its loss, in f64.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use losswalk::network::{
    Entry, Layer, Layout, Linear, Network, Normalisation, Pass, Shape, ShapeError, TapeError,
    cross_entropy, mlp, resnet,
};
use losswalk::taylor::Series;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::program::TestResult;

const SAMPLES: usize = 8;

fn wave(count: usize, shift: f64) -> Vec<f64> {
    (0..count).map(|i| (i as f64 * 1.7 + shift).sin()).collect()
}

fn tensor<const D: usize>(values: &[f64], shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), (&Device::flex(), DType::F64))
}

/// theta + e u as series of the given order.
fn line(network: &Network, theta: &[f64], direction: &[f64], order: usize) -> Vec<Series<1>> {
    let series = |entry: &Entry| {
        let part = |vector: &[f64]| tensor(&vector[entry.range()], [entry.len()]);
        match order {
            0 => Series::constant(part(theta)),
            _ => Series::line(part(theta), part(direction), order),
        }
    };
    network.layout.parameters.iter().map(series).collect()
}

/// The summed loss of a pass over images of a formula.
fn summed_loss(network: &Network, pass: &mut Pass, device: &Device) -> Series<2> {
    let Shape { height, width, channels } = network.input;
    let images = wave(SAMPLES * network.input.size(), 0.1);
    let images = TensorData::new(images, [SAMPLES, height, width, channels]);
    let images = Series::constant(Tensor::from_data(images, (device, DType::F64)));
    let labels: Vec<i32> = (0..SAMPLES as i32).map(|i| i % 3).collect();
    let labels: Tensor<1, Int> =
        Tensor::from_data(TensorData::new(labels, [SAMPLES]), (device, DType::I32));
    cross_entropy(network.logits(images, pass), labels).sum_dim(0)
}

/// The summed loss along theta + e u, as a series of the given order.
fn loss(network: &Network, theta: &[f64], direction: &[f64], order: usize) -> Series<2> {
    let parameters = line(network, theta, direction, order);
    let mut pass = Pass::new(&parameters, Normalisation::Batch);
    summed_loss(network, &mut pass, &Device::flex())
}

/// Its second coefficient by adjoints, and how many layers left a term of their own.
fn contracted(
    network: &Network,
    theta: &[f64],
    direction: &[f64],
) -> Result<(f64, usize), TapeError> {
    let tracked = |series: Series<1>| Series::constant(Tensor::from_inner(series.into_value()));
    let values: Vec<_> = line(network, theta, direction, 0).into_iter().map(tracked).collect();
    let mut pass = Pass::new(&values, Normalisation::Batch).recording();
    let losses = summed_loss(network, &mut pass, &Device::flex().autodiff());
    let primal = pass.into_primal(losses.into_value().backward());
    let parameters = line(network, theta, direction, 2);
    let mut pass = Pass::new(&parameters, Normalisation::Batch).contracting(&primal);
    let own = value(&summed_loss(network, &mut pass, &Device::flex()), 2);
    let below = pass.contracted(0)?;
    let below = below.map(|terms| terms.into_data().iter::<f64>().collect::<Vec<_>>());
    let below = below.unwrap_or_default();
    Ok((own + below.iter().sum::<f64>(), below.len()))
}

fn value(series: &Series<2>, j: usize) -> f64 {
    let coefficient = if j == 0 { Some(series.value()) } else { series.coefficient(0, j) };
    coefficient.map_or(0.0, |c| c.clone().into_scalar::<f64>())
}

#[test]
fn derivatives_along_a_direction_agree_with_central_differences() -> TestResult {
    let image = Shape { height: 8, width: 8, channels: 2 };
    // A step e that crosses no kink: the many rectifiers of the residual network leave little room,
    // and rounding of 1e-16 / e² limits what its second difference can show.
    let cases = [
        (mlp(Shape::flat(6), &[7, 5], 3, true)?, 1e-5, 1e-5),
        (mlp(Shape::flat(6), &[7, 5], 3, false)?, 1e-5, 1e-5),
        (mlp(Shape::flat(6), &[], 3, false)?, 1e-5, 1e-5),
        (resnet(image, 3, 8, true)?, 1e-7, 1e-2),
    ];
    for (index, (network, e, tolerance)) in cases.iter().enumerate() {
        let count = network.layout.dimension();
        let theta: Vec<f64> = wave(count, 0.5).iter().map(|x| 0.5 * x).collect();
        let direction = wave(count, 2.0);
        let found = loss(network, &theta, &direction, 2);
        let at = |e: f64| {
            let moved: Vec<f64> = theta.iter().zip(&direction).map(|(t, u)| t + e * u).collect();
            value(&loss(network, &moved, &direction, 0), 0)
        };
        let (plus, middle, minus) = (at(*e), at(0.0), at(-e));
        let first = (plus - minus) / (2.0 * e);
        let second = (plus - 2.0 * middle + minus) / (e * e);
        assert!((value(&found, 0) - middle).abs() < 1e-12 * middle, "network {index}");
        let (found_first, found_second) = (value(&found, 1), 2.0 * value(&found, 2));
        assert!((found_first - first).abs() < 1e-6 * first.abs(), "network {index}: {first}");
        let error = (found_second - second).abs();
        assert!(error < tolerance * second.abs(), "network {index}: {found_second}, {second}");
    }
    Ok(())
}

/// Every layer, between a convolution that mixes the pixels and a linear layer that gives logits.
const LAYERS: [&str; 12] = [
    "",
    "{kind='convolution',name='l',outputs=3,stride=2,bias=false},",
    "{kind='convolution',name='l',outputs=2,kernel_size=1},",
    "{kind='batch-norm',name='l'},",
    "{kind='linear',name='l',outputs=4},",
    "{kind='relu'},",
    "{kind='tanh'},",
    "{kind='gelu'},",
    "{kind='softplus'},",
    "{kind='max-pool'},",
    "{kind='global-average-pool'},",
    "{kind='residual',main=[{kind='batch-norm',name='n'},{kind='tanh'},{kind='convolution',name='m',\
     outputs=4,stride=2}],shortcut=[{kind='convolution',name='s',outputs=4,kernel_size=1,stride=2}]},",
];

/// A step that hardly ever crosses a kink. The second derivative is the difference of slopes, so that
/// rounding costs no more than 1e-16 / e.
const STEP: f64 = 1e-7;

fn with_layer(layer: &str) -> Result<Network, Box<dyn std::error::Error>> {
    let model = format!(
        "data.name='digits'\nmodel.arch='layers'\nmodel.layers=[\
         {{kind='convolution',name='a',outputs=3}},{layer}{{kind='linear',name='z',outputs=3}}]"
    );
    let experiment = losswalk::experiment::parse(&model, "layers", "layers", &[])?;
    let image = Shape { height: 4, width: 4, channels: 2 };
    Ok(losswalk::network::build(&experiment.model, image, 3)?)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]
    #[test]
    fn every_layer_has_the_derivatives_of_finite_differences(shift in 0.0f64..6.0, turn in 0.0f64..6.0) {
        for layer in LAYERS {
            let network = with_layer(layer).map_err(|e| TestCaseError::fail(e.to_string()))?;
            let count = network.layout.dimension();
            let theta: Vec<f64> = wave(count, shift).iter().map(|x| 0.5 * x).collect();
            let direction = wave(count, turn);
            let found = loss(&network, &theta, &direction, 2);
            let at = |e: f64| -> Vec<f64> {
                theta.iter().zip(&direction).map(|(t, u)| t + e * u).collect()
            };
            let difference = |order: usize, j: usize| {
                let value = |e| value(&loss(&network, &at(e), &direction, order), j);
                (value(STEP) - value(-STEP)) / (2.0 * STEP)
            };
            for (j, numeric, exact) in [
                (1, difference(0, 0), value(&found, 1)),
                (2, difference(1, 1), 2.0 * value(&found, 2)),
            ] {
                let error = (numeric - exact).abs();
                prop_assert!(error < 1e-6 * exact.abs().max(1.0), "`{layer}` {j}: {exact} {numeric}");
            }
            let exact = value(&found, 2);
            let (second, terms) = contracted(&network, &theta, &direction)
                .map_err(|error| TestCaseError::fail(error.to_string()))?;
            let error = (second - exact).abs();
            prop_assert!(error < 1e-12 * exact.abs().max(1.0), "`{layer}`: {exact} {second}");
            prop_assert!(terms >= SAMPLES, "`{layer}`: nothing contracted");
        }
    }
}

/// x³, by somebody who has not read of [`Pass::contract`].
#[derive(Debug)]
pub struct Cube;

impl Layer for Cube {
    fn output_shape(&self, input: Shape) -> Result<Shape, ShapeError> {
        Ok(input)
    }

    fn forward(&self, input: Series<4>, _: &mut Pass) -> Series<4> {
        input.clone().square() * input
    }
}

/// x³, by somebody who marks its output in one kind of pass alone.
#[derive(Debug)]
struct Careless;

impl Layer for Careless {
    fn output_shape(&self, input: Shape) -> Result<Shape, ShapeError> {
        Ok(input)
    }

    fn forward(&self, input: Series<4>, pass: &mut Pass) -> Series<4> {
        let has_direction = input.coefficient(0, 1).is_some();
        let output = input.clone().square() * input;
        if has_direction { pass.contract(output) } else { output }
    }
}

/// Linear - layer - linear.
fn around(layer: impl Layer + 'static) -> Network {
    let mut layout = Layout::default();
    let first = Linear::new(&mut layout, "a", Shape::flat(6), 5);
    let last = Linear::new(&mut layout, "b", Shape::flat(5), 3);
    let layers: Vec<Box<dyn Layer>> = vec![Box::new(first), Box::new(layer), Box::new(last)];
    Network::new(layout, Shape::flat(6), 3, layers)
}

#[test]
fn a_layer_that_contracts_now_and_then_is_an_error_and_not_a_wrong_number() {
    let network = around(Careless);
    let count = network.layout.dimension();
    let found = contracted(&network, &wave(count, 0.5), &wave(count, 2.0));
    assert_eq!(found, Err(TapeError));
}

#[test]
fn a_layer_that_contracts_nothing_has_the_same_second_derivative() -> Result<(), TapeError> {
    let network = around(Cube);
    let count = network.layout.dimension();
    let (theta, direction) = (wave(count, 0.5), wave(count, 2.0));
    let exact = value(&loss(&network, &theta, &direction, 2), 2);
    let (second, terms) = contracted(&network, &theta, &direction)?;
    assert!((second - exact).abs() < 1e-12 * exact.abs(), "{exact} {second}");
    // The last layer's own term includes what the cube passes on; the first has none.
    assert_eq!(terms, SAMPLES);
    Ok(())
}

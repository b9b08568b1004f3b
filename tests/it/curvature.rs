//! Directional derivatives and H v of small networks against PyTorch's dense Hessians in f64, for
//! every layer and every policy of batch norm, and against the closed form of softmax regression.
//!
//! `tests/reference/golden_hessian.py` wrote the results; parameters and images are its formulas.

use std::collections::BTreeMap;

use burn::tensor::Device;
use losswalk::data::ImageShape;
use losswalk::experiment::{Experiment, parse};
use losswalk::linalg::{Limits, dot, unit};
use losswalk::measure::{alignments, spectrum_ends};
use losswalk::network::{Network, Shape, build};
use losswalk::objective::{
    Classification, Directional, Interrupt, Loss, MeasuredLoss, Objective, Point, Protocol,
};
use losswalk::precision::Precision;
use serde::Deserialize;

use crate::networks::{TestResult, agree, images, parameters, wave};

const SAMPLES: usize = 12;
const CLASSES: usize = 3;
/// Agreement in f64, relative.
const TOLERANCE: f64 = 1e-10;

#[derive(Deserialize)]
struct Case {
    layers: serde_json::Value,
    size: usize,
    policy: String,
    loss: f64,
    slope: f64,
    curvature: f64,
    covariance: f64,
    residual: f64,
    product: BTreeMap<String, [f64; 2]>,
    eigenvalues: Vec<f64>,
}

pub fn objective(model: &str, size: usize, policy: &str) -> TestResult<(Classification, Point)> {
    objective_by(model, size, policy, true)
}

/// The same, its convolutions by their definition unless `winograd`.
pub fn objective_by(
    model: &str,
    size: usize,
    policy: &str,
    winograd: bool,
) -> TestResult<(Classification, Point)> {
    objective_of(model, size, policy, winograd, |network| network)
}

/// The same of a network in place of the model's.
pub fn objective_of(
    model: &str,
    size: usize,
    policy: &str,
    winograd: bool,
    other: impl FnOnce(Network) -> Network,
) -> TestResult<(Classification, Point)> {
    let text = format!("data.name = 'digits'\n{model}");
    let settings = [format!("evaluation.batch_norm={policy}"), "train.precision=f64".to_owned()];
    let Experiment { model, train, evaluation, data, .. } = parse(&text, "golden", "g", &settings)?;
    let shape = ImageShape { height: size, width: size, channels: 1 };
    let images = images(SAMPLES, shape, CLASSES as u16)?;
    let network = build(&model, Shape { height: size, width: size, channels: 1 }, CLASSES)?;
    let network = other(network);
    let measurement = MeasuredLoss {
        order: (0..SAMPLES as u32).collect(),
        batch_size: 4,
        policy: evaluation.batch_norm,
        winograd,
        protocol: Protocol::Fixed,
    };
    let (device, interrupt) = (Device::flex(), Interrupt::default());
    let objective = Classification::new(
        network,
        images,
        measurement,
        train.batches(data.augment),
        device,
        interrupt,
    );
    let mut at = objective.import(&parameters(&objective))?;
    for (buffer, entry) in objective.layout().buffers.iter().enumerate() {
        let (offset, scale, shift) =
            if buffer % 2 == 0 { (0.0, 0.1, 5.0) } else { (1.0, 0.3, 6.0) };
        let values = wave(entry.len(), shift).map(|x| offset + scale * x);
        at.buffers.splice(entry.range(), values);
    }
    Ok((objective, at))
}

/// The formula's direction in memory order.
pub fn direction(objective: &Classification) -> TestResult<Vec<f64>> {
    let mut file = parameters(objective);
    for (index, (_, values)) in file.entries.values_mut().enumerate() {
        *values = wave(values.len(), index as f64 + 0.5).collect();
    }
    Ok(objective.import(&file)?.theta.to_f64())
}

fn close(what: &str, found: f64, expected: f64) {
    let error = (found - expected).abs();
    assert!(error <= TOLERANCE * expected.abs().max(1.0), "{what}: {found} for {expected}");
}

/// H column by column.
fn dense(objective: &Classification, at: &Point) -> TestResult<Vec<Vec<f64>>> {
    let dimension = objective.dimension();
    let column = |i| {
        let mut unit = vec![0.0; dimension];
        unit[i] = 1.0;
        Ok(objective.hessian_product(at, &unit, Precision::F64)?)
    };
    (0..dimension).map(column).collect()
}

#[test]
fn curvature_agrees_with_dense_hessians_of_pytorch() -> TestResult {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../golden/hessian.json"))?;
    assert_eq!(cases.len(), 7);
    for case in &cases {
        let name = format!("{} {}", case.policy, case.size);
        let layers = toml::Value::try_from(&case.layers)?;
        let model = format!("model.arch = 'layers'\nmodel.layers = {layers}");
        let (objective, mut at) = objective(&model, case.size, &case.policy)?;
        let u = direction(&objective)?;
        let reversed: Vec<f64> = u.iter().rev().copied().collect();
        // Two directions at once, of which the second must not touch the first.
        let both = objective.directional(&at, Loss::Measured, &[&u, &reversed], Precision::F64)?;
        let Directional { loss, slope, curvature, covariance, residual } = both[0];
        close(&name, loss, case.loss);
        close(&name, slope, case.slope);
        close(&name, curvature, case.curvature);
        close(&name, covariance, case.covariance);
        close(&name, residual, case.residual);
        close(&name, covariance + slope * slope + residual, curvature);
        let slopes = objective.slopes(&at, Loss::Measured, &[&reversed, &u], Precision::F64)?;
        close(&name, slopes[0].variance, both[1].covariance);
        close(&name, slopes[1].mean, case.slope);
        close(&name, slopes[1].variance, case.covariance);

        let product = objective.hessian_product(&at, &u, Precision::F64)?;
        close(&name, dot(&u, &product), curvature);
        let dense = dense(&objective, &at)?;
        let rows: Vec<f64> = dense.iter().map(|column| dot(column, &u)).collect();
        for (i, (column, row)) in dense.iter().zip(&rows).enumerate() {
            close(&format!("{name} H u, {i}"), product[i], *row);
            (0..i).for_each(|j| close(&format!("{name} H[{i}, {j}]"), column[j], dense[j][i]));
        }
        let applied: Vec<f64> = dense.iter().map(|column| dot(column, &reversed)).collect();
        close(&name, both[1].curvature, dot(&reversed, &applied));

        let limits = Limits { tolerance: 1e-11, max_products: 2000, max_basis: 60 };
        let start = reversed.clone();
        let apply = |v: &[f64]| objective.hessian_product(&at, v, Precision::F64);
        let ends = spectrum_ends(apply, 5, start, limits)?;
        let found = ends.largest.iter().chain(&ends.smallest).map(|pair| pair.value);
        let expected = case.eigenvalues[..5].iter().chain(case.eigenvalues.last());
        found.zip(expected).for_each(|(found, expected)| close(&name, found, *expected));
        assert!(ends.converged && ends.largest.len() == 5, "{name}");
        let trace: f64 = (0..dense.len()).map(|i| dense[i][i]).sum();
        close(&name, trace, case.eigenvalues.iter().sum());
        at.theta = product.into();
        let product = objective.export(&at, false).entries;
        for (entry, expected) in &case.product {
            agree(&format!("{name} {entry}"), &product[entry].1, *expected);
        }
    }
    Ok(())
}

#[test]
fn softmax_regression_agrees_with_its_closed_form() -> TestResult {
    let (objective, at) = objective("model.arch = 'mlp'\nmodel.hidden = []", 4, "batch")?;
    let u = direction(&objective)?;
    let (inputs, n) = (16, SAMPLES as f64);
    // Theta is W [inputs, classes], then b; z = x W + b.
    let apply = |theta: &[f64], x: &[f64]| -> Vec<f64> {
        let logit = |c: usize| {
            let products = x.iter().enumerate().map(|(i, x)| x * theta[i * CLASSES + c]);
            theta[inputs * CLASSES + c] + products.sum::<f64>()
        };
        (0..CLASSES).map(logit).collect()
    };
    let bytes = wave(SAMPLES * inputs, 0.3).map(|x| (127.5 * (1.0 + x)).floor() / 255.0 - 0.5);
    let pixels: Vec<f64> = bytes.collect();
    let mut expected = vec![0.0; u.len()];
    for x in pixels.chunks(inputs) {
        let weights: Vec<f64> = apply(&at.theta, x).iter().map(|z| z.exp()).collect();
        let total: f64 = weights.iter().sum();
        let p: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
        // H u = mean of x ⊗ (diag p - p p') z_u.
        let along = apply(&u, x);
        let mean = dot(&p, &along);
        for c in 0..CLASSES {
            let part = p[c] * (along[c] - mean) / n;
            (0..inputs).for_each(|i| expected[i * CLASSES + c] += part * x[i]);
            expected[inputs * CLASSES + c] += part;
        }
    }
    let found = objective.hessian_product(&at, &u, Precision::F64)?;
    for (found, expected) in found.iter().zip(&expected) {
        close("H u", *found, *expected);
    }
    let directional = objective.directional(&at, Loss::Measured, &[&u], Precision::F64)?[0];
    close("u'Hu", directional.curvature, dot(&u, &expected));
    // A quarter of the samples, as training sees them: their mean is the whole.
    let parts = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]].map(|batch: [u32; 4]| {
        let found = objective.directional(&at, Loss::of(&batch), &[&u], Precision::F64);
        found.map(|found| found[0].curvature / 3.0)
    });
    let parts: Result<Vec<f64>, _> = parts.into_iter().collect();
    close("mean over batches", parts?.iter().sum(), directional.curvature);
    Ok(())
}

#[test]
fn the_curvature_along_a_batchs_own_gradient_is_that_of_separate_passes() -> TestResult {
    let model = "model.arch = 'mlp'\nmodel.hidden = [7, 5]\ntrain.chunk = ";
    let batch: [u32; 6] = [0, 3, 4, 7, 8, 11];
    for (chunk, policy) in [(6, "batch"), (2, "batch"), (6, "running")] {
        let (objective, at) = objective(&format!("{model}{chunk}"), 4, policy)?;
        for batch in [Loss::of(&batch), Loss::Measured] {
            let (gradient, along) = objective.along_gradient(&at, batch, Precision::F64)?;
            assert_eq!(gradient, objective.gradient(&at, batch, Precision::F64)?);
            let (_, u) = unit(gradient.gradient.to_f64());
            let expected =
                objective.directional(&at, batch, &[&u.ok_or("zero")?], Precision::F64)?;
            let found = along.ok_or("none")?;
            for (what, found, expected) in [
                ("loss", found.loss, expected[0].loss),
                ("slope", found.slope, expected[0].slope),
                ("curvature", found.curvature, expected[0].curvature),
                ("covariance", found.covariance, expected[0].covariance),
                ("residual", found.residual, expected[0].residual),
            ] {
                close(&format!("{what}, {chunk} {policy}"), found, expected);
            }
        }
        let lost = Point { theta: vec![f64::NAN; at.theta.len()].into(), ..at };
        let (gradient, along) =
            objective.along_gradient(&lost, Loss::of(&batch), Precision::F64)?;
        assert!(gradient.loss.is_nan() && along.is_none());
    }
    Ok(())
}

#[test]
fn alignment_is_with_the_full_hessian_and_sharpness_with_the_batchs_own() -> TestResult {
    let (objective, at) = objective("model.arch = 'mlp'\nmodel.hidden = [7, 5]", 4, "batch")?;
    let batch = Loss::of(&[1, 2, 5, 9]);
    let found = alignments(&objective, &at, &[batch, Loss::Measured], Precision::F64)?;
    let own = [batch, Loss::Measured];
    for (found, own) in found.iter().zip(own) {
        let (length, u) = unit(objective.gradient(&at, own, Precision::F64)?.gradient.to_f64());
        let u = u.ok_or("zero")?;
        let along = |over| objective.directional(&at, over, &[&u], Precision::F64);
        close("length", found.grad_norm, length);
        let full = found.full.ok_or("none")?.curvature;
        close("full", full, along(Loss::Measured)?[0].curvature);
        close("own", found.of_batch.ok_or("none")?, along(own)?[0].curvature);
    }
    assert_ne!(found[0].of_batch, found[0].full.map(|along| along.curvature));
    Ok(())
}

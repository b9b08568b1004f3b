//! The way of devices, which computes evaluation batches in groups of theirs and gathers images there,
//! against the way of the CPU: on the CPU, in f64, where both must agree to rounding.

use burn::tensor::Device;
use losswalk::data::ImageShape;
use losswalk::experiment::{Experiment, parse};
use losswalk::linalg::norm;
use losswalk::network::{Shape, build};
use losswalk::objective::{Classification, Interrupt, Line, Loss, Objective, Point};
use losswalk::precision::Precision;

use crate::curvature::direction;
use crate::networks::{TestResult, images, parameters, wave};
use crate::planned;

/// Three whole evaluation batches of 4 and a shorter one.
const SAMPLES: usize = 14;
pub const POLICIES: [&str; 3] = ["batch", "recomputed", "running"];
const ALPHAS: [f64; 4] = [0.0, 0.3, 1.0, 1.5];

/// A network on images of a formula (height = width, channels), at parameters of a formula.
pub fn loss_on(
    device: Device,
    model: &str,
    (size, channels): (usize, usize),
    settings: &[String],
) -> TestResult<(Classification, Point)> {
    let text = format!("data.name = 'digits'\nevaluation.batch_size = 4\n{model}");
    let Experiment { model, train, evaluation, data, .. } = parse(&text, "t", "t", settings)?;
    let network = build(&model, Shape { height: size, width: size, channels }, 3)?;
    let images = images(SAMPLES, ImageShape { height: size, width: size, channels }, 3)?;
    let measured = evaluation.measured_loss(SAMPLES, train.seed);
    let (batches, interrupt) = (train.batches(data.augment), Interrupt::default());
    let loss = Classification::new(network, images, measured, batches, device, interrupt);
    let mut at = loss.import(&parameters(&loss))?;
    for (buffer, entry) in loss.layout().buffers.iter().enumerate() {
        let (offset, scale) = if buffer % 2 == 0 { (0.0, 0.1) } else { (1.0, 0.3) };
        at.buffers.splice(entry.range(), wave(entry.len(), 5.0).map(|x| offset + scale * x));
    }
    Ok((loss, at))
}

/// Where a line from a point leads.
pub fn end(loss: &Classification, at: &Point) -> TestResult<Point> {
    let u = direction(loss)?;
    let scale = 0.3 * norm(&at.theta) / norm(&u);
    let theta = at.theta.iter().zip(&u).map(|(theta, u)| theta + scale * u).collect();
    Ok(Point { theta, buffers: at.buffers.iter().map(|buffer| 1.1 * buffer).collect() })
}

/// Calls `check` with the loss on either way, for some networks under some settings.
fn on_both_ways(
    settings: &[&str],
    check: impl Fn(&str, [&Classification; 2], &Point) -> TestResult,
) -> TestResult {
    let mlp = "model.arch = 'mlp'\nmodel.hidden = [7, 5]".to_owned();
    let [a, b] = [&[0, 3, 16, 16, 3, 7, 6][..], &[3, 1, 5, 6]].map(|l| planned::smooth_model(l, 8));
    for (model, images) in [(mlp, (3, 3)), (a, (8, 1)), (b, (8, 1))] {
        for policy in POLICIES {
            let policy = format!("evaluation.batch_norm={policy}");
            let settings: Vec<_> =
                settings.iter().map(|setting| (*setting).to_owned()).chain([policy]).collect();
            let loss = || loss_on(Device::flex(), &model, images, &settings);
            let ((grouped, at), (series, _)) = (loss()?, loss()?);
            let what = format!("{settings:?} {model}");
            check(&what, [&grouped.as_on_device(), &series.by_series()], &at)?;
        }
    }
    Ok(())
}

fn close(what: &str, [found, expected]: [Vec<f64>; 2]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let error = (found - expected).abs();
        assert!(error <= 1e-12 * expected.abs().max(1.0), "{what}: {found} for {expected}");
    }
}

fn losses_are_alike(what: &str, losses: [&Classification; 2], at: &Point) -> TestResult {
    let to = end(losses[0], at)?;
    let of = |loss: &Classification| -> TestResult<Vec<Vec<f64>>> {
        let open = loss.open(Line { from: at, to: &to, number: 3 }, &ALPHAS, Precision::F64)?;
        assert_eq!((open.units(), open.points(), open.samples(3)), (4, 4, 2));
        let all = open.unit_losses(&[0, 1, 2, 3], &[0, 1, 2, 3])?;
        let some = open.unit_losses(&[3, 1], &[2])?;
        close(what, [some.concat(), vec![all[3][2], all[1][2]]]);
        assert!(open.unit_losses(&[0, 3], &[])?.iter().all(Vec::is_empty));
        Ok(all)
    };
    let [found, expected] = losses.map(of);
    let (found, expected) = (found?, expected?);
    assert!(
        found.iter().all(|unit| (unit[0] - unit[1]).abs() > 1e-6),
        "{what}: points are told apart"
    );
    close(what, [found.concat(), expected.concat()]);
    let [found, expected] = losses.map(|loss| loss.scores(at, Precision::F64));
    let (found, expected) = (found?.train, expected?.train);
    assert_eq!(found.accuracy, expected.accuracy, "{what}");
    close(what, [vec![found.loss], vec![expected.loss]]);
    Ok(())
}

#[test]
fn groups_of_batches_give_the_losses_of_each() -> TestResult {
    on_both_ways(&[], losses_are_alike)
}

#[test]
fn groups_are_presented_anew_at_every_point_where_the_protocol_says_so() -> TestResult {
    on_both_ways(&["evaluation.protocol=authors"], losses_are_alike)?;
    on_both_ways(&["evaluation.protocol=authors", "data.augment=crop-flip"], losses_are_alike)
}

#[test]
fn images_on_the_device_have_the_same_derivatives() -> TestResult {
    on_both_ways(&[], |what, losses, at| {
        let u = direction(losses[0])?;
        let of = |loss: &Classification| -> TestResult<Vec<f64>> {
            let found = loss.gradient(at, Loss::Measured, Precision::F64)?;
            let along = loss.directional(at, Loss::Measured, &[&u], Precision::F64)?[0];
            let product = loss.hessian_product(at, &u, Precision::F64)?;
            let numbers = vec![found.loss, along.slope, along.curvature, along.covariance];
            Ok([numbers, found.gradient.to_f64(), found.buffers, product].concat())
        };
        let [found, expected] = losses.map(of);
        close(what, [found?, expected?]);
        Ok(())
    })
}

#[test]
fn a_device_is_compared_with_the_cpu_on_the_first_batches() -> TestResult {
    on_both_ways(&[], |what, [grouped, series], at| {
        let to = end(series, at)?;
        let line = Line { from: at, to: &to, number: 0 };
        assert_eq!(series.compared(line, &ALPHAS)?, None);
        let [single, double] = grouped.compared(line, &ALPHAS)?.ok_or("nothing compared")?;
        assert!(single != double && single.len() == ALPHAS.len(), "{what}");
        for (single, double) in single.iter().zip(&double) {
            assert!((single - double).abs() < 1e-4 * double, "{what}: {single} for {double}");
        }
        if !what.contains("recomputed") {
            let open = series.open(line, &ALPHAS, Precision::F64)?;
            let [a, b] = &open.unit_losses(&[0, 1], &[0, 1, 2, 3])?[..] else {
                return Err("two units".into());
            };
            close(what, [double, a.iter().zip(b).map(|(a, b)| (a + b) / 8.0).collect()]);
        }
        Ok(())
    })
}

//! Every derivative is of the loss that its caller names: against finite differences of the measured
//! loss under all three policies of batch norm, in f64.

use losswalk::linalg::{dot, norm};
use losswalk::objective::{Classification, Line, Loss, Objective, Point};
use losswalk::precision::Precision;

use crate::curvature::{direction, objective};
use crate::networks::TestResult;

const POLICIES: [&str; 3] = ["batch", "recomputed", "running"];
const MODEL: &str = "model.arch = 'layers'\nmodel.layers = [\
    { kind = 'convolution', name = 'a', outputs = 3 }, { kind = 'batch-norm', name = 'n' }, \
    { kind = 'tanh' }, { kind = 'convolution', name = 'b', outputs = 2 }, \
    { kind = 'batch-norm', name = 'm' }, { kind = 'softplus' }, \
    { kind = 'linear', name = 'c', outputs = 3 }]";
const SIZE: usize = 4;

/// Where the line from `at` in a direction of theta and of the buffers is at alpha = 1.
fn moved(at: &Point, u: &[f64], buffers: f64) -> Point {
    let theta = at.theta.iter().zip(u).map(|(theta, u)| theta + u).collect();
    Point { theta, buffers: at.buffers.iter().map(|buffer| buffer * (1.0 + buffers)).collect() }
}

/// First and second derivative of the loss with respect to alpha at 0, with errors of order h^4.
fn differences(objective: &Classification, line: Line) -> TestResult<[f64; 2]> {
    let h = 1e-3;
    let alphas = [-2.0 * h, -h, 0.0, h, 2.0 * h];
    let found = objective.losses(line, &alphas, Precision::F64)?;
    let [a, b, c, d, e] = found[..] else { return Err("five losses".into()) };
    let slope = (a - 8.0 * b + 8.0 * d - e) / (12.0 * h);
    let curvature = (-a + 16.0 * b - 30.0 * c + 16.0 * d - e) / (12.0 * h * h);
    Ok([slope, curvature])
}

fn close(what: &str, found: f64, expected: f64, tolerance: f64) {
    let error = (found - expected).abs();
    assert!(error <= tolerance * expected.abs().max(0.1), "{what}: {found} for {expected}");
}

#[test]
fn the_gradient_of_the_measured_loss_is_its_gradient_under_every_policy() -> TestResult {
    let mut gradients = Vec::new();
    for policy in POLICIES {
        let (objective, at) = objective(MODEL, SIZE, policy)?;
        let u = direction(&objective)?;
        let end = moved(&at, &u, 0.0);
        let line = Line { from: &at, to: &end, number: 0 };
        let found = objective.gradient(&at, Loss::Measured, Precision::F64)?;
        let [slope, curvature] = differences(&objective, line)?;
        close(policy, dot(&u, &found.gradient), slope, 1e-8);
        let loss = objective.losses(line, &[0.0], Precision::F64)?[0];
        close(policy, found.loss, loss, 1e-13);
        let along = objective.directional(&at, Loss::Measured, &[&u], Precision::F64)?[0];
        close(policy, dot(&u, &found.gradient), along.slope, 1e-12);
        close(policy, along.curvature, curvature, 1e-5);
        let product = objective.hessian_product(&at, &u, Precision::F64)?;
        close(policy, dot(&u, &product), along.curvature, 1e-11);
        let is_frozen = policy == "running";
        assert_eq!(found.buffers == at.buffers, is_frozen, "{policy}: running statistics");
        gradients.push(found.gradient);
    }
    let apart = |i: usize, j: usize| {
        let difference: Vec<f64> =
            gradients[i].iter().zip(&gradients[j]).map(|(a, b)| a - b).collect();
        norm(&difference) / norm(&gradients[i])
    };
    assert!(apart(0, 1) > 0.01 && apart(0, 2) > 0.01, "the policies are told apart by this test");
    Ok(())
}

#[test]
fn a_line_to_second_order_moves_what_the_line_moves() -> TestResult {
    for policy in POLICIES {
        let (objective, at) = objective(MODEL, SIZE, policy)?;
        let u = direction(&objective)?;
        let end = moved(&at, &u, 0.3);
        let line = Line { from: &at, to: &end, number: 0 };
        let found = objective.second_order(line, Precision::F64)?;
        let [slope, curvature] = differences(&objective, line)?;
        close(policy, found.slope, slope, 1e-8);
        close(policy, found.curvature, curvature, 1e-5);
        let fixed = objective.directional(&at, Loss::Measured, &[&u], Precision::F64)?[0];
        let is_moved = (found.slope - fixed.slope).abs() > 1e-3 * fixed.slope.abs();
        assert_eq!(is_moved, policy == "running", "{policy}");
    }
    Ok(())
}

#[test]
fn units_and_points_can_be_had_one_by_one() -> TestResult {
    for policy in POLICIES {
        let (objective, at) = objective(MODEL, SIZE, policy)?;
        let end = moved(&at, &direction(&objective)?, 0.3);
        let line = Line { from: &at, to: &end, number: 0 };
        let open = objective.open(line, &[0.0, 0.4, 1.0], Precision::F64)?;
        assert_eq!((open.units(), open.points(), open.samples(2)), (3, 3, 4));
        let all = open.unit_losses(&[0, 1, 2], &[0, 1, 2])?;
        let some = open.unit_losses(&[2, 0], &[1])?;
        assert_eq!(some, [vec![all[2][1]], vec![all[0][1]]], "{policy}");
        let sum = |point: usize| (all[0][point] + all[1][point]) + all[2][point];
        let means = [0, 1, 2].map(|point| sum(point) / 12.0);
        assert_eq!(open.losses()?, means, "{policy}");
    }
    Ok(())
}

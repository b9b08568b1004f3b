//! Gradient descent against closed forms: L(alpha) = L_0 - alpha eta ‖g‖² + alpha² eta² g'Hg / 2.
//!
//! For softmax regression H = mean_i (diag p_i - p_i p_i') ⊗ x_i x_i', with x_i the pixels and an
//! appended 1 for the bias. Along g the logits of sample i move by s_i = G x_i, so every derivative
//! of the loss is a mean of cumulants of s_i under p_i: the variance is g'Hg, the third one
//! says how much the expansion leaves out.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use losswalk::data;
use losswalk::parameters::Tensors;

use crate::lab::{Lab, finite, lines, steps};
use crate::quadratic::{self, CURVATURES, START, dot, times_hessian};

const SAMPLES: usize = 300;
const CLASSES: usize = 10;
const RATE: f64 = 1e-2;

/// One sample: its pixels with an appended 1, and its label.
struct Sample {
    x: Vec<f64>,
    label: usize,
}

fn samples() -> Vec<Sample> {
    let digits = data::load("digits", None).unwrap();
    let sample = |i: usize| {
        let mut x: Vec<f64> = digits.images()[64 * i..64 * (i + 1)]
            .iter()
            .map(|&pixel| f64::from(pixel) / 16.0 - 0.5)
            .collect();
        x.push(1.0);
        Sample { x, label: usize::from(digits.labels()[i]) }
    };
    (0..SAMPLES).map(sample).collect()
}

/// One row for each class, over the pixels and the bias.
type Matrix = Vec<Vec<f64>>;

fn product(matrix: &Matrix, x: &[f64]) -> Vec<f64> {
    matrix.iter().map(|row| dot(row, x)).collect()
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let exponentials: Vec<f64> = logits.iter().map(|z| z.exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.iter().map(|e| e / sum).collect()
}

/// What the closed form needs at one theta.
struct Expansion {
    loss: f64,
    squared_norm: f64,
    /// g'Hg.
    curvature: f64,
    /// At least |third derivative along g|: the mean over samples of |s - mean s|³ under p.
    third: f64,
}

fn expand(theta: &Matrix, samples: &[Sample]) -> Expansion {
    let n = samples.len() as f64;
    let probabilities: Vec<_> =
        samples.iter().map(|sample| softmax(&product(theta, &sample.x))).collect();
    let (mut loss, mut gradient) = (0.0, vec![vec![0.0; 65]; CLASSES]);
    for (Sample { x, label }, p) in samples.iter().zip(&probabilities) {
        loss -= p[*label].ln() / n;
        for class in 0..CLASSES {
            let residual = p[class] - f64::from(u8::from(class == *label));
            gradient[class].iter_mut().zip(x).for_each(|(g, x)| *g += residual * x / n);
        }
    }
    let (mut curvature, mut third) = (0.0, 0.0);
    for (sample, p) in samples.iter().zip(&probabilities) {
        let s = product(&gradient, &sample.x);
        let mean = dot(p, &s);
        let moment = |power: i32| {
            p.iter().zip(&s).map(|(p, s)| p * (s - mean).abs().powi(power)).sum::<f64>()
        };
        curvature += moment(2) / n;
        third += moment(3) / n;
    }
    let squared_norm = gradient.iter().map(|row| dot(row, row)).sum();
    Expansion { loss, squared_norm, curvature, third }
}

fn read_theta(path: &std::path::Path) -> Matrix {
    let file = Tensors::read(path).unwrap();
    assert!(!file.single, "saved in 64 bits");
    let (weight, bias) = (&file.entries["fc1.weight"].1, &file.entries["fc1.bias"].1);
    weight.chunks(64).zip(bias).map(|(row, &bias)| [row, &[bias]].concat()).collect()
}

#[test]
fn softmax_regression_follows_its_second_order_expansion_along_every_update() {
    let lab = Lab::new();
    let (count, rate) =
        (format!("data.train_samples={SAMPLES}"), format!("train.learning_rate={RATE}"));
    let settings = [
        "model.hidden=[]",
        "train.optimizer=gd",
        "train.epochs=4",
        "train.precision=f64",
        "evaluation.precision=f64",
        "train.save_iterates=true",
        &count,
        &rate,
    ];
    let run = lab.done("run", &settings);
    let samples = samples();
    for (step, line) in steps(&run).iter().zip(&lines(&run)) {
        let theta = read_theta(&run.join(format!("iterates/step-{:08}.safetensors", step.step)));
        let Expansion { loss, squared_norm, curvature, third } = expand(&theta, &samples);
        let close = |found: f64, expected: f64| (found / expected - 1.0).abs() < 1e-12;
        assert!(close(step.grad_norm.unwrap(), squared_norm.sqrt()));
        assert!(close(step.batch_loss.unwrap(), loss));
        // The part of the change that the cubic term can have, and the part of the quadratic one.
        let cubic = RATE * RATE * third / (6.0 * squared_norm);
        let quadratic = RATE * curvature / (2.0 * squared_norm);
        assert!(cubic < 0.9e-6 && quadratic > 1e-4, "cubic {cubic:e}, quadratic {quadratic:e}");
        let losses = finite(&line.losses);
        for (&alpha, found) in line.alphas.iter().zip(&losses).skip(1) {
            let t = alpha * RATE;
            let expected = -t * squared_norm + t * t * curvature / 2.0;
            let error = ((found - losses[0]) / expected - 1.0).abs();
            assert!(error <= 1e-6, "step {} alpha {alpha}: {error:e}", step.step);
        }
    }
    assert_eq!(lines(&run).len(), 4);
}

/// The alignment g'Hg / ‖g‖² at the quadratic's start.
fn alignment() -> f64 {
    let g = times_hessian(&START);
    dot(&g, &times_hessian(&g)) / dot(&g, &g)
}

#[test]
fn the_floor_is_inside_the_step_iff_alignment_exceeds_1_over_eta() {
    for ratio in [0.3, 0.9, 0.98, 1.02, 1.1, 1.9, 2.5] {
        let line = first_line(ratio);
        let inside = line.verdict.floor_alpha.unwrap() < 1.0;
        assert_eq!(inside, ratio > 1.0, "eta times alignment = {ratio}");
        // alpha* = 1 / (eta alignment), on a grid of 200 points.
        let expected = f64::min(1.0, 1.0 / ratio);
        assert!((line.verdict.floor_alpha.unwrap() - expected).abs() <= 0.5 / 200.0 + 1e-12);
    }
}

#[test]
fn the_loss_rises_over_a_step_iff_alignment_exceeds_2_over_eta() {
    for ratio in [0.3, 1.1, 1.9, 1.999, 2.001, 2.1, 4.0] {
        let line = first_line(ratio);
        let rises = line.losses.last().unwrap() > &line.losses[0];
        assert_eq!(rises, ratio > 2.0, "eta times alignment = {ratio}");
    }
}

/// The first line of gradient descent on the quadratic with eta = ratio / alignment.
fn first_line(ratio: f64) -> losswalk::run::LineRecord {
    assert!(alignment() > CURVATURES[0] && alignment() < CURVATURES[3]);
    let rate = format!("train.learning_rate={}", ratio / alignment());
    let settings = ["train.optimizer=gd", "measure.points=200", &rate];
    let walked = quadratic::walked(&quadratic::plan(&settings));
    walked.folder.lines().unwrap().remove(0)
}

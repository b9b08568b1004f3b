//! Softmax regression and quadratics, whose losses along a step are known in closed form.
//!
//! L(alpha) = L_0 - alpha eta |g|² + alpha² eta² g'Hg / 2 (+ a cubic term for softmax).

use losswalk::data::load;
use losswalk::experiment::{Precision, parse};
use losswalk::network::StateDictError;
use losswalk::objective::{Batch, Gradient, Interrupt, Line, Objective, ObjectiveError, Point};
use losswalk::run::{Manifest, RunFolder, Tensors};
use losswalk::walk::{Event, Observer, Outcome, Plan, WalkError, walk};

use crate::program::{Run, TestResult};

const SAMPLES: usize = 200;
const CLASSES: usize = 10;
/// 64 pixels and a constant 1 for the bias.
const INPUTS: usize = 65;

/// g and g'Hg of softmax regression at theta, [INPUTS, CLASSES] with the bias in the last row, from
/// H = mean_i (diag p_i - p_i p_i') (x) x_i x_i'.
fn softmax_regression(theta: &[f64]) -> TestResult<(Vec<f64>, f64)> {
    let digits = load("digits", None)?.truncated(SAMPLES)?;
    let inputs = |i: usize| {
        let mut x: Vec<f64> = digits.pixels(&[i as u32]);
        x.push(1.0);
        x
    };
    let logits = |weights: &[f64], x: &[f64]| -> Vec<f64> {
        let logit = |c: usize| (0..INPUTS).map(|j| x[j] * weights[j * CLASSES + c]).sum();
        (0..CLASSES).map(logit).collect()
    };
    let probabilities = |x: &[f64]| -> Vec<f64> {
        let exponentials: Vec<f64> = logits(theta, x).into_iter().map(f64::exp).collect();
        let sum: f64 = exponentials.iter().sum();
        exponentials.into_iter().map(|e| e / sum).collect()
    };
    let mut gradient = vec![0.0; INPUTS * CLASSES];
    for i in 0..SAMPLES {
        let (x, label) = (inputs(i), usize::from(digits.label(i as u32)));
        let p = probabilities(&x);
        for (j, x) in x.iter().enumerate() {
            for c in 0..CLASSES {
                let error = p[c] - f64::from(u8::from(c == label));
                gradient[j * CLASSES + c] += x * error / SAMPLES as f64;
            }
        }
    }
    let mut curvature = 0.0;
    for i in 0..SAMPLES {
        let x = inputs(i);
        let (p, v) = (probabilities(&x), logits(&gradient, &x));
        let mean: f64 = p.iter().zip(&v).map(|(p, v)| p * v).sum();
        curvature += p.iter().zip(&v).map(|(p, v)| p * (v - mean).powi(2)).sum::<f64>();
    }
    Ok((gradient, curvature / SAMPLES as f64))
}

#[test]
fn a_small_step_of_softmax_regression_follows_its_closed_form() -> TestResult {
    let folder = tempfile::tempdir()?;
    // The cubic term relative to the linear one is about eta² |g|² |x|² / 6 < 1e-7 at this rate.
    let (rate, samples) = (1e-5, format!("data.train_samples={SAMPLES}"));
    let settings = [
        "model.hidden=[]",
        "train.optimizer=gd",
        "train.epochs=3",
        "train.learning_rate=1e-5",
        "train.precision=f64",
        "evaluation.precision=f64",
        "train.save_iterates=true",
        &samples,
    ];
    let run = Run::new(folder.path().join("r"), &settings);
    assert_eq!(run.ends(&[])?.0, 0);
    for (line, step) in run.lines()?.iter().zip(run.steps()?) {
        let file = Tensors::read(&run.folder()?.iterate(line.step))?;
        let (weight, bias) = (&file.entries["fc1.weight"].1, &file.entries["fc1.bias"].1);
        // Files hold [classes, inputs].
        let entry = |j: usize, c: usize| if j < 64 { weight[c * 64 + j] } else { bias[c] };
        let theta: Vec<f64> =
            (0..INPUTS * CLASSES).map(|k| entry(k / CLASSES, k % CLASSES)).collect();
        let (gradient, curvature) = softmax_regression(&theta)?;
        let square: f64 = gradient.iter().map(|g| g * g).sum();
        let norm = step.grad_norm.ok_or("no gradient")?;
        assert!((norm - square.sqrt()).abs() < 1e-12 * norm, "{norm} for {}", square.sqrt());
        let losses: Vec<f64> = line.losses.iter().flatten().copied().collect();
        for (alpha, loss) in line.alphas.iter().zip(&losses).skip(1) {
            let expected = -alpha * rate * square + (alpha * rate).powi(2) * curvature / 2.0;
            let found = loss - losses[0];
            // Differences of losses of order one carry rounding errors of 1e-16 themselves.
            let bound = 1e-6 * expected.abs() + 1e-14;
            assert!((found - expected).abs() < bound, "{found:e} for {expected:e}");
            assert!(bound < 0.01 * expected.abs(), "the bound must be small beside the effect");
        }
    }
    Ok(())
}

/// L(theta) = sum_i h_i theta_i² / 2; `flaw` spoils its evaluation.
struct Quadratic {
    curvatures: Vec<f64>,
    flaw: Flaw,
}

#[derive(Clone, Copy, PartialEq)]
enum Flaw {
    None,
    /// Another value at every call.
    Restless,
    /// Not finite strictly inside a line.
    Hole,
}

impl Quadratic {
    fn loss(&self, theta: &[f64]) -> f64 {
        self.curvatures.iter().zip(theta).map(|(h, x)| h * x * x / 2.0).sum()
    }
}

impl Objective for Quadratic {
    fn dimension(&self) -> usize {
        self.curvatures.len()
    }

    fn samples(&self) -> usize {
        4
    }

    fn gradient(&self, at: &Point, _: Batch) -> Result<Gradient, ObjectiveError> {
        let gradient = self.curvatures.iter().zip(&at.theta).map(|(h, x)| h * x).collect();
        Ok(Gradient { loss: self.loss(&at.theta), gradient, buffers: Vec::new() })
    }

    fn losses(&self, line: Line, alphas: &[f64], _: Precision) -> Result<Vec<f64>, ObjectiveError> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static CALLS: AtomicU64 = AtomicU64::new(0);
        let noise = match self.flaw {
            Flaw::Restless => CALLS.fetch_add(1, Ordering::Relaxed) as f64 * 1e-15,
            _ => 0.0,
        };
        let at = |alpha: f64| -> f64 {
            let pairs = line.from.theta.iter().zip(&line.to.theta);
            let theta: Vec<f64> = pairs.map(|(a, b)| (1.0 - alpha) * a + alpha * b).collect();
            if self.flaw == Flaw::Hole && alpha == 0.5 {
                f64::NAN
            } else {
                self.loss(&theta) + noise
            }
        };
        Ok(alphas.iter().map(|&alpha| at(alpha)).collect())
    }

    fn import(&self, file: &Tensors) -> Result<Point, StateDictError> {
        Ok(Point { theta: file.entries["theta"].1.clone(), buffers: Vec::new() })
    }
}

struct Silent;

impl Observer for Silent {
    fn begin(&mut self, _: u64, _: u64) {}

    fn step(&mut self, _: Event) {}
}

/// Walks a quadratic with curvatures 0.5 and 3 from (1, 1) at rate eta.
fn walk_quadratic(
    path: &std::path::Path,
    rate: f64,
    flaw: Flaw,
) -> TestResult<(RunFolder, Result<Outcome, WalkError>)> {
    let text = format!(
        "[data]\nname = 'digits'\n[model]\narch = 'mlp'\nhidden = []\n[train]\noptimizer = 'gd'\n\
         learning_rate = {rate}\nepochs = 5\nprecision = 'f64'\n[evaluation]\nprecision = 'f64'\n\
         [[measure]]\nkind = 'line'\npoints = 4\n"
    );
    let plan = Plan::new(&parse(&text, "quadratic.toml", "quadratic", &[])?, 4);
    let manifest = Manifest { name: "quadratic".to_owned(), samples: 4, ..Manifest::default() };
    let folder = match RunFolder::open(path) {
        Ok(_) => RunFolder::resume(path)?,
        Err(_) => RunFolder::create(path, &manifest, &text)?,
    };
    let objective = Quadratic { curvatures: vec![0.5, 3.0], flaw };
    let start = Point { theta: vec![1.0, 1.0], buffers: Vec::new() };
    let result = walk(&objective, &plan, start, &folder, &Interrupt::default(), &mut Silent);
    Ok((folder, result))
}

#[test]
fn a_walk_on_a_quadratic_is_its_closed_form() -> TestResult {
    let close = |found: Option<f64>, expected: f64| {
        let found = found.unwrap_or(f64::NAN);
        assert!((found - expected).abs() <= 1e-12 * expected.abs(), "{found} for {expected}");
    };
    // 2/3 is the largest stable rate: below, SGD bounces in the sharp direction; above, it climbs.
    for rate in [0.3, 0.6, 0.7] {
        let folder = tempfile::tempdir()?;
        let (run, outcome) = walk_quadratic(&folder.path().join("r"), rate, Flaw::None)?;
        assert_eq!(outcome?, Outcome::Done);
        let (mut x, mut y, mut path) = (1.0f64, 1.0f64, 0.0);
        let mut before: Option<(f64, f64)> = None;
        for (step, line) in run.steps()?.iter().zip(run.lines()?) {
            let (gx, gy) = (0.5 * x, 3.0 * y);
            let square = gx * gx + gy * gy;
            let curvature = 0.5 * gx * gx + 3.0 * gy * gy;
            let start = 0.25 * x * x + 1.5 * y * y;
            for (alpha, loss) in line.alphas.iter().zip(&line.losses) {
                let s = alpha * rate;
                close(*loss, start - s * square + s * s * curvature / 2.0);
            }
            let best = square / (rate * curvature);
            let alpha = line.floor_alpha.unwrap_or(f64::NAN);
            assert!((alpha - best.min(1.0)).abs() <= 0.125, "nearest of the five points");
            assert_eq!(line.barrier, Some(false), "a convex function has no barrier");
            let rises = line.losses[4] > line.losses[0];
            assert_eq!(rises, curvature / square > 2.0 / rate);
            close(step.grad_norm, square.sqrt());
            match before {
                None => assert_eq!(step.cosine, None),
                Some((hx, hy)) => {
                    let product = gx * hx + gy * hy;
                    close(step.cosine, product / (square * (hx * hx + hy * hy)).sqrt());
                }
            }
            before = Some((gx, gy));
            (x, y, path) = (x - rate * gx, y - rate * gy, path + rate * square.sqrt());
            close(step.distance, ((x - 1.0).powi(2) + (y - 1.0).powi(2)).sqrt());
            close(step.path_length, path);
        }
        let records = std::fs::read(run.steps_log())?;
        drop(run);
        let (run, outcome) = walk_quadratic(&folder.path().join("r"), rate, Flaw::None)?;
        assert_eq!(outcome?, Outcome::Done);
        assert!(std::fs::read(run.steps_log())? == records, "a finished walk adds nothing");
    }
    Ok(())
}

#[test]
fn a_loss_that_is_no_function_is_refused() -> TestResult {
    let folder = tempfile::tempdir()?;
    let (run, outcome) = walk_quadratic(&folder.path().join("r"), 0.3, Flaw::Restless)?;
    assert!(matches!(outcome, Err(WalkError::NotDeterministic { .. })));
    assert!(run.lines()?.is_empty());
    Ok(())
}

#[test]
fn a_loss_that_is_not_finite_is_null_and_explained() -> TestResult {
    let folder = tempfile::tempdir()?;
    let (run, outcome) = walk_quadratic(&folder.path().join("r"), 0.3, Flaw::Hole)?;
    assert_eq!(outcome?, Outcome::Done);
    let line = &run.lines()?[0];
    assert_eq!((line.losses[2], line.barrier, line.floor_loss), (None, None, None));
    assert!(line.losses[1].is_some());
    assert!(run.manifest()?.problems.iter().any(|problem| problem.step == 0));
    Ok(())
}

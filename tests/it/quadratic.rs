//! A quadratic with known answers, walked through the whole program: records equal closed forms.
//!
//! L(theta) = theta'H theta / 2 with diagonal H; sample i adds b_i'theta, and the b_i sum to zero, so
//! that mini-batch gradients H theta + mean b_i differ from the full one. In exact arithmetic a step
//! d changes the loss along it by alpha d'H theta + alpha^2 d'Hd/2.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use losswalk::experiment::{self};
use losswalk::objective::{
    Computed, Directional, Gradient, Line, LineEvaluation, Loss, Objective, ObjectiveError, Point,
};
use losswalk::precision::Precision;
use losswalk::run::{LineRecord, Manifest, RunFolder, Status, StepRecord};
use losswalk::walk::{Event, Observer, Outcome, Plan, WalkError, walk};
use tempfile::TempDir;

use crate::lab::finite;

pub const CURVATURES: [f64; 4] = [0.5, 1.0, 3.0, 10.0];
pub const START: [f64; 4] = [1.0, -2.0, 0.5, 0.3];
/// b_i.
const TILTS: [[f64; 4]; 4] =
    [[0.3, -0.1, 0.2, 0.4], [-0.2, 0.5, -0.7, 0.1], [0.4, -0.6, 0.1, -0.3], [-0.5, 0.2, 0.4, -0.2]];

/// What a test may do to the losses of a line: called with alpha and the loss.
type Fault = fn(f64, f64) -> f64;

pub struct Quadratic {
    fault: Fault,
}

impl Quadratic {
    pub const SOUND: Self = Self { fault: |_, loss| loss };
}

pub fn loss(theta: &[f64]) -> f64 {
    theta.iter().zip(CURVATURES).map(|(x, h)| 0.5 * h * x * x).sum()
}

/// H v.
pub fn times_hessian(v: &[f64]) -> Vec<f64> {
    v.iter().zip(CURVATURES).map(|(x, h)| h * x).collect()
}

pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Objective for Quadratic {
    fn dimension(&self) -> usize {
        CURVATURES.len()
    }

    fn samples(&self) -> usize {
        TILTS.len()
    }

    fn gradient(&self, at: &Point, of: Loss, _: Precision) -> Result<Gradient, ObjectiveError> {
        let samples = samples_of(of);
        let mean = |i: usize| {
            samples.iter().map(|&s| TILTS[s as usize][i]).sum::<f64>() / samples.len() as f64
        };
        let tilt: Vec<f64> = (0..CURVATURES.len()).map(mean).collect();
        let gradient = times_hessian(&at.theta).iter().zip(&tilt).map(|(g, b)| g + b).collect();
        let loss = loss(&at.theta) + dot(&tilt, &at.theta);
        Ok(Gradient { loss, gradient, buffers: Vec::new() })
    }

    fn open<'a>(
        &'a self,
        line: Line<'a>,
        alphas: &[f64],
        _: Precision,
    ) -> Result<Box<dyn LineEvaluation + 'a>, ObjectiveError> {
        let ends = || line.from.theta.iter().zip(&line.to.theta);
        let at = |alpha: f64| ends().map(|(a, b)| a + alpha * (b - a)).collect::<Vec<_>>();
        let losses = alphas.iter().map(|&alpha| (self.fault)(alpha, loss(&at(alpha)))).collect();
        Ok(Box::new(Computed(losses)))
    }

    fn directional(
        &self,
        at: &Point,
        of: Loss,
        directions: &[&[f64]],
        _: Precision,
    ) -> Result<Vec<Directional>, ObjectiveError> {
        let samples = samples_of(of);
        let along = |u: &&[f64]| {
            let tilts: Vec<f64> = samples.iter().map(|&s| dot(u, &TILTS[s as usize])).collect();
            let mean = tilts.iter().sum::<f64>() / tilts.len() as f64;
            let squares: f64 = tilts.iter().map(|tilt| (tilt - mean).powi(2)).sum();
            let slope = dot(u, &times_hessian(&at.theta)) + mean;
            let curvature = dot(u, &times_hessian(u));
            let covariance = squares / tilts.len() as f64;
            let residual = curvature - covariance - slope * slope;
            Directional { loss: loss(&at.theta), slope, curvature, covariance, residual }
        };
        Ok(directions.iter().map(along).collect())
    }

    fn hessian_product(
        &self,
        _: &Point,
        direction: &[f64],
        _: Precision,
    ) -> Result<Vec<f64>, ObjectiveError> {
        Ok(times_hessian(direction))
    }
}

fn samples_of(loss: Loss) -> Vec<u32> {
    match loss {
        Loss::Batch { samples, .. } => samples.to_vec(),
        Loss::Measured => (0..TILTS.len() as u32).collect(),
    }
}

/// Adds up the work that it hears of.
#[derive(Debug, Default)]
pub struct Heard {
    all: u64,
    done: u64,
    /// The work within each measurement at a point, as it was heard of.
    pub measuring: BTreeMap<String, Vec<u64>>,
}

impl Observer for Heard {
    fn begin(&mut self, all: u64, done: u64) {
        (self.all, self.done) = (all, done);
    }

    fn step(&mut self, event: Event) {
        self.done += event.work;
    }

    fn measuring(&mut self, what: &str, work: u64) {
        self.done += work;
        self.measuring.entry(what.to_owned()).or_default().extend((work > 0).then_some(work));
    }
}

/// A plan on the quadratic's samples: every step measured at ten points, 64 bits throughout.
pub fn plan(settings: &[&str]) -> Plan {
    let text = "[data]\nname = 'digits'\n[model]\narch = 'mlp'\nhidden = []\n[train]\n\
                precision = 'f64'\n[evaluation]\nprecision = 'f64'\n[[measure]]\nkind = 'line'\n";
    let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
    Plan::new(&experiment::parse(text, "test.toml", "test", &settings).unwrap(), TILTS.len())
}

/// A run folder of its own for a walk.
pub struct Walked {
    _temporary: TempDir,
    pub folder: RunFolder,
}

impl Walked {
    pub fn new(plan: &Plan) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let manifest = Manifest { total_steps: plan.total_steps(), ..Manifest::default() };
        let path = temporary.path().join("run");
        let folder = RunFolder::create(&path, &manifest, "").unwrap();
        Self { _temporary: temporary, folder }
    }

    pub fn walk(&self, objective: &impl Objective, plan: &Plan) -> Result<Outcome, WalkError> {
        self.walk_before(&mut Heard::default(), objective, plan)
    }

    /// Walks before an observer, who in the end has heard of all work.
    fn walk_before(
        &self,
        heard: &mut Heard,
        objective: &impl Objective,
        plan: &Plan,
    ) -> Result<Outcome, WalkError> {
        let start = Point { theta: START.to_vec().into(), buffers: Vec::new() };
        let outcome = walk(objective, plan, start, &self.folder, heard)?;
        if outcome == Outcome::Done {
            assert_eq!(heard.done, heard.all);
        }
        Ok(outcome)
    }
}

/// What is heard of a walk of the sound quadratic.
pub fn heard(plan: &Plan) -> Heard {
    let mut heard = Heard::default();
    Walked::new(plan).walk_before(&mut heard, &Quadratic::SOUND, plan).unwrap();
    heard
}

/// Walks the sound quadratic to the end.
pub fn walked(plan: &Plan) -> Walked {
    let walked = Walked::new(plan);
    assert_eq!(walked.walk(&Quadratic::SOUND, plan).unwrap(), Outcome::Done);
    walked
}

#[track_caller]
pub fn near(found: Option<f64>, expected: f64) {
    near_at(found, expected, expected.abs());
}

/// Equal to 1e-12 of `scale`: that of the losses, for a difference of them.
#[track_caller]
pub fn near_at(found: Option<f64>, expected: f64, scale: f64) {
    let found = found.unwrap();
    assert!((found - expected).abs() <= 1e-12 * scale, "{found} instead of {expected}");
}

/// Checks a line against L_0 + alpha d'H theta + alpha^2 d'Hd/2, to 1e-12 of its largest term.
fn check_line(line: &LineRecord, theta: &[f64], d: &[f64]) {
    let slope = dot(d, &times_hessian(theta));
    let curvature = dot(d, &times_hessian(d));
    let near = |found, expected| near_at(found, expected, loss(theta).max(curvature / 2.0));
    let at = |alpha: f64| loss(theta) + alpha * slope + alpha * alpha * curvature / 2.0;
    let expected: Vec<f64> = line.alphas.iter().map(|&alpha| at(alpha)).collect();
    line.losses.iter().zip(&expected).for_each(|(&found, &expected)| near(found, expected));

    let (first, last) = (expected[0], expected[10]);
    let highest = expected[1..10].iter().copied().fold(f64::NEG_INFINITY, f64::max);
    near(line.verdict.barrier_height, highest - first.max(last));
    near(line.verdict.barrier_height_mean, highest - (first + last) / 2.0);
    // A parabola is lowest on the grid at the point nearest to its vertex.
    let nearest = (10.0 * (-slope / curvature).clamp(0.0, 1.0)).round() / 10.0;
    assert_eq!(line.verdict.floor_alpha, Some(nearest));
    near(line.verdict.floor_loss, at(nearest));
    assert_eq!(line.verdict.barrier, Some(false), "a convex function has no barrier");
}

const RATE: f64 = 0.25;

/// The walk of plain SGD at [`RATE`], computed here.
struct Walk {
    theta: Vec<f64>,
    previous: Option<Vec<f64>>,
    path: f64,
}

fn length(v: &[f64]) -> f64 {
    dot(v, v).sqrt()
}

/// mean b_i over some samples.
pub fn mean_tilt(samples: &[u32]) -> Vec<f64> {
    let sum = |i: usize| samples.iter().map(|&sample| TILTS[sample as usize][i]).sum::<f64>();
    (0..4).map(|i| sum(i) / samples.len() as f64).collect()
}

impl Walk {
    /// Checks the records of a step on `samples`, and takes it.
    fn check_step(&mut self, step: &StepRecord, line: &LineRecord, samples: &[u32]) {
        let (theta, tilt) = (&self.theta, mean_tilt(samples));
        let g: Vec<f64> = times_hessian(theta).iter().zip(&tilt).map(|(h, b)| h + b).collect();
        let d: Vec<f64> = g.iter().map(|g| -RATE * g).collect();
        let end: Vec<f64> = theta.iter().zip(&d).map(|(x, d)| x + d).collect();
        let travelled: Vec<f64> = end.iter().zip(START).map(|(x, start)| x - start).collect();
        self.path += length(&d);
        near(step.batch_loss, loss(theta) + dot(&tilt, theta));
        near(step.grad_norm, length(&g));
        near(step.update_norm, length(&d));
        near(step.distance, length(&travelled));
        near(step.path_length, self.path);
        near(step.param_norm, length(&end));
        match &self.previous {
            None => assert_eq!(step.cosine, None),
            Some(before) => {
                near_at(step.cosine, dot(before, &g) / (length(before) * length(&g)), 1.0);
            }
        }
        check_line(line, theta, &d);
        (self.theta, self.previous) = (end, Some(g));
    }
}

#[test]
fn every_record_of_sgd_on_a_quadratic_equals_its_closed_form() {
    // 2 / 0.25 = 8 lies below the largest curvature: that direction overshoots and diverges slowly.
    let rate = format!("train.learning_rate={RATE}");
    let plan = plan(&[&rate, "train.batch_size=3", "train.epochs=5", "train.seed=3"]);
    let walked = walked(&plan);
    let (steps, lines) = (walked.folder.steps().unwrap(), walked.folder.lines().unwrap());
    assert_eq!((steps.len(), lines.len()), (10, 10));
    let mut walk = Walk { theta: START.to_vec(), previous: None, path: 0.0 };
    for (step, line) in steps.iter().zip(&lines) {
        let place = plan.place(step.step);
        let samples = &plan.epoch_order(place.epoch)[plan.batch_range(place)];
        assert_eq!(samples.len(), if place.iteration == 0 { 3 } else { 1 });
        walk.check_step(step, line, samples);
    }
    let rises = |line: &&LineRecord| line.losses[10] > line.losses[0];
    let inside = |line: &&LineRecord| (0.05..0.95).contains(&line.verdict.floor_alpha.unwrap());
    assert!(lines.iter().filter(rises).count() > 0 && lines.iter().filter(inside).count() > 0);
}

#[test]
fn weight_decay_and_momentum_move_theta_and_stay_out_of_recorded_gradients() {
    let settings = [
        "train.optimizer=gd",
        "train.learning_rate=0.1",
        "train.epochs=4",
        "train.momentum=0.9",
        "train.weight_decay=0.2",
    ];
    let steps = walked(&plan(&settings)).folder.steps().unwrap();
    let (mut theta, mut v, mut previous) = (START, [0.0; 4], None::<Vec<f64>>);
    for step in &steps {
        let g: Vec<f64> = times_hessian(&theta);
        near(step.grad_norm, length(&g));
        let cosine = previous.map(|before| dot(&before, &g) / (length(&before) * length(&g)));
        assert_eq!(step.cosine.is_some(), cosine.is_some());
        cosine.iter().for_each(|&expected| near_at(step.cosine, expected, 1.0));
        for i in 0..4 {
            v[i] = 0.9 * v[i] + g[i] + 0.2 * theta[i];
            theta[i] -= 0.1 * v[i];
        }
        near(step.param_norm, length(&theta));
        near(step.update_norm, 0.1 * length(&v));
        previous = Some(g);
    }
    assert_eq!(steps.len(), 4);
}

#[test]
fn a_loss_that_is_not_deterministic_is_refused_before_the_first_step() {
    use std::sync::atomic::{AtomicU64, Ordering};
    static CALLS: AtomicU64 = AtomicU64::new(0);
    // The last bit changes from call to call.
    let fault: Fault =
        |_, loss| f64::from_bits(loss.to_bits() ^ CALLS.fetch_add(1, Ordering::SeqCst) & 1);
    let plan = plan(&["train.optimizer=gd"]);
    let walked = Walked::new(&plan);
    let error = walked.walk(&Quadratic { fault }, &plan).unwrap_err();
    assert!(matches!(error, WalkError::NotDeterministic { .. }), "{error}");
    assert!(walked.folder.steps().unwrap().is_empty());
    assert_eq!(walked.folder.manifest().unwrap().status, Status::Interrupted);
}

#[test]
fn a_loss_that_is_not_finite_within_a_step_is_null_and_explained() {
    let fault: Fault = |alpha, loss| if (0.35..0.65).contains(&alpha) { f64::NAN } else { loss };
    let plan = plan(&["train.optimizer=gd", "train.epochs=2", "train.learning_rate=0.1"]);
    let walked = Walked::new(&plan);
    assert_eq!(walked.walk(&Quadratic { fault }, &plan).unwrap(), Outcome::Done);
    let lines = walked.folder.lines().unwrap();
    for line in &lines {
        let nulls: Vec<usize> = (0..11).filter(|&k| line.losses[k].is_none()).collect();
        assert_eq!(nulls, [4, 5, 6]);
        let verdicts =
            (line.verdict.barrier, line.verdict.barrier_height, line.verdict.barrier_height_mean);
        assert_eq!(verdicts, (None, None, None));
        assert_eq!((line.verdict.floor_loss, line.verdict.floor_alpha), (None, None));
    }
    let manifest = walked.folder.manifest().unwrap();
    let explained: Vec<u64> = manifest.problems.iter().map(|problem| problem.step).collect();
    assert_eq!((lines.len(), explained), (2, vec![0, 1]));
    assert!(manifest.problems[0].message.contains("not finite"));
}

#[test]
fn walking_a_finished_run_again_appends_nothing() {
    let plan = plan(&["train.optimizer=gd", "train.epochs=3", "train.learning_rate=0.1"]);
    let walked = walked(&plan);
    let before = crate::lab::records(walked.folder.path());
    assert_eq!(walked.walk(&Quadratic::SOUND, &plan).unwrap(), Outcome::Done);
    assert_eq!(crate::lab::records(walked.folder.path()), before);
    assert_eq!(finite(&walked.folder.lines().unwrap()[2].losses).len(), 11);
}

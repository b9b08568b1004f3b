//! Optimisers and schedules: fifty steps as PyTorch takes them (`tests/reference/golden_optimizers.py`
//! made the values), what a checkpoint keeps of them, and the full set under any of them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use losswalk::experiment::parse;
use losswalk::objective::Point;
use losswalk::run::{Checkpoint, SpectrumRecord};
use losswalk::walk::{Plan, State};
use serde::Deserialize;

use crate::quadratic::{Quadratic, START, near, plan, times_hessian, walked};

#[derive(Deserialize)]
struct Golden {
    /// `[train]`.
    train: String,
    /// The learning rate of every step.
    rates: Vec<f64>,
    /// theta after every tenth.
    path: Vec<Vec<f64>>,
}

const STEPS: u64 = 50;
const KEPT: u64 = 10;

fn golden() -> Vec<Golden> {
    serde_json::from_str(include_str!("../golden/optimizers.json")).unwrap()
}

/// A step an epoch.
fn plan_of(train: &str, precision: &str) -> Plan {
    let text = format!(
        "[data]\nname = 'digits'\n[model]\narch = 'mlp'\n[train]\nepochs = {STEPS}\n\
         sampling = 'full'\nprecision = '{precision}'\n{train}"
    );
    Plan::new(&parse(&text, "test.toml", "test", &[]).unwrap(), 1)
}

fn start(plan: &Plan) -> State {
    let theta = (0..5).map(|i| f64::from(i * i + 1).sin()).collect();
    State::start(Point { theta, buffers: Vec::new() }, plan.train.precision)
}

fn step(state: &mut State, plan: &Plan) {
    let t = state.step as f64;
    let slope = |(i, theta): (usize, &f64)| {
        let i = i as f64;
        (i + 1.0) * theta / 2.0 + 0.3 * (t + i * i).sin()
    };
    let gradient = state.point.theta.iter().enumerate().map(slope).collect();
    state.advance(gradient, Vec::new(), &plan.train, plan.learning_rate(state.step));
}

#[test]
fn fifty_steps_of_every_optimizer_and_schedule_are_those_of_pytorch() {
    let cases = golden();
    assert_eq!(cases.len(), 12);
    for Golden { train, rates, path } in cases {
        let plan = plan_of(&train, "f64");
        let mut state = start(&plan);
        assert_eq!((rates.len() as u64, path.len() as u64), (STEPS, STEPS / KEPT));
        for rate in rates {
            near(Some(plan.learning_rate(state.step)), rate);
            step(&mut state, &plan);
            if state.step.is_multiple_of(KEPT) {
                let expected = &path[(state.step / KEPT) as usize - 1];
                state.point.theta.iter().zip(expected).for_each(|(x, y)| near(Some(*x), *y));
            }
        }
    }
}

#[test]
fn a_checkpoint_keeps_all_that_an_optimizer_carries_in_both_precisions() {
    let folder = tempfile::tempdir().unwrap();
    for (index, (case, precision)) in
        golden().iter().flat_map(|case| [(case, "f32"), (case, "f64")]).enumerate()
    {
        // The quadratic that exports and imports has four entries.
        let plan = plan_of(&case.train, precision);
        let mut state = start(&plan);
        state.point.theta = state.point.theta[..4].to_vec().into();
        (0..3).for_each(|_| step(&mut state, &plan));
        let folder = folder.path().join(index.to_string());
        state.to_checkpoint(&Quadratic::SOUND, plan.train.precision).save(&folder).unwrap();
        let loaded = Checkpoint::load_newest(&folder).unwrap().0.unwrap();
        let mut loaded = State::from_checkpoint(loaded, &Quadratic::SOUND).unwrap();
        assert_eq!(loaded, state, "{} in {precision}", case.train);
        assert!(loaded.update().unwrap().iter().all(|change| *change != 0.0));
        step(&mut state, &plan);
        step(&mut loaded, &plan);
        assert_eq!(loaded, state, "{} in {precision}", case.train);
    }
}

#[test]
fn a_carried_vector_of_another_length_is_refused_by_name() {
    let plan = plan_of("optimizer = 'adam'", "f64");
    let mut state = start(&plan);
    state.point.theta = state.point.theta[..4].to_vec().into();
    step(&mut state, &plan);
    let mut checkpoint = state.to_checkpoint(&Quadratic::SOUND, plan.train.precision);
    let moment = checkpoint.optimizer.entries.get_mut("second_moment").unwrap();
    *moment = (vec![3], vec![0.0; 3]);
    let error = State::from_checkpoint(checkpoint, &Quadratic::SOUND).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("`second_moment` of the optimiser must have 4 entries"), "{cause}");
}

#[test]
fn the_full_set_under_adam_is_the_gradient_of_the_measured_loss() {
    let settings = ["train.optimizer=adam", "train.sampling=full", "train.learning_rate=0.1"];
    let plan = plan(&settings);
    let steps = walked(&plan).folder.steps().unwrap();
    let g = times_hessian(&START);
    near(steps[0].grad_norm, g.iter().map(|g| g * g).sum::<f64>().sqrt());
    // The first step of Adam is eta g / (|g| + epsilon) in every entry.
    let square: f64 = g.iter().map(|g| (0.1 * g / (g.abs() + 1e-8)).powi(2)).sum();
    near(steps[0].update_norm, square.sqrt());
    assert_eq!((steps.len(), steps[0].batch_size), (1, Some(4)));
}

#[test]
fn the_learning_rate_recorded_and_that_of_the_spectrum_is_the_schedules() {
    let spectrum = "measure=[{kind='spectrum',top=1}]";
    let schedule = "train.schedule={kind='step',every=2,factor=0.5}";
    let settings = ["train.optimizer=gd", "train.epochs=4", schedule, spectrum];
    let walked = walked(&plan(&settings));
    let rates: Vec<_> =
        walked.folder.steps().unwrap().iter().map(|step| step.learning_rate).collect();
    assert_eq!(rates, [0.1, 0.1, 0.05, 0.05].map(Some));
    let stability: Vec<SpectrumRecord> = walked.folder.points().unwrap();
    // The largest curvature is 10; behind the last step, its rate.
    for (record, expected) in stability.iter().zip([1.0, 1.0, 0.5, 0.5, 0.5]) {
        near(record.learning_rate_times_lambda_max, expected);
    }
    assert_eq!(stability.len(), 5);
}

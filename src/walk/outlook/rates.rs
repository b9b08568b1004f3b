//! How fast this machine is, on the network of an experiment.

use std::time::{Duration, Instant};

use crate::experiment::{Data, Evaluation, Experiment, Measure, PointMeasure, Sampling};
use crate::objective::{Line, Loss, Objective, ObjectiveError, Point};
use crate::walk::cost::Extent;
use crate::walk::{Prepared, State};

/// How often work is repeated at least,
const FEW: usize = 5;
/// and for how long at least,
const LONG_ENOUGH: Duration = Duration::from_millis(200);
/// unless it takes longer than this.
const TOO_LONG: Duration = Duration::from_secs(3);
/// K where no line is measured: the evaluations are those after epochs.
const ONE_POINT: usize = 1;

/// Seconds of a unit of work; one that the experiment does not have is 0.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rates {
    /// Of a sample in a step of training.
    pub gradient: f64,
    /// Of a forward pass over a sample at one point of a line.
    pub forward: f64,
    /// Of a forward pass over a sample, as the cost of directions counts them.
    pub direction: f64,
    /// Of a forward pass over a sample, as the cost of products H v counts them.
    pub product: f64,
}

impl Rates {
    /// As much of an experiment as [`Rates::measure`] needs: as many samples as keep every thread busy
    /// with an evaluation batch, and fill a batch of training.
    pub fn excerpt(experiment: &Experiment, samples: usize, threads: usize) -> Experiment {
        let Evaluation { batch_size, .. } = experiment.evaluation;
        let of_training = match experiment.train.sampling {
            Sampling::Full => 0,
            _ => experiment.train.batch_size,
        };
        let batches = threads.max(of_training.div_ceil(batch_size));
        let count = batches.saturating_mul(batch_size).min(samples);
        let mut excerpt = experiment.clone().without_test();
        excerpt.data = Data { train_samples: Some(count), ..excerpt.data };
        excerpt.measure.clear();
        excerpt
    }

    /// Measures what an experiment needs, on its excerpt.
    ///
    /// Cost: up to three seconds for each kind of work, or one repetition of what takes longer.
    pub fn measure(experiment: &Experiment, excerpt: &Prepared) -> Result<Self, ObjectiveError> {
        let (objective, start) = (&excerpt.objective, excerpt.start());
        let samples = objective.samples();
        let precision = experiment.evaluation.precision;
        let extent = Extent::new(objective, &excerpt.plan);
        let each = |seconds: f64, work: u64| seconds / work as f64;

        let batch: Vec<u32> = (0..experiment.train.batch_size.min(samples) as u32).collect();
        let (of, seen) = match experiment.train.sampling {
            Sampling::Full => (Loss::Measured, samples),
            _ => (Loss::in_epoch(&batch, 1), batch.len()),
        };
        let mut state = State::start(start.clone(), experiment.train.precision);
        let gradient = seconds(|| {
            let found = objective.gradient(&start, of, experiment.train.precision)?;
            let served = state.advance(found.gradient, found.buffers, &experiment.train, 0.0);
            objective.reuse(served);
            Ok(())
        })?;

        let points = experiment.measure.iter().find_map(|measure| match measure {
            Measure::Line(schedule) => Some(schedule.points),
            Measure::Point(_) => None,
        });
        let points = points.unwrap_or(ONE_POINT);
        let alphas: Vec<f64> = (1..=points).map(|k| k as f64 / points as f64).collect();
        let theta = start.theta.iter().map(|x| 1.01 * x).collect();
        let to = Point { theta, buffers: start.buffers.clone() };
        let line = Line { from: &start, to: &to, number: 0 };
        let forward = seconds(|| objective.losses(line, &alphas, precision).map(drop))?;

        let needs = |wanted: fn(&Measure) -> bool| experiment.measure.iter().any(wanted);
        let mut rates = Self {
            gradient: each(gradient, seen as u64),
            forward: each(forward, (samples * points) as u64),
            ..Self::default()
        };
        if needs(has_directions) {
            let along = || objective.directional(&start, Loss::Measured, &[&to.theta], precision);
            rates.direction = each(seconds(|| along().map(drop))?, extent.directional(1, 1));
        }
        if needs(|measure| matches!(measure, Measure::Point(PointMeasure::Spectrum(_)))) {
            let product = || objective.hessian_product(&start, &to.theta, precision);
            rates.product = each(seconds(|| product().map(drop))?, extent.products(1));
        }
        Ok(rates)
    }
}

fn has_directions(measure: &Measure) -> bool {
    match measure {
        Measure::Line(schedule) => schedule.second_order,
        Measure::Point(PointMeasure::Spectrum(_)) => false,
        Measure::Point(_) => true,
    }
}

/// Seconds of some work: the median over a few times, which others at work on the machine disturb little.
fn seconds(mut work: impl FnMut() -> Result<(), ObjectiveError>) -> Result<f64, ObjectiveError> {
    let (all, mut times) = (Instant::now(), Vec::new());
    while times.len() < FEW || all.elapsed() < LONG_ENOUGH {
        let begin = Instant::now();
        work()?;
        times.push(begin.elapsed().as_secs_f64());
        if all.elapsed() > TOO_LONG {
            break;
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

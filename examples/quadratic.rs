//! Walks an objective of one's own, without network and data set: a noisy quadratic.
//!
//! L(theta) = mean over i of (theta - c_i)' H (theta - c_i) / 2 with H = diag(1, 15) and random
//! centres c_i, so that mini-batches disagree. With eta = 0.1 the sharp direction has eta lambda =
//! 1.5: SGD jumps from wall to wall of the valley and moves along its floor.
//!
//! `cargo run --release --example quadratic [FOLDER]`, then `losswalk report FOLDER` for the figures.

use std::error::Error;
use std::path::PathBuf;

use losswalk::experiment::{
    AlignmentSchedule, LineSchedule, PointMeasure, SpectrumSchedule, Train,
};
use losswalk::objective::{
    Computed, Directional, Gradient, Line, LineEvaluation, Loss, Objective, ObjectiveError, Point,
};
use losswalk::precision::Precision;
use losswalk::random::Stream;
use losswalk::run::{Manifest, RunFolder, SpectrumRecord};
use losswalk::walk::{Event, Observer, Plan, walk};

const CURVATURES: [f64; 2] = [1.0, 15.0];

struct Quadratic {
    centres: Vec<[f64; 2]>,
}

impl Quadratic {
    fn samples_of(&self, loss: Loss) -> Vec<&[f64; 2]> {
        match loss {
            Loss::Batch { samples, .. } => {
                samples.iter().map(|&i| &self.centres[i as usize]).collect()
            }
            Loss::Measured => self.centres.iter().collect(),
        }
    }

    /// The loss of one sample, whose gradient is H (theta - c).
    fn loss(centre: &[f64; 2], theta: &[f64]) -> f64 {
        (0..2).map(|i| CURVATURES[i] * (theta[i] - centre[i]).powi(2) / 2.0).sum()
    }
}

impl Objective for Quadratic {
    fn dimension(&self) -> usize {
        CURVATURES.len()
    }

    fn samples(&self) -> usize {
        self.centres.len()
    }

    fn gradient(&self, at: &Point, of: Loss, _: Precision) -> Result<Gradient, ObjectiveError> {
        let batch = self.samples_of(of);
        let mean = |of: &dyn Fn(&[f64; 2]) -> f64| {
            batch.iter().map(|c| of(c)).sum::<f64>() / batch.len() as f64
        };
        let slope = |i: usize| mean(&|centre| CURVATURES[i] * (at.theta[i] - centre[i]));
        let loss = mean(&|centre| Self::loss(centre, &at.theta));
        Ok(Gradient { loss, gradient: vec![slope(0), slope(1)].into(), buffers: Vec::new() })
    }

    fn open<'a>(
        &'a self,
        line: Line<'a>,
        alphas: &[f64],
        _: Precision,
    ) -> Result<Box<dyn LineEvaluation + 'a>, ObjectiveError> {
        let full_loss = |&alpha: &f64| {
            let theta = Point::between(line.from, line.to, alpha).theta;
            let sum: f64 = self.centres.iter().map(|centre| Self::loss(centre, &theta)).sum();
            sum / self.centres.len() as f64
        };
        Ok(Box::new(Computed(alphas.iter().map(full_loss).collect())))
    }

    /// With this and the next, alignment, covariance and spectrum can be measured too.
    fn directional(
        &self,
        at: &Point,
        of: Loss,
        directions: &[&[f64]],
        _: Precision,
    ) -> Result<Vec<Directional>, ObjectiveError> {
        let batch = self.samples_of(of);
        let theta = &at.theta;
        let along = |u: &&[f64]| {
            let slope =
                |c: &&[f64; 2]| (0..2).map(|i| CURVATURES[i] * u[i] * (theta[i] - c[i])).sum();
            let slopes: Vec<f64> = batch.iter().map(slope).collect();
            let mean = |of: &dyn Fn(f64) -> f64| {
                slopes.iter().map(|&slope| of(slope)).sum::<f64>() / slopes.len() as f64
            };
            let loss = batch.iter().map(|c| Self::loss(c, theta)).sum::<f64>() / batch.len() as f64;
            let slope = mean(&|slope| slope);
            let curvature = CURVATURES.iter().zip(*u).map(|(h, u)| h * u * u).sum();
            let covariance = mean(&|s| (s - slope).powi(2));
            // Equation 2: what is left of u'Hu.
            let residual = curvature - covariance - slope * slope;
            Directional { loss, slope, curvature, covariance, residual }
        };
        Ok(directions.iter().map(along).collect())
    }

    fn hessian_product(
        &self,
        _: &Point,
        direction: &[f64],
        _: Precision,
    ) -> Result<Vec<f64>, ObjectiveError> {
        Ok(CURVATURES.iter().zip(direction).map(|(h, v)| h * v).collect())
    }
}

struct Printer;

impl Observer for Printer {
    fn begin(&mut self, _: u64, _: u64) {}

    fn step(&mut self, event: Event) {
        println!("{}", serde_json::json!(event.record));
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).map_or_else(|| "runs/quadratic".into(), PathBuf::from);
    let mut random = Stream::initialisation(1, 0);
    let centres = (0..100).map(|_| [random.normal(), random.normal()]).collect();
    let objective = Quadratic { centres };
    let train = Train { batch_size: 10, epochs: 2, precision: Precision::F64, ..Train::default() };
    let every_step = LineSchedule { second_order: true, ..LineSchedule::default() };
    let sizes = AlignmentSchedule { batch_sizes: vec![10, 100], ..AlignmentSchedule::default() };
    let top = SpectrumSchedule { top: 1, ..SpectrumSchedule::default() };
    let points = vec![PointMeasure::Alignment(sizes), PointMeasure::Spectrum(top)];
    let plan = Plan::of_objective(train, vec![every_step], objective.samples());
    let plan = Plan { points, ..plan };
    let manifest = Manifest {
        name: "quadratic".to_owned(),
        samples: objective.samples() as u64,
        parameter_count: objective.dimension(),
        total_steps: plan.total_steps(),
        ..Manifest::default()
    };
    let folder = RunFolder::create(&path, &manifest, "# walked by examples/quadratic.rs\n")?;
    let start = Point { theta: vec![5.0, 5.0].into(), buffers: Vec::new() };
    let outcome = walk(&objective, &plan, start, &folder, &mut Printer)?;
    folder.lines()?.iter().for_each(|line| println!("{}", serde_json::json!(line)));
    let spectra: Vec<SpectrumRecord> = folder.points()?;
    spectra.iter().for_each(|record| println!("{}", serde_json::json!(record)));
    println!("{outcome:?}: see {}", path.display());
    Ok(())
}

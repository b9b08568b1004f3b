//! A process that lives for no more than one unit of work gets on all the same, and its records are those
//! of one that was left alone.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use losswalk::objective::{
    Directional, Gradient, Line, LineEvaluation, Loss, Objective, ObjectiveError, Point,
};
use losswalk::precision::Precision;
use losswalk::walk::Outcome;

use crate::curvature_walk::curved;
use crate::program::TestResult;
use crate::quadratic::{Quadratic, Walked, walked};

/// The quadratic, until so much work is done, in forward passes over one sample.
struct Mortal {
    left: AtomicUsize,
    products: AtomicUsize,
}

impl Mortal {
    fn with(work: usize) -> Self {
        Self { left: work.into(), products: 0.into() }
    }

    fn work(&self, work: usize) -> Result<(), ObjectiveError> {
        let spend = |left: usize| left.checked_sub(work);
        let spent = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend);
        spent.map(|_| ()).map_err(|_| ObjectiveError::Interrupted)
    }
}

/// Samples of a loss.
fn samples(of: Loss) -> usize {
    match of {
        Loss::Batch { samples, .. } => samples.len(),
        Loss::Measured => Quadratic::SOUND.samples(),
    }
}

impl Objective for Mortal {
    fn dimension(&self) -> usize {
        Quadratic::SOUND.dimension()
    }

    fn samples(&self) -> usize {
        Quadratic::SOUND.samples()
    }

    fn gradient(&self, at: &Point, of: Loss, p: Precision) -> Result<Gradient, ObjectiveError> {
        self.work(3 * samples(of))?;
        Quadratic::SOUND.gradient(at, of, p)
    }

    fn open<'a>(
        &'a self,
        line: Line<'a>,
        alphas: &[f64],
        precision: Precision,
    ) -> Result<Box<dyn LineEvaluation + 'a>, ObjectiveError> {
        static SOUND: Quadratic = Quadratic::SOUND;
        SOUND.open(line, alphas, precision)
    }

    fn directional(
        &self,
        at: &Point,
        of: Loss,
        directions: &[&[f64]],
        precision: Precision,
    ) -> Result<Vec<Directional>, ObjectiveError> {
        self.work((3 * directions.len() + 2) * samples(of))?;
        Quadratic::SOUND.directional(at, of, directions, precision)
    }

    fn hessian_product(
        &self,
        at: &Point,
        direction: &[f64],
        precision: Precision,
    ) -> Result<Vec<f64>, ObjectiveError> {
        self.work(6 * self.samples())?;
        self.products.fetch_add(1, Ordering::Relaxed);
        Quadratic::SOUND.hessian_product(at, direction, precision)
    }
}

/// What a direction of the largest batch takes, by far the most of all units here.
const A_UNIT: usize = 3 * 4 + (3 + 2) * 4 + (3 + 2) * 4;

#[test]
fn lives_of_one_unit_each_end_as_one_long_life() -> TestResult {
    let plan = curved(&[]);
    let whole = walked(&plan);
    let long = Mortal::with(usize::MAX);
    assert_eq!(Walked::new(&plan).walk(&long, &plan)?, Outcome::Done);
    let patched = Walked::new(&plan);
    let (mut lives, mut products) = (1, 0);
    loop {
        let mortal = Mortal::with(A_UNIT);
        let outcome = patched.walk(&mortal, &plan)?;
        products += mortal.products.into_inner();
        match outcome {
            Outcome::Done => break,
            Outcome::Interrupted { .. } if lives < 10_000 => lives += 1,
            outcome => return Err(format!("{outcome:?} in life {lives}").into()),
        }
    }
    assert!(lives > 300, "{lives} lives are no trial");
    assert_eq!(products, long.products.into_inner(), "no product is computed twice");
    for name in ["steps", "line", "alignment", "covariance", "spectrum"] {
        let read = |walked: &Walked| fs::read(walked.folder.path().join(format!("{name}.jsonl")));
        assert!(read(&patched)? == read(&whole)?, "{name}.jsonl differs");
    }
    assert!(!patched.folder.path().join("unfinished").exists());
    Ok(())
}

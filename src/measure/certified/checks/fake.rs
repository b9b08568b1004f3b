//! A line of known losses that remembers what it was asked for.

use std::sync::Mutex;

use super::super::{Assume, Certified, Judge, Rule};
use crate::objective::{LineEvaluation, ObjectiveError};
use crate::random::Stream;

pub(super) const ALPHAS: [f64; 11] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// The mean loss of each unit at each point, units of 10 samples but for the last, of 3.
pub(super) struct Fake {
    pub(super) losses: Vec<[f64; 11]>,
    pub(super) asked: Mutex<Vec<(usize, usize)>>,
}

impl Fake {
    /// Units with a level, a slope and a depth of their own, around a mean depth of `margin` standard
    /// deviations, which are drawn by `deviation`.
    pub(super) fn new(
        units: usize,
        margin: f64,
        mut deviation: impl FnMut(&mut Stream) -> f64,
    ) -> Self {
        let mut random = Stream::initialisation(3, units);
        let mut unit = || {
            let (level, slope) = (1.0 + 0.1 * random.normal(), 0.02 * random.normal());
            let depth = 0.01 * (margin + deviation(&mut random));
            ALPHAS.map(|alpha| {
                let ripple = 1e-4 * random.normal();
                level + slope * alpha - (4.0 * depth + ripple) * alpha * (1.0 - alpha)
            })
        };
        Self { losses: (0..units).map(|_| unit()).collect(), asked: Mutex::default() }
    }

    /// The same with one point moved to a hair above the higher end.
    pub(super) fn with_barrier_at(mut self, point: usize, height: f64) -> Self {
        let means = self.means();
        let shift = means[0].max(means[10]) + height - means[point];
        self.losses.iter_mut().for_each(|unit| unit[point] += shift);
        self
    }

    pub(super) fn means(&self) -> Vec<f64> {
        let units = || (0..self.losses.len()).map(|unit| (unit, self.samples(unit) as f64));
        let samples: f64 = units().map(|(_, samples)| samples).sum();
        let mean = |point: usize| {
            units().map(|(unit, samples)| samples * self.losses[unit][point]).sum::<f64>() / samples
        };
        (0..ALPHAS.len()).map(mean).collect()
    }

    pub(super) fn is_crossed(&self) -> bool {
        let means = self.means();
        means[1..10].iter().any(|&loss| loss > means[0].max(means[10]))
    }

    pub(super) fn certify(
        &self,
        error: f64,
        assume: Assume,
        seed: u64,
    ) -> Result<Certified, ObjectiveError> {
        let order = Stream::initialisation(seed, 9).permutation(self.losses.len());
        let order: Vec<usize> = order.into_iter().map(|unit| unit as usize).collect();
        let judge = Judge::new(Rule { error, assume }, &ALPHAS, order.len());
        let found = judge.certify(self, &order)?;
        found.ok_or(ObjectiveError::Unsupported("losses that are not finite"))
    }
}

impl LineEvaluation for Fake {
    fn units(&self) -> usize {
        self.losses.len()
    }

    fn samples(&self, unit: usize) -> usize {
        if unit + 1 == self.losses.len() { 3 } else { 10 }
    }

    fn points(&self) -> usize {
        ALPHAS.len()
    }

    fn unit_losses(
        &self,
        units: &[usize],
        points: &[usize],
    ) -> Result<Vec<Vec<f64>>, ObjectiveError> {
        if let Ok(mut asked) = self.asked.lock() {
            asked.extend(units.iter().flat_map(|&u| points.iter().map(move |&p| (u, p))));
        }
        let sum =
            |unit: usize, point: &usize| self.samples(unit) as f64 * self.losses[unit][*point];
        Ok(units.iter().map(|&u| points.iter().map(|point| sum(u, point)).collect()).collect())
    }
}

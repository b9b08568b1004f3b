//! The losses of the units visited so far, point by point.

use std::convert::Infallible;

use crate::objective::{LineEvaluation, ObjectiveError, tree};

/// What was evaluated of a line. Every point has been visited at the first so many units of one order.
pub(super) struct Seen<'a> {
    line: &'a dyn LineEvaluation,
    order: &'a [usize],
    /// For each point the summed losses of its units.
    sums: Vec<Vec<f64>>,
    /// What a sum is multiplied with, so that the mean over all units is the mean over all samples,
    /// whatever the sizes of the units.
    scale: f64,
    samples: Vec<u64>,
    /// The mean losses of whole points.
    exact: Vec<Option<f64>>,
}

impl<'a> Seen<'a> {
    pub(super) fn new(line: &'a dyn LineEvaluation, order: &'a [usize]) -> Self {
        let samples: usize = order.iter().map(|&unit| line.samples(unit)).sum();
        Self {
            line,
            order,
            sums: vec![Vec::new(); line.points()],
            scale: order.len() as f64 / samples as f64,
            samples: vec![0; line.points()],
            exact: vec![None; line.points()],
        }
    }

    /// M.
    pub(super) fn all_units(&self) -> usize {
        self.order.len()
    }

    /// Units visited at a point.
    pub(super) fn units(&self, point: usize) -> usize {
        self.sums[point].len()
    }

    /// The losses at a point, in the order of the visits.
    pub(super) fn losses(&self, point: usize) -> impl Iterator<Item = f64> {
        self.sums[point].iter().map(|sum| self.scale * sum)
    }

    /// Samples visited at each point.
    pub(super) fn samples(&self) -> &[u64] {
        &self.samples
    }

    /// True if every unit was visited at this point.
    pub(super) fn is_whole(&self, point: usize) -> bool {
        self.units(point) == self.all_units()
    }

    pub(super) fn is_finite(&self) -> bool {
        self.sums.iter().flatten().all(|loss| loss.is_finite())
    }

    /// Visits units until some points have been visited at the first `count`.
    pub(super) fn visit(&mut self, points: &[usize], count: usize) -> Result<(), ObjectiveError> {
        let behind = |seen: &Self| points.iter().map(|&point| seen.units(point)).min();
        while let Some(from) = behind(self).filter(|&from| from < count) {
            // All points that stand there go on together, to where the next one joins them.
            let (here, ahead): (Vec<usize>, Vec<usize>) =
                points.iter().partition(|&&point| self.units(point) == from);
            let next = ahead.iter().map(|&point| self.units(point)).min().unwrap_or(count);
            self.evaluate(&here, from, next.min(count))?;
        }
        Ok(())
    }

    fn evaluate(&mut self, points: &[usize], from: usize, to: usize) -> Result<(), ObjectiveError> {
        let units = &self.order[from..to];
        let sums = self.line.unit_losses(units, points)?;
        for (&unit, of_points) in units.iter().zip(sums) {
            for (&point, sum) in points.iter().zip(of_points) {
                self.sums[point].push(sum);
                self.samples[point] += self.line.samples(unit) as u64;
            }
        }
        for &point in points {
            self.exact[point] = self.is_whole(point).then(|| self.mean(point));
        }
        Ok(())
    }

    /// The mean loss of a whole point.
    pub(super) fn exact(&self, point: usize) -> Option<f64> {
        self.exact[point]
    }

    /// That mean, added as the exact measurement adds: the bits are the same.
    fn mean(&self, point: usize) -> f64 {
        let mut of_units = vec![0.0; self.order.len()];
        for (&unit, &sum) in self.order.iter().zip(&self.sums[point]) {
            of_units[unit] = sum;
        }
        let of = |unit: usize| Ok::<_, Infallible>(of_units[unit]);
        // Too little work for many threads.
        let Ok(sum) = tree::sum_in_turn(of_units.len(), &of);
        sum / self.samples[point] as f64
    }
}

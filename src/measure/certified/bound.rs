//! A lower bound of the mean over all units from those visited so far.

use super::super::student;
use super::looks::{looks, share};
use super::{Assume, bets};

/// Bounds from below, all of which hold with probability 1 - error, however many are asked for while
/// units are visited in a random order without replacement.
#[derive(Debug, Clone)]
pub struct MeanBound {
    units: usize,
    method: Method,
}

#[derive(Debug, Clone)]
enum Method {
    /// x̄ - t s sqrt(1/n - 1/M) at fixed looks (n, t).
    Student(Vec<(usize, f64)>),
    /// Wealth that a bet on a larger mean would have made.
    Bets { deviations: f64, error: f64 },
}

impl MeanBound {
    /// For `units` units in all, looked at when `first` of them have been visited, and later.
    pub fn new(assume: Assume, error: f64, first: usize, units: usize) -> Self {
        let method = match assume.deviations() {
            Some(deviations) => Method::Bets { deviations, error },
            None => Method::Student(quantiles(error, first, units)),
        };
        Self { units, method }
    }

    /// True if the bound from these values is positive.
    pub(super) fn is_positive(&self, values: &[f64]) -> bool {
        // No bound exceeds the mean.
        mean(values) > 0.0
            && match &self.method {
                Method::Bets { deviations, error } if values.len() < self.units => {
                    bets::rule_out_zero(values, self.units, *deviations, *error)
                }
                _ => self.lower(values) > 0.0,
            }
    }

    /// The bound from values in the order in which their units were visited: minus infinity from too
    /// few, their mean from all.
    pub fn lower(&self, values: &[f64]) -> f64 {
        if values.len() == self.units {
            return mean(values);
        }
        match &self.method {
            Method::Bets { deviations, error } => {
                bets::lower(values, self.units, *deviations, *error)
            }
            Method::Student(looks) => {
                let looks = looks.iter().take_while(|(count, _)| *count <= values.len());
                looks.last().map_or(f64::NEG_INFINITY, |&(count, quantile)| {
                    by_student(&values[..count], self.units, quantile)
                })
            }
        }
    }
}

impl MeanBound {
    /// The bound, and one from above in the same way.
    pub(super) fn both(&self, values: &[f64]) -> [f64; 2] {
        let mirrored: Vec<f64> = values.iter().map(|value| -value).collect();
        [self.lower(values), -self.lower(&mirrored)]
    }
}

/// The looks before the last, at which no unit is left to be unsure of.
fn quantiles(error: f64, first: usize, units: usize) -> Vec<(usize, f64)> {
    let counts = looks(first, units).into_iter().filter(|&count| 1 < count && count < units);
    let quantile = |(index, count)| (count, student::quantile(error * share(index), count - 1));
    counts.enumerate().map(quantile).collect()
}

fn by_student(values: &[f64], units: usize, quantile: f64) -> f64 {
    let (count, mean) = (values.len() as f64, mean(values));
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let unvisited = 1.0 / count - 1.0 / units as f64;
    mean - quantile * (squares / (count - 1.0) * unvisited).sqrt()
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

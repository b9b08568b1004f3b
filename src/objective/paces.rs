//! How fast each rank is, and what share of the units it gets for that.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// The slowest rank gets this part of the fastest one's share: it may have been slow for a moment only,
/// and is measured in what it gets.
const LEAST: f64 = 0.125;

/// What each rank did in the calls until now, of which each counts half as much as the next one. Every
/// rank knows the same.
#[derive(Debug)]
pub(super) struct Paces(Mutex<Vec<Done>>);

/// Work, in units times points, and the seconds that it took.
#[derive(Debug, Clone, Copy, Default)]
struct Done {
    work: f64,
    seconds: f64,
}

impl Paces {
    pub fn of(ranks: usize) -> Self {
        Self(Mutex::new(vec![Done::default(); ranks]))
    }

    /// Each rank's share of so many units.
    pub fn shares(&self, units: usize) -> Vec<Range<usize>> {
        let done = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let paces: Vec<f64> = done.iter().map(|done| done.work / done.seconds).collect();
        let fastest = paces.iter().copied().fold(0.0, f64::max);
        // Nothing done yet, or in no time.
        let is_known = paces.iter().all(|pace| pace.is_finite());
        let weight = |pace: f64| if is_known { pace.max(LEAST * fastest) } else { 1.0 };
        let total: f64 = paces.iter().map(|&pace| weight(pace)).sum();
        let ends = paces.iter().scan((0, 0.0), |(start, sum), &pace| {
            *sum += weight(pace);
            let end = (units as f64 * (*sum / total)).round() as usize;
            Some(std::mem::replace(start, end)..end)
        });
        ends.collect()
    }

    /// Adds what each rank did in a call.
    pub fn add(&self, call: impl Iterator<Item = (usize, f64)>) {
        let mut done = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (done, (work, seconds)) in done.iter_mut().zip(call) {
            done.work = done.work / 2.0 + work as f64;
            done.seconds = done.seconds / 2.0 + seconds;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(paces: &Paces, units: usize) -> Vec<usize> {
        let shares = paces.shares(units);
        assert_eq!((shares[0].start, shares.last().map(|share| share.end)), (0, Some(units)));
        assert!(shares.windows(2).all(|pair| pair[0].end == pair[1].start));
        shares.into_iter().map(|share| share.len()).collect()
    }

    #[test]
    fn shares_follow_the_pace_of_the_last_calls() {
        let paces = Paces::of(3);
        assert_eq!(lengths(&paces, 450), [150, 150, 150]);
        assert_eq!(lengths(&paces, 2), [1, 0, 1]);
        paces.add([(100, 1.0), (100, 2.0), (100, 1.0)].into_iter());
        assert_eq!(lengths(&paces, 450), [180, 90, 180]);
        // A rank without work keeps its pace.
        paces.add([(50, 0.5), (0, 0.0), (50, 0.5)].into_iter());
        assert_eq!(lengths(&paces, 450), [180, 90, 180]);
        // Now 150 in 1.5 s, and 125 in 0.75 s.
        paces.add([(100, 1.0), (100, 0.25), (100, 1.0)].into_iter());
        assert_eq!(lengths(&paces, 450), [123, 204, 123]);
    }

    #[test]
    fn a_rank_that_stood_still_gets_some_units_again() {
        let paces = Paces::of(2);
        paces.add([(100, 1.0), (100, 1e6)].into_iter());
        assert_eq!(lengths(&paces, 450), [400, 50]);
    }
}

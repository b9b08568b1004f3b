//! What is evaluated, and what comes of it.

use std::collections::BTreeSet;

use super::super::Assume;
use super::fake::{ALPHAS, Fake};
use crate::objective::{LineEvaluation, ObjectiveError};
use crate::random::Stream;

const ASSUMPTIONS: [Assume; 3] = [Assume::Shape, Assume::Mirrored, Assume::Outliers];

/// How many units each point was evaluated on, if no pair of a unit and a point came twice.
fn visits(line: &Fake) -> Option<Vec<usize>> {
    let asked = line.asked.lock().ok()?;
    let distinct: BTreeSet<_> = asked.iter().collect();
    let count = |point| asked.iter().filter(|(_, asked)| *asked == point).count();
    (distinct.len() == asked.len()).then(|| (0..ALPHAS.len()).map(count).collect())
}

#[test]
fn a_clear_valley_is_decided_from_few_units_and_none_is_visited_twice() -> Result<(), ObjectiveError>
{
    for assume in ASSUMPTIONS {
        let line = Fake::new(200, 8.0, Stream::normal);
        let found = line.certify(1e-4, assume, 1)?;
        let visits = visits(&line);
        assert!(!found.is_crossed && !found.is_exact);
        let samples = |units: usize| 10 * units as u64;
        let all_visits = visits.clone().unwrap_or_default();
        // The last unit, which is short, is not among the first of this order.
        assert_eq!(
            Some(&found.samples),
            visits.map(|v| v.into_iter().map(samples).collect()).as_ref()
        );
        assert!(all_visits.iter().sum::<usize>() < 11 * 50, "{assume:?}: {all_visits:?}");
    }
    Ok(())
}

/// Nine points lie far below the ends, the third close to them: only it, the ends and the pilot, with
/// which it is compared, go on.
#[test]
fn a_point_that_is_decided_is_not_evaluated_again() -> Result<(), ObjectiveError> {
    let line = Fake::new(200, 8.0, Stream::normal);
    let height = line.means()[3] - line.means()[0].max(line.means()[10]);
    let line = line.with_barrier_at(3, 0.02 * height);
    let found = line.certify(1e-4, Assume::Shape, 1)?;
    let visits = visits(&line).unwrap_or_default();
    let others: Vec<usize> = [1, 2, 4, 6, 7, 8, 9].map(|point| visits[point]).to_vec();
    assert!(!found.is_crossed);
    assert!(others.iter().all(|&units| 2 * units <= visits[3]), "{visits:?}");
    Ok(())
}

#[test]
fn what_is_undecided_until_the_end_is_exact() -> Result<(), ObjectiveError> {
    for (height, expected) in [(1e-9, true), (-1e-9, false)] {
        let line = Fake::new(60, 8.0, Stream::normal).with_barrier_at(4, height);
        let found = line.certify(1e-4, Assume::Mirrored, 1)?;
        assert_eq!((found.is_crossed, line.is_crossed()), (expected, expected));
        let exact = line.losses()?;
        assert_eq!(found.losses[4].to_bits(), exact[4].to_bits());
        assert_eq!(found.losses[0].to_bits(), exact[0].to_bits());
        assert_eq!(found.samples[4], 593);
    }
    Ok(())
}

#[test]
fn a_high_barrier_is_found_without_the_points_beside_it() -> Result<(), ObjectiveError> {
    for assume in ASSUMPTIONS {
        let line = Fake::new(200, 8.0, Stream::normal).with_barrier_at(6, 0.2);
        let found = line.certify(1e-4, assume, 1)?;
        assert!(found.is_crossed && !found.is_exact, "{assume:?}");
        let visits = visits(&line).unwrap_or_default();
        assert!([1, 2, 3, 4, 7, 8, 9].iter().all(|&point| visits[point] <= 5), "{visits:?}");
    }
    Ok(())
}

#[test]
fn few_units_are_all_visited() -> Result<(), ObjectiveError> {
    for units in 1..8 {
        let line = Fake::new(units, 8.0, Stream::normal);
        let found = line.certify(1e-4, Assume::Mirrored, 1)?;
        assert_eq!(found.is_crossed, line.is_crossed());
        assert!(found.losses[0].is_finite());
    }
    Ok(())
}

/// Bounds contain the truth of nearly all lines; five standard deviations of a share of 1e-2 of 400.
#[test]
fn bounds_contain_the_truth() -> Result<(), ObjectiveError> {
    for assume in [Assume::Shape, Assume::Mirrored] {
        let line = Fake::new(100, 3.0, Stream::normal);
        let truth = line.means();
        let floor = truth.iter().copied().fold(f64::INFINITY, f64::min);
        let height =
            truth[1..10].iter().fold(f64::NEG_INFINITY, |a, &b| a.max(b)) - truth[0].max(truth[10]);
        let floor_alpha = ALPHAS[(0..11).find(|&k| truth[k] == floor).unwrap_or(0)];
        let mut outside = [0; 4];
        for seed in 0..400 {
            let bounds = line.certify(1e-2, assume, seed)?.bounds;
            let contains = |[low, high]: [f64; 2], value: f64| low <= value && value <= high;
            let rises = (0..11).all(|k| contains(bounds.rises[k], truth[k] - truth[0]));
            let held = [
                rises,
                contains(bounds.height, height),
                contains(bounds.floor, floor),
                contains(bounds.floor_alpha, floor_alpha),
            ];
            (0..4).for_each(|i| outside[i] += usize::from(!held[i]));
        }
        assert!(outside.iter().all(|&count| count <= 14), "{assume:?}: {outside:?}");
    }
    Ok(())
}

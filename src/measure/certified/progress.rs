//! Which points are evaluated next, and on how many units.

use super::looks::next_look;
use super::seen::Seen;
use super::tests::{Doubt, Lowers, Tests};

/// Points, and the number of units that they are to have been visited at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Visit {
    pub(super) points: Vec<usize>,
    pub(super) units: usize,
}

/// What promises most for the points that are still open, of which there is at least one.
///
/// - A point that seems to lie above both ends goes on alone: it would decide the line.
/// - Otherwise the pilot, until it lies below the chord.
/// - Otherwise the pilot or all others, whichever leaves more doubt for what it costs.
pub(super) fn next(tests: &Tests, seen: &Seen, open: &[usize], lowers: &Lowers) -> Visit {
    let rises = open.iter().map(|&point| (tests.rise(seen, point), point));
    let highest = rises.max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((rise, point)) = highest
        && rise > 0.0
        && !seen.is_whole(point)
    {
        return visit(tests, seen, &[point]);
    }
    if open.contains(&tests.pilot) || promises_more(tests, seen, open, lowers) {
        return visit(tests, seen, &[tests.pilot]);
    }
    visit(tests, seen, open)
}

/// True if another look at the pilot promises more than one at the others.
fn promises_more(tests: &Tests, seen: &Seen, open: &[usize], lowers: &Lowers) -> bool {
    if seen.is_whole(tests.pilot) {
        return false;
    }
    let of_pilot = tests.pilot_doubt(seen, lowers);
    let doubts = open.iter().map(|&point| tests.doubt(seen, point, of_pilot, lowers));
    let worst = doubts.fold(Doubt { pilot: 0.0, rest: 0.0 }, |worst, doubt| Doubt {
        pilot: worst.pilot.max(doubt.pilot),
        rest: worst.rest.max(doubt.rest),
    });
    let rest = open.iter().map(|&point| seen.units(point)).min().unwrap_or(0);
    let per_unit = (tests.ends().len() + 1) as f64;
    let pilot_cost = per_unit * seen.units(tests.pilot) as f64;
    let rest_cost = (open.len() * rest) as f64;
    worst.pilot * rest_cost > worst.rest * pilot_cost
}

/// The next look at some points, with the ends, and with the pilot where it would fall behind.
fn visit(tests: &Tests, seen: &Seen, points: &[usize]) -> Visit {
    let behind = points.iter().map(|&point| seen.units(point)).min().unwrap_or(0);
    let units = next_look(behind).min(seen.all_units());
    let needed = tests.ends().into_iter().chain(points.iter().copied()).chain([tests.pilot]);
    let mut points: Vec<usize> = needed.filter(|&point| seen.units(point) < units).collect();
    points.sort_unstable();
    points.dedup();
    Visit { points, units }
}

//! When the units are looked at, and what share of the error each look may spend.

/// The pilot's and the ends' first look: with the deviation known from fewer units, Student's
/// quantiles are so large that the next look costs less.
pub(super) const FIRST_PILOT: usize = 9;
/// The first look at the other points, which lie close to a parabola through the pilot.
pub(super) const FIRST_REST: usize = 5;

/// The numbers of units at which there is a look: `first`, then a quarter more each time, and at last
/// all. From 5 on that is 5, 7, 9, 12, 15, 19, 24, ..., which has the looks from 9 on in it.
pub(super) fn looks(first: usize, units: usize) -> Vec<usize> {
    let grown = |&count: &usize| (count < units).then(|| next_look(count).min(units));
    std::iter::successors(Some(first.min(units)), grown).collect()
}

/// The look after one at so many units.
pub(super) fn next_look(count: usize) -> usize {
    count + count.div_ceil(4)
}

/// The share of the error for look `index`, from 0: 1/2, 1/6, 1/12, ..., in all at most 1. The first
/// look gets most, because most lines are decided there.
pub(super) fn share(index: usize) -> f64 {
    1.0 / ((index + 1) * (index + 2)) as f64
}

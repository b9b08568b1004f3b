//! How many directions are measured at a time.

use std::time::Duration;

/// What a killed run has to compute again at most, where a single direction does not take longer.
const LONGEST: Duration = Duration::from_secs(30);

/// The size of groups of directions: those of a group share work, but none is recorded before all are.
///
/// What is measured of a direction does not depend on the others of its group.
#[derive(Debug)]
pub(super) struct Pace {
    most: usize,
    next: usize,
}

impl Pace {
    /// At most so many at a time; the first group is one direction, so that a run which lives for no more
    /// than that has got on.
    pub(super) fn new(most: usize) -> Self {
        Self { most, next: 1 }
    }

    /// Directions of the next group.
    pub(super) fn group(&self) -> usize {
        self.next
    }

    /// So many have taken so long.
    pub(super) fn took(&mut self, directions: usize, time: Duration) {
        let each = time.as_secs_f64() / directions as f64;
        let within = LONGEST.as_secs_f64() / each.max(f64::MIN_POSITIVE);
        self.next = (within as usize).clamp(1, self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_as_large_as_half_a_minute_and_memory_allow() {
        let mut pace = Pace::new(10);
        let mut after = |directions, seconds| {
            pace.took(directions, Duration::from_secs(seconds));
            pace.group()
        };
        assert_eq!([after(1, 100), after(1, 10), after(3, 12), after(7, 0)], [1, 3, 7, 10]);
        assert_eq!(Pace::new(10).group(), 1);
    }
}

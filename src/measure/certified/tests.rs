//! The tests of one point against the ends, the chord between them, and the parabola through a pilot.

use std::cell::Cell;

use super::bound::mean;
use super::contrast::Contrast;
use super::looks::{FIRST_PILOT, FIRST_REST};
use super::seen::Seen;
use super::{MeanBound, Rule};

/// Shares of the error of the tests that each may exclude a point: against either end, against the
/// chord, and against the parabola, where the pilot's depth and the distance to the parabola share.
const END: f64 = 0.05;
const CHORD: f64 = 0.3;
const PARABOLA: f64 = 0.3;
/// The pilot itself has the chord and the ends alone.
const PILOT_CHORD: f64 = 0.9;

/// The bounds that all tests of a line use.
///
/// "No barrier" takes the exclusion of every interior point, so it is wrong only if that of the
/// highest one is: the error is paid for once, not for every point. "Barrier" takes one point above
/// both ends, so each point has its share of the error.
pub(super) struct Tests {
    alphas: Vec<f64>,
    /// The interior point nearest to the middle.
    pub(super) pilot: usize,
    end: MeanBound,
    chord: MeanBound,
    pilot_chord: MeanBound,
    pilot_for_rest: MeanBound,
    beyond: MeanBound,
    above: MeanBound,
}

/// How a point that lies close to the parabola stands: the distance of the bounds from the means.
pub(super) struct Doubt {
    /// From the pilot's depth.
    pub(super) pilot: f64,
    /// From the point's distance to the parabola.
    pub(super) rest: f64,
}

/// Bounds that take many passes over their values, as they were asked for last: the pilot's depth, and the
/// distance of each other point to the parabola. The values of a number of units are always the same.
pub(super) struct Lowers(Vec<Cell<(usize, f64)>>);

impl Lowers {
    pub(super) fn new(points: usize) -> Self {
        Self(vec![Cell::new((0, f64::NEG_INFINITY)); points])
    }

    fn get(&self, point: usize, bound: &MeanBound, values: &[f64]) -> f64 {
        let (count, lower) = self.0[point].get();
        if count == values.len() {
            return lower;
        }
        let lower = bound.lower(values);
        self.0[point].set((values.len(), lower));
        lower
    }
}

impl Tests {
    pub(super) fn new(rule: Rule, alphas: &[f64], units: usize) -> Self {
        let interior = alphas.len() - 2;
        let bound =
            |share: f64, first| MeanBound::new(rule.assume, rule.error * share, first, units);
        Self {
            alphas: alphas.to_vec(),
            pilot: alphas.len() / 2,
            end: bound(END, FIRST_REST),
            chord: bound(CHORD, FIRST_REST),
            pilot_chord: bound(PILOT_CHORD, FIRST_PILOT),
            pilot_for_rest: bound(PARABOLA, FIRST_PILOT),
            beyond: bound(PARABOLA, FIRST_REST),
            above: bound(1.0 / interior as f64, FIRST_PILOT),
        }
    }

    /// The indices of the interior points.
    pub(super) fn interior(&self) -> std::ops::Range<usize> {
        1..self.alphas.len() - 1
    }

    pub(super) fn ends(&self) -> [usize; 2] {
        [0, self.alphas.len() - 1]
    }

    /// True if a point is known not to lie above both ends.
    pub(super) fn is_below(&self, seen: &Seen, point: usize, lowers: &Lowers) -> bool {
        if let Some(rise) = self.exact_rise(seen, point) {
            return rise <= 0.0;
        }
        self.is_below_chord(seen, point, lowers)
            || self
                .ends()
                .iter()
                .any(|&end| self.end.is_positive(&Contrast::difference(end, point).values(seen)))
    }

    fn is_below_chord(&self, seen: &Seen, point: usize, lowers: &Lowers) -> bool {
        let values = Contrast::below_chord(point, &self.alphas).values(seen);
        if point == self.pilot {
            return self.pilot_chord.is_positive(&values);
        }
        self.chord.is_positive(&values) || self.is_below_parabola(seen, point, lowers)
    }

    /// The pilot's depth and the distance to the parabola, each bounded from below.
    fn is_below_parabola(&self, seen: &Seen, point: usize, lowers: &Lowers) -> bool {
        let (beyond, ratio) = Contrast::below_parabola(point, self.pilot, &self.alphas);
        let beyond = beyond.values(seen);
        let depth = || self.depth(&self.pilot_depth().values(seen), lowers);
        // The bound does not exceed the mean, and takes longer.
        let is_above_zero = |beyond: f64| ratio * depth() + beyond > 0.0;
        is_above_zero(mean(&beyond)) && is_above_zero(lowers.get(point, &self.beyond, &beyond))
    }

    /// How far the pilot lies below the chord, at least.
    fn depth(&self, pilot_depth: &[f64], lowers: &Lowers) -> f64 {
        lowers.get(self.pilot, &self.pilot_for_rest, pilot_depth)
    }

    /// True if a point is known to lie above both ends.
    pub(super) fn is_above(&self, seen: &Seen, point: usize) -> bool {
        if let Some(rise) = self.exact_rise(seen, point) {
            return rise > 0.0;
        }
        self.ends()
            .iter()
            .all(|&end| self.above.is_positive(&Contrast::difference(point, end).values(seen)))
    }

    /// How far the visited units lie above the higher end, on average.
    pub(super) fn rise(&self, seen: &Seen, point: usize) -> f64 {
        let rises = self.ends().map(|end| Contrast::difference(point, end).mean(seen));
        rises[0].min(rises[1])
    }

    /// The same of all units.
    fn exact_rise(&self, seen: &Seen, point: usize) -> Option<f64> {
        let [first, last] = self.ends().map(|end| seen.exact(end));
        Some(seen.exact(point)? - first?.max(last?))
    }

    /// `of_pilot` is [`pilot_doubt`](Self::pilot_doubt).
    pub(super) fn doubt(&self, seen: &Seen, point: usize, of_pilot: f64, lowers: &Lowers) -> Doubt {
        let (beyond, ratio) = Contrast::below_parabola(point, self.pilot, &self.alphas);
        let beyond = beyond.values(seen);
        let rest = mean(&beyond) - lowers.get(point, &self.beyond, &beyond);
        Doubt { pilot: ratio * of_pilot, rest }
    }

    /// The distance of the bound of the pilot's depth from its mean.
    pub(super) fn pilot_doubt(&self, seen: &Seen, lowers: &Lowers) -> f64 {
        let depth = self.pilot_depth().values(seen);
        mean(&depth) - self.depth(&depth, lowers)
    }

    fn pilot_depth(&self) -> Contrast {
        Contrast::below_chord(self.pilot, &self.alphas)
    }
}

//! A lower bound of a finite population's mean by betting, after Waudby-Smith and Ramdas, *Confidence
//! sequences for sampling without replacement* (2020).
//!
//! Suppose that the mean over all M units is at most m. Then the next unit's expectation is at most
//! mu = (M m - sum of those visited) / (M - visited), and the wealth of a gambler who stakes the
//! fraction lambda on more, the product of 1 + lambda (x - mu), is a supermartingale as long as no
//! factor can be negative: it ever exceeds 1/error with probability at most error (Ville 1939). No factor is negative if no
//! unit lies below a floor and lambda < 1 / (mu - floor). The floor is what is assumed: so many
//! standard deviations of the units visited before, below m. Both are known before the unit is visited.

/// Units that are visited before the first bet, for the standard deviation.
const UNBET: usize = 4;
/// The share of the wealth that is lost at the floor.
const STAKE: f64 = 0.95;
/// Doublings of the distance from the mean at which a bound is looked for.
const DOUBLINGS: usize = 20;
/// Steps towards the bound between two means, of which one is ruled out; about eight are taken.
const STEPS: usize = 40;
/// How close a bound is to the best, in parts of the first distance between those two.
const PRECISION: f64 = 1e-6;

/// The smallest mean that the bets have not ruled out, or the mean of the values but the last if that is less.
///
/// Cost: some ten passes over the values.
pub(super) fn lower(values: &[f64], units: usize, deviations: f64, error: f64) -> f64 {
    let game = Game::new(values, units, deviations, error);
    let Some(last) = game.steps.last() else { return f64::NEG_INFINITY };
    let mut high = (last.mean, game.excess(last.mean));
    if high.1 >= 0.0 {
        return high.0; // As it may be after a good start; no bound exceeds the mean.
    }
    let mut width = last.deviation.max(f64::EPSILON * last.mean.abs()).max(f64::MIN_POSITIVE);
    let mut low = (last.mean - width, game.excess(last.mean - width));
    for _ in 0..DOUBLINGS {
        if low.1 >= 0.0 {
            break;
        }
        width *= 2.0;
        high = low;
        low = (low.0 - width, game.excess(low.0 - width));
    }
    if low.1 < 0.0 {
        return f64::NEG_INFINITY;
    }
    // Regula falsi as in Illinois: where the same end is kept twice, its value counts half.
    let mut kept_low = None;
    for _ in 0..STEPS {
        if high.0 - low.0 <= PRECISION * width {
            break;
        }
        let middle = low.0 + (high.0 - low.0) * low.1 / (low.1 - high.1);
        let middle = (middle, game.excess(middle));
        let keeps_low = middle.1 < 0.0;
        let again = if kept_low == Some(keeps_low) { 0.5 } else { 1.0 };
        (low, high) = if keeps_low {
            ((low.0, low.1 * again), middle)
        } else {
            (middle, (high.0, high.1 * again))
        };
        kept_low = Some(keeps_low);
    }
    low.0
}

/// True if the bets have ruled out that the mean is zero or less.
pub(super) fn rule_out_zero(values: &[f64], units: usize, deviations: f64, error: f64) -> bool {
    Game::new(values, units, deviations, error).excess(0.0) >= 0.0
}

struct Game {
    steps: Vec<Step>,
    deviations: f64,
    error: f64,
}

/// A unit to bet on, and what was known before it was visited.
struct Step {
    value: f64,
    mean: f64,
    deviation: f64,
    /// Units visited for each that is left.
    visited: f64,
}

impl Step {
    fn of(values: &[f64], units: usize) -> Vec<Self> {
        let (mut mean, mut squares) = (0.0, 0.0);
        let steps = values.iter().enumerate().map(|(visited, &value)| {
            let known = visited as f64;
            let deviation = (squares / (known - 1.0)).sqrt();
            let visited = known / (units - visited) as f64;
            let step = Self { value, mean, deviation, visited };
            // Welford's update: no cancellation where the mean is far from zero.
            let gap = value - mean;
            mean += gap / (known + 1.0);
            squares += gap * (value - mean);
            step
        });
        steps.skip(UNBET).collect()
    }
}

impl Game {
    fn new(values: &[f64], units: usize, deviations: f64, error: f64) -> Self {
        Self { steps: Step::of(values, units), deviations, error }
    }

    /// The logarithm of the largest wealth, if the mean is at most `mean`, in terms of 1/error: not
    /// negative where that mean is ruled out.
    fn excess(&self, mean: f64) -> f64 {
        let mut wealth = 1.0;
        let mut most = self.error;
        for step in &self.steps {
            // How much lower than `mean` the units that are left lie on average if it is true.
            let drift = step.visited * (mean - step.mean);
            let floor = self.deviations * step.deviation;
            // Where the average that is left would lie below the floor, the mean cannot be true: then
            // the stake stays finite, and the wealth grows fast.
            let room = (floor + drift).max(floor / 10.0).max(f64::MIN_POSITIVE);
            let factor = 1.0 + STAKE * (step.value - mean - drift) / room;
            wealth *= f64::max(factor, 0.0); // What is lost stays lost, below 1e-308 too.
            most = f64::max(most, wealth * self.error);
        }
        most.min(f64::MAX).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    #[test]
    fn a_bound_is_the_end_of_what_is_ruled_out() {
        for (units, count) in [(50, 5), (50, 30), (450, 12), (450, 100), (450, 449)] {
            for (seed, deviations) in [(1, 5.0), (2, 5.0), (3, 12.0)] {
                let mut random = Stream::initialisation(seed, count);
                let values: Vec<f64> = (0..count).map(|_| 3.0 + random.normal()).collect();
                let bound = lower(&values, units, deviations, 1e-4);
                // As much above it is not ruled out, for the values' distance from the bound.
                let ruled_out = |by: f64| {
                    let values: Vec<f64> = values.iter().map(|x| x - bound - by).collect();
                    rule_out_zero(&values, units, deviations, 1e-4)
                };
                let step = 1e-5 * (4.0 - bound);
                assert!(ruled_out(-step) && !ruled_out(step), "{bound} from {count} of {units}");
            }
        }
    }

    #[test]
    fn no_bound_exceeds_the_mean_after_a_good_start() {
        let start = (0..200).map(|i| 10.0 + f64::from(i % 2));
        let values: Vec<f64> = start.chain((0..200).map(|_| -90.0)).collect();
        let found = lower(&values, 450, 5.0, 1e-2);
        assert!((found + 39.6).abs() < 0.1, "{found}");
        assert!(lower(&[1.0; 30], 450, 5.0, 1e-4) <= 1.0);
        assert_eq!(lower(&[1.0; 4], 450, 5.0, 1e-4), f64::NEG_INFINITY);
    }
}

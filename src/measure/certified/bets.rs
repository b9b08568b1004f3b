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
/// Halvings of the interval that the bound is in, which is as long as a few standard deviations.
const HALVINGS: usize = 40;

/// The smallest mean that the bets have not ruled out.
///
/// Cost: some fifty passes over the values.
pub(super) fn lower(values: &[f64], units: usize, deviations: f64, error: f64) -> f64 {
    let game = Game { steps: Step::of(values, units), deviations, target: 1.0 / error };
    let Some(last) = game.steps.last() else { return f64::NEG_INFINITY };
    let mut high = last.mean;
    let mut width = last.deviation.max(f64::EPSILON * high.abs()).max(f64::MIN_POSITIVE);
    let mut low = high - width;
    for _ in 0..DOUBLINGS {
        if game.rules_out(low) {
            break;
        }
        width *= 2.0;
        (low, high) = (low - width, low);
    }
    if !game.rules_out(low) {
        return f64::NEG_INFINITY;
    }
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if game.rules_out(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// True if the bets have ruled out that the mean is zero or less.
pub(super) fn rule_out_zero(values: &[f64], units: usize, deviations: f64, error: f64) -> bool {
    Game { steps: Step::of(values, units), deviations, target: 1.0 / error }.rules_out(0.0)
}

struct Game {
    steps: Vec<Step>,
    deviations: f64,
    /// The wealth that rules a mean out.
    target: f64,
}

/// A unit to bet on, and what was known before it was visited.
struct Step {
    value: f64,
    mean: f64,
    deviation: f64,
    visited: f64,
    left: f64,
}

impl Step {
    fn of(values: &[f64], units: usize) -> Vec<Self> {
        let (mut mean, mut squares) = (0.0, 0.0);
        let steps = values.iter().enumerate().map(|(visited, &value)| {
            let known = visited as f64;
            let deviation = (squares / (known - 1.0)).sqrt();
            let step =
                Self { value, mean, deviation, visited: known, left: (units - visited) as f64 };
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
    /// True if a mean of at most `mean` is as unlikely as the error.
    fn rules_out(&self, mean: f64) -> bool {
        let mut wealth = 1.0;
        self.steps.iter().any(|step| {
            // How much lower than `mean` the units that are left lie on average if it is true.
            let drift = step.visited * (mean - step.mean) / step.left;
            let floor = self.deviations * step.deviation;
            // Where the average that is left would lie below the floor, the mean cannot be true: then
            // the stake stays finite, and the wealth grows fast.
            let room = (floor + drift).max(floor / 10.0).max(f64::MIN_POSITIVE);
            let factor = 1.0 + STAKE * (step.value - mean - drift) / room;
            wealth *= f64::max(factor, 0.0); // What is lost stays lost, below 1e-308 too.
            wealth >= self.target
        })
    }
}

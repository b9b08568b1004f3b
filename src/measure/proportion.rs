//! How often something happens, from how often it did.

/// So many of so many independent trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proportion {
    /// Those in which it happened.
    pub count: u64,
    /// All.
    pub trials: u64,
}

impl Proportion {
    /// The interval that contains the probability with at least `confidence` (Clopper & Pearson 1934).
    ///
    /// ```
    /// use losswalk::measure::Proportion;
    ///
    /// // Of n without one, the upper end p has (1 - p)^n = 0.025.
    /// let [low, high] = Proportion { count: 0, trials: 100 }.interval(0.95);
    /// assert_eq!(low, 0.0);
    /// assert!((high - (1.0 - 0.025f64.powf(0.01))).abs() < 1e-12);
    /// ```
    pub fn interval(self, confidence: f64) -> [f64; 2] {
        let tail = (1.0 - confidence) / 2.0;
        let low = if self.count == 0 { 0.0 } else { bisect(|p| self.at_least(p) < tail) };
        let fewer = Self { count: self.count + 1, ..self };
        let high = if self.count == self.trials {
            1.0
        } else {
            bisect(|p| 1.0 - fewer.at_least(p) > tail)
        };
        [low, high]
    }

    /// The probability that it happens at least so often if each trial has probability `p`.
    pub fn at_least(self, p: f64) -> f64 {
        let Self { count, trials } = self;
        if count == 0 || p >= 1.0 {
            return 1.0;
        }
        if p <= 0.0 {
            return 0.0;
        }
        // ln of (trials choose k) p^k (1 - p)^(trials - k), one factor after the other.
        let mut log = trials as f64 * (-p).ln_1p();
        let mut sum = 0.0;
        for k in 0..trials {
            log += ((trials - k) as f64 / (k + 1) as f64).ln() + p.ln() - (-p).ln_1p();
            if k + 1 >= count {
                sum += log.exp();
            }
        }
        sum.min(1.0)
    }
}

/// Where a condition that holds below a number ceases to.
fn bisect(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scipy.stats.binomtest(count, trials).proportion_ci(0.95), SciPy 1.
    #[test]
    fn intervals_are_those_of_scipy() {
        for (count, trials, expected) in [
            (1, 20, [0.001_265_089_5, 0.248_732_762_8]),
            (3, 10, [0.066_739_512, 0.652_452_850]),
            (10, 10, [0.691_502_89, 1.0]),
        ] {
            let found = Proportion { count, trials }.interval(0.95);
            let close = |i: usize| f64::abs(found[i] - expected[i]) < 1e-7;
            assert!(close(0) && close(1), "{count} of {trials}: {found:?}");
        }
    }

    #[test]
    fn one_of_many_at_a_small_probability() {
        let chance = Proportion { count: 1, trials: 50 }.at_least(1e-4);
        assert!((chance - (1.0 - (1.0f64 - 1e-4).powi(50))).abs() < 1e-12);
    }
}

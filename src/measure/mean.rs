//! A mean with its standard error.

use super::student;

/// The mean of independent numbers, and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// The mean; NaN of no numbers.
    pub mean: f64,
    /// Standard deviation of one number, with the unbiased variance; NaN for fewer than two.
    pub deviation: f64,
    /// Standard error of the mean: deviation / sqrt(count).
    pub error: f64,
}

impl Mean {
    /// ```
    /// let mean = losswalk::measure::Mean::of(&[1.0, 3.0]);
    /// assert_eq!((mean.mean, mean.deviation, mean.error), (2.0, 2f64.sqrt(), 1.0));
    /// ```
    pub fn of(numbers: &[f64]) -> Self {
        let count = numbers.len() as f64;
        let mean = numbers.iter().sum::<f64>() / count;
        let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
        let variance = squares / (count - 1.0);
        Self { mean, deviation: variance.sqrt(), error: (variance / count).sqrt() }
    }

    /// How far on either side of the mean of `count` normal numbers the true mean lies at most, with
    /// probability `confidence`: Student's t times the standard error. NaN for fewer than two.
    pub fn margin(self, count: usize, confidence: f64) -> f64 {
        if count < 2 {
            return f64::NAN;
        }
        student::quantile((1.0 - confidence) / 2.0, count - 1) * self.error
    }
}

#[cfg(test)]
mod tests {
    use super::Mean;

    /// scipy.stats.t.interval(0.95, 2, loc=2, scale=1/sqrt(3)), SciPy 1.
    #[test]
    fn the_margin_of_three_numbers_is_that_of_scipy() {
        let mean = Mean::of(&[1.0, 2.0, 3.0]);
        assert!((mean.mean - mean.margin(3, 0.95) - -0.484_137_71).abs() < 1e-7);
        assert!(mean.margin(1, 0.95).is_nan());
    }
}

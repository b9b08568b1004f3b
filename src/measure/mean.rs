//! A mean with its standard error.

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
}

//! Mean and standard deviation of a handful of values, and how well the mean is known.

use std::f64::consts::FRAC_PI_2;
use std::fmt;

/// The share of cases in which a confidence interval holds the true mean.
const CONFIDENCE: f64 = 0.95;

/// What a sample of values says about the quantity that they are drawn from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    /// Finite values.
    pub count: usize,
    pub mean: f64,
    /// The standard deviation, with n - 1 in its denominator; `None` for a single value.
    pub deviation: Option<f64>,
}

impl Spread {
    /// The spread of the finite ones of some values; `None` if there are none.
    pub fn of(values: impl IntoIterator<Item = Option<f64>>) -> Option<Self> {
        let finite = values.into_iter().flatten().filter(|value| value.is_finite());
        let values: Vec<f64> = finite.collect();
        let count = values.len();
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (count > 1).then(|| (squares / (count - 1) as f64).sqrt());
        (count > 0).then_some(Self { count, mean, deviation })
    }

    /// The 95 % confidence interval of the mean, t s / √n on both sides with Student's t: right for
    /// independent values near enough to normal. `None` for a single value.
    pub fn interval(&self) -> Option<(f64, f64)> {
        let error = self.deviation? / (self.count as f64).sqrt();
        let half = student_quantile(self.count - 1) * error;
        Some((self.mean - half, self.mean + half))
    }
}

/// Mean ± standard deviation, to the digits that the deviation leaves in doubt.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mean, deviation, .. } = *self;
        match deviation {
            Some(deviation) => f.write_str(&with_error(mean, deviation)),
            None => f.write_str(&significant(mean)),
        }
    }
}

/// "value ± error" with two digits of the error.
pub(super) fn with_error(value: f64, error: f64) -> String {
    let largest = value.abs().max(error.abs());
    if error > 0.0 && (1e-3..1e6).contains(&largest) {
        let decimals = (1.0 - error.log10().floor()).clamp(0.0, 9.0) as usize;
        return format!("{value:.decimals$} ± {error:.decimals$}");
    }
    format!("{} ± {error:.1e}", significant(value))
}

/// Four significant digits.
pub(super) fn significant(value: f64) -> String {
    if value != 0.0 && !(1e-3..1e6).contains(&value.abs()) {
        return format!("{value:.3e}");
    }
    let decimals = 3 - value.abs().max(1e-3).log10().floor() as i32;
    format!("{value:.0$}", usize::try_from(decimals).unwrap_or(0))
}

/// The t that |T| stays below with probability [`CONFIDENCE`], for `freedom` >= 1 degrees of freedom.
fn student_quantile(freedom: usize) -> f64 {
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if student_probability(middle, freedom) < CONFIDENCE {
            low = middle;
        } else {
            high = middle;
        }
    }
    low.tan() * (freedom as f64).sqrt()
}

/// P(|T| < √ν tan θ) in closed form (Abramowitz & Stegun 26.7.3 and 26.7.4): a sum of powers of
/// cos² θ, each term a known multiple of the one before.
fn student_probability(theta: f64, freedom: usize) -> f64 {
    let (sin, cos) = theta.sin_cos();
    let is_odd = freedom % 2 == 1;
    let (mut term, mut sum) = (if is_odd { cos } else { 1.0 }, 0.0);
    for power in (if is_odd { 3..=freedom } else { 2..=freedom }).step_by(2) {
        sum += term;
        term *= cos * cos * (power - 1) as f64 / power as f64;
    }
    if is_odd { (theta + sin * sum) / FRAC_PI_2 } else { sin * sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of the usual tables, to their last digit.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        let table =
            [(1, 12.7062), (2, 4.3027), (3, 3.1824), (4, 2.7764), (9, 2.2622), (49, 2.0096)];
        for (freedom, expected) in table {
            let quantile = student_quantile(freedom);
            assert!((quantile - expected).abs() < 6e-5, "{freedom}: {quantile}");
        }
    }

    #[test]
    fn the_spread_of_known_values() -> Result<(), &'static str> {
        let values = [Some(1.0), None, Some(3.0), Some(f64::NAN), Some(5.0)];
        let spread = Spread::of(values).ok_or("no values")?;
        assert_eq!(spread, Spread { count: 3, mean: 3.0, deviation: Some(2.0) });
        let (low, high) = spread.interval().ok_or("no interval")?;
        // t of two degrees of freedom times 2 / √3.
        assert!((3.0 - low - 4.968_28).abs() < 1e-4 && (high - 3.0 - 4.968_28).abs() < 1e-4);
        Ok(())
    }

    #[test]
    fn numbers_have_the_digits_that_their_error_leaves() {
        assert_eq!(with_error(3.244_28, 0.513), "3.24 ± 0.51");
        assert_eq!(with_error(1234.5, 61.0), "1234 ± 61");
        assert_eq!(with_error(12.753_58, 6.4e-7), "12.75358000 ± 0.00000064");
        assert_eq!(with_error(2e-7, 3e-8), "2.000e-7 ± 3.0e-8");
        assert_eq!(
            [12.7535, 0.0123, 0.0, 2e9].map(significant),
            ["12.75", "0.01230", "0.000000", "2.000e9"]
        );
    }

    #[test]
    fn one_value_has_no_deviation_and_none_no_spread() {
        let one = Spread { count: 1, mean: 2.5, deviation: None };
        assert_eq!(Spread::of([Some(2.5)]), Some(one));
        assert_eq!(one.interval(), None);
        assert_eq!(Spread::of([None, Some(f64::INFINITY)]), None);
    }
}

//! Running means, the median, and the two fits of the distance, by least squares.

/// A fitted curve of two parameters and how much of the variance it explains.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fit {
    /// a of a + b log t, or c of c t^p.
    pub first: f64,
    /// b of a + b log t, or p of c t^p.
    pub second: f64,
    /// 1 - (residual sum of squares) / (total sum of squares), of the values themselves.
    pub r_squared: f64,
}

/// Least squares for d = a + b log t (natural logarithm). `None` for fewer than three points or
/// constant data.
pub(super) fn fit_log(points: &[(f64, f64)]) -> Option<Fit> {
    let total = total_squares(points)?;
    let n = points.len() as f64;
    let mean_x = points.iter().map(|(t, _)| t.ln()).sum::<f64>() / n;
    let mean_y = points.iter().map(|(_, d)| d).sum::<f64>() / n;
    let xx: f64 = points.iter().map(|(t, _)| (t.ln() - mean_x).powi(2)).sum();
    let xy: f64 = points.iter().map(|(t, d)| (t.ln() - mean_x) * (d - mean_y)).sum();
    let b = xy / xx;
    let a = mean_y - b * mean_x;
    let residual: f64 = points.iter().map(|(t, d)| (d - a - b * t.ln()).powi(2)).sum();
    Some(Fit { first: a, second: b, r_squared: 1.0 - residual / total })
}

/// Least squares for d = c t^p on d itself, not on its logarithm, so that the R² of both fits compare.
/// For a given p the best c has a closed form; p is found by golden-section search in [-1, 3].
pub(super) fn fit_power(points: &[(f64, f64)]) -> Option<Fit> {
    let total = total_squares(points)?;
    let scale = points.iter().map(|(t, _)| *t).fold(1.0, f64::max);
    let factor = |p: f64| {
        let powers = points.iter().map(|&(t, d)| ((t / scale).powf(p), d));
        let (xd, xx) = powers.fold((0.0, 0.0), |(xd, xx), (x, d)| (xd + x * d, xx + x * x));
        xd / xx
    };
    let residual = |p: f64| {
        let c = factor(p);
        points.iter().map(|&(t, d)| (d - c * (t / scale).powf(p)).powi(2)).sum::<f64>()
    };
    let p = golden_section(residual, -1.0, 3.0);
    Some(Fit { first: factor(p) / scale.powf(p), second: p, r_squared: 1.0 - residual(p) / total })
}

/// The total sum of squares about the mean, where a fit makes sense.
fn total_squares(points: &[(f64, f64)]) -> Option<f64> {
    let mean = points.iter().map(|(_, d)| d).sum::<f64>() / points.len() as f64;
    let total: f64 = points.iter().map(|(_, d)| (d - mean).powi(2)).sum();
    (points.len() >= 3 && total.is_finite() && total > 0.0).then_some(total)
}

/// The minimum of a function with one valley, to about 1e-12 of the interval.
fn golden_section(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    for _ in 0..60 {
        let (left, right) = (high - ratio * (high - low), low + ratio * (high - low));
        if f(left) < f(right) {
            high = right;
        } else {
            low = left;
        }
    }
    f64::midpoint(low, high)
}

/// The mean over a centred window of `window` values (an odd number), shorter at the ends. Gaps do not
/// count; a window of gaps is a gap.
pub(super) fn running_mean(values: &[f64], window: usize) -> Vec<f64> {
    let half = window / 2;
    let range = |i: usize| i.saturating_sub(half)..(i + half + 1).min(values.len());
    (0..values.len()).map(|i| mean(values[range(i)].iter().copied())).collect()
}

/// The mean of the finite values, NaN if there are none.
pub(super) fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let finite = values.into_iter().filter(|value| value.is_finite());
    let (sum, count) = finite.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}

/// The middle of some finite values, or the mean of the two in the middle; `None` if there are none.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    Some(f64::midpoint(sorted[last / 2], sorted[last.div_ceil(2)]))
}

/// The window of the running means: a fiftieth of the longest run, odd, so that runs of different
/// length are smoothed alike.
pub(super) fn window(longest: usize) -> usize {
    longest / 100 * 2 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(f: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        (10..2000).map(f64::from).map(|t| (t, f(t))).collect()
    }

    fn close(value: f64, expected: f64) {
        assert!((value - expected).abs() < 1e-6, "{value} is not {expected}");
    }

    #[test]
    fn the_logarithmic_fit_recovers_its_parameters() -> Result<(), &'static str> {
        let fit = fit_log(&curve(|t| 1.5 + 0.25 * t.ln())).ok_or("no fit")?;
        close(fit.first, 1.5);
        close(fit.second, 0.25);
        close(fit.r_squared, 1.0);
        Ok(())
    }

    #[test]
    fn the_power_fit_recovers_its_parameters() -> Result<(), &'static str> {
        let fit = fit_power(&curve(|t| 0.3 * t.sqrt())).ok_or("no fit")?;
        close(fit.first, 0.3);
        close(fit.second, 0.5);
        close(fit.r_squared, 1.0);
        Ok(())
    }

    #[test]
    fn the_right_curve_explains_more() {
        let points = curve(|t| 1.5 + 0.25 * t.ln());
        let better = fit_log(&points).map(|fit| fit.r_squared);
        assert!(better > fit_power(&points).map(|fit| fit.r_squared));
    }

    #[test]
    fn too_little_to_fit_is_no_fit() {
        assert_eq!(fit_log(&[(10.0, 1.0), (11.0, 2.0)]), None);
        assert_eq!(fit_power(&[(10.0, 1.0), (11.0, 1.0), (12.0, 1.0)]), None);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[5.0, f64::NAN, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[5.0, 1.0, 2.0, 4.0]), Some(3.0));
        assert_eq!(median(&[f64::INFINITY]), None);
    }

    #[test]
    fn the_running_mean_skips_gaps() {
        let mean = running_mean(&[1.0, f64::NAN, 3.0, 5.0], 3);
        assert_eq!(mean, [1.0, 2.0, 4.0, 4.0]);
        assert!(running_mean(&[f64::NAN], 1)[0].is_nan());
    }
}

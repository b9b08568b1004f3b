//! Student's t distribution with a whole number of degrees of freedom.

use std::f64::consts::FRAC_PI_2;

/// P(T > t) for t >= 0, by the finite trigonometric series (Abramowitz & Stegun 26.7.3 and 26.7.4).
/// Its rounding error is about 1e-16 in all, so that tails are good down to 1e-10.
fn upper_tail(t: f64, freedom: usize) -> f64 {
    let nu = freedom as f64;
    let angle = (t / nu.sqrt()).atan();
    let (sin, cos_squared) = (angle.sin(), angle.cos().powi(2));
    let is_odd = freedom % 2 == 1;
    // Each term is the one before times (j - 1)/j cos², with j of the parity of the freedom.
    let first = if is_odd { angle.cos() } else { 1.0 };
    let factors = (2 + usize::from(is_odd)..freedom).step_by(2).map(|j| 1.0 - 1.0 / j as f64);
    let terms = factors.scan(first, |term, factor| {
        *term *= factor * cos_squared;
        Some(*term)
    });
    let sum = if freedom == 1 { 0.0 } else { first + terms.sum::<f64>() };
    let within = if is_odd { (angle + sin * sum) / FRAC_PI_2 } else { sin * sum };
    (1.0 - within) / 2.0
}

/// The t that is exceeded with probability `tail` (below a half), to about 1e-12 of it.
///
/// Cost: about fifteen evaluations of the tail. The logarithm of the tail is nearly a line in that of
/// t where the tail is heavy, and bends little elsewhere: false position, as Illinois has it.
pub(super) fn quantile(tail: f64, freedom: usize) -> f64 {
    // A tail below its rounding error is as good as that.
    let miss = |log: f64| (upper_tail(log.exp(), freedom).max(1e-18) / tail).ln();
    let (mut low, mut high) = (-3.0, 0.0);
    while miss(high) > 0.0 && high < 30.0 {
        (low, high) = (high, high + 1.0);
    }
    let (mut above, mut below) = (miss(low), miss(high));
    for _ in 0..60 {
        let next = high - below * (high - low) / (below - above);
        let found = miss(next);
        if found.abs() < 1e-11 {
            return next.exp();
        }
        // The end that stays where it is counts half, so that both ends move.
        if found > 0.0 {
            (low, above, below) = (next, found, below / 2.0);
        } else {
            (high, below, above) = (next, found, above / 2.0);
        }
    }
    high.exp()
}

#[cfg(test)]
mod tests {
    use super::quantile;

    /// scipy.stats.t.isf(tail, freedom), SciPy 1.
    #[test]
    fn quantiles_are_those_of_scipy() {
        for (tail, freedom, expected) in [
            (1e-3, 1, 318.308_838_985_550_44),
            (1e-4, 2, 70.700_071_074_964_28),
            (1e-5, 3, 47.927_728_375_933_924),
            (1e-6, 4, 41.577_854_150_450_975),
            (5e-6, 7, 11.214_849_796_476_56),
            (1e-7, 20, 7.723_099_673_969_021),
            (1e-5, 99, 4.480_677_958_027_786),
            (1e-6, 448, 4.816_737_939_284_114),
        ] {
            let found: f64 = quantile(tail, freedom);
            assert!((found / expected - 1.0).abs() < 1e-7, "{tail}, {freedom}: {found}");
        }
    }
}

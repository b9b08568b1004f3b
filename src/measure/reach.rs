//! How far the update's direction leads before the loss is back where it began.

use super::LineLosses;
use crate::objective::{Line, Objective, ObjectiveError};

/// The loss beyond the end of an update.
#[derive(Debug, Clone, PartialEq)]
pub struct Reach {
    /// alpha > 1, ascending, as far as it was measured.
    pub alphas: Vec<f64>,
    /// The loss there.
    pub losses: Vec<f64>,
    /// The smallest alpha > 0 at which the loss has returned to its start, up to 1/K² of the
    /// interval; none if it stays below up to the limit, or is not finite before.
    pub critical_alpha: Option<f64>,
    /// Points evaluated.
    pub evaluations: usize,
}

/// Goes on along a measured line in steps of 1/K up to alpha = `limit`, until the loss is at least
/// its start, and narrows the last interval down by K points and a chord.
///
/// On a quadratic with slope s < 0 and curvature c along the line, the critical alpha is -2s/c; for
/// a step of gradient descent that is 2/(eta · alignment).
///
/// Cost: K evaluations of the full loss for every unit of alpha beyond 1, and K - 1 more.
pub fn reach(
    objective: &impl Objective,
    line: Line,
    measured: &LineLosses,
    limit: f64,
) -> Result<Reach, ObjectiveError> {
    let intervals = measured.alphas.len() - 1;
    let start = measured.losses[0];
    let is_back = |loss: f64| loss >= start || !loss.is_finite();
    let (mut alphas, mut losses) = (measured.alphas.clone(), measured.losses.clone());
    let last = (limit * intervals as f64).floor() as usize;
    while alphas.len() <= last && !losses[1..].iter().copied().any(is_back) {
        let next: Vec<f64> = (alphas.len()..=last.min(alphas.len() + intervals - 1))
            .map(|k| k as f64 / intervals as f64)
            .collect();
        losses.extend(objective.losses(line, &next, measured.precision)?);
        alphas.extend(next);
    }
    let mut evaluations = losses.len() - measured.losses.len();
    let crossing = (1..losses.len()).find(|&k| is_back(losses[k]));
    let mut critical_alpha = None;
    if let Some(k) = crossing.filter(|&k| losses[k].is_finite()) {
        let (left, right) = (alphas[k - 1], alphas[k]);
        let fraction = |j: usize| left + (right - left) * j as f64 / intervals as f64;
        let inner: Vec<f64> = (1..intervals).map(fraction).collect();
        let found = objective.losses(line, &inner, measured.precision)?;
        evaluations += inner.len();
        let points = [(left, losses[k - 1])].into_iter();
        let points: Vec<_> =
            points.chain(inner.into_iter().zip(found)).chain([(right, losses[k])]).collect();
        critical_alpha = points.windows(2).find_map(|pair| chord(pair[0], pair[1], start));
    }
    let beyond = measured.alphas.len();
    Ok(Reach {
        alphas: alphas.split_off(beyond),
        losses: losses.split_off(beyond),
        critical_alpha,
        evaluations,
    })
}

/// Where the chord between two points reaches `level` from below.
fn chord(left: (f64, f64), right: (f64, f64), level: f64) -> Option<f64> {
    let rise = right.1 - left.1;
    (right.1 >= level && rise.is_finite()).then(|| {
        let share = if rise > 0.0 { (level - left.1) / rise } else { 1.0 };
        left.0 + (right.0 - left.0) * share
    })
}

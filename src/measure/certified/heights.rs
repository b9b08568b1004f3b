//! How high and how deep a line is, with bounds.

use super::contrast::Contrast;
use super::looks::FIRST_REST;
use super::seen::Seen;
use super::{MeanBound, Rule};

/// What is known of a line beside the decision. Each pair of bounds holds with the probability
/// 1 - error that the decision has.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    /// Of L_k - L_0 at every point, all together.
    pub rises: Vec<[f64; 2]>,
    /// Of the barrier's height, max_k L_k - max(L_0, L_K).
    pub height: [f64; 2],
    /// Of the floor, min_k L_k.
    pub floor: [f64; 2],
    /// Of the alpha of the floor.
    pub floor_alpha: [f64; 2],
}

/// The mean losses as far as they are known: exact where every unit was visited, else estimated from
/// the ends and from the paired distance to the chord.
pub(super) fn estimates(seen: &Seen, alphas: &[f64]) -> Vec<f64> {
    let last = alphas.len() - 1;
    let end = |point: usize| Contrast::loss(point).mean(seen);
    let (first_loss, last_loss) = (end(0), end(last));
    let estimate = |point: usize| {
        if point == 0 || point == last {
            return end(point);
        }
        let alpha = alphas[point];
        let chord = (1.0 - alpha) * first_loss + alpha * last_loss;
        chord - Contrast::below_chord(point, alphas).mean(seen)
    };
    let known = |point: usize| seen.exact(point).unwrap_or_else(|| estimate(point));
    (0..=last).map(known).collect()
}

/// Bounds that do not contradict the decision.
pub(super) fn bounds(
    rule: Rule,
    seen: &Seen,
    (alphas, losses): (&[f64], &[f64]),
    is_crossed: bool,
) -> Bounds {
    let last = alphas.len() - 1;
    // Every point has two sides.
    let share = rule.error / (2 * (last + 1)) as f64;
    let bound = |share: f64| MeanBound::new(rule.assume, share, FIRST_REST, seen.all_units());
    let (whole, half) = (bound(share), bound(share / 2.0));
    let between = |bound: &MeanBound, contrast: &Contrast| bound.both(&contrast.values(seen));
    let rises: Vec<_> = (0..=last).map(|k| between(&whole, &Contrast::difference(k, 0))).collect();
    let heights = (1..last).map(|k| {
        let [first, end] = [0, last].map(|end| between(&half, &Contrast::difference(k, end)));
        let chord = -half.lower(&Contrast::below_chord(k, alphas).values(seen));
        [first[0].min(end[0]), first[1].min(end[1]).min(chord)]
    });
    let highest = |a: [f64; 2], b: [f64; 2]| [a[0].max(b[0]), a[1].max(b[1])];
    let [low, high] = heights.fold([f64::NEG_INFINITY; 2], highest);
    let height = if is_crossed { [low.max(0.0), high] } else { [low, high.min(0.0)] };
    let lowest = (0..=last).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).unwrap_or(0);
    let may_be_floor = |k: &usize| between(&whole, &Contrast::difference(*k, lowest))[0] <= 0.0;
    let floors: Vec<usize> = (0..=last).filter(may_be_floor).collect();
    let levels = floors.iter().map(|&k| between(&whole, &Contrast::loss(k)));
    let deepest = |a: [f64; 2], b: [f64; 2]| [a[0].min(b[0]), a[1].min(b[1])];
    let floor = levels.fold([f64::INFINITY; 2], deepest);
    let edge = |point: Option<&usize>| point.map_or(f64::NAN, |&point| alphas[point]);
    Bounds { rises, height, floor, floor_alpha: [edge(floors.first()), edge(floors.last())] }
}

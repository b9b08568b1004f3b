//! Differences between points of a line, unit by unit.

use super::seen::Seen;

/// A sum of multiples of the losses at some points. It is paired: each
/// unit's own value is taken, so what units have in common, and their slopes, cancel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Contrast(Vec<(usize, f64)>);

impl Contrast {
    /// L_k itself.
    pub(super) fn loss(point: usize) -> Self {
        Self(vec![(point, 1.0)])
    }

    /// L_a - L_b.
    pub(super) fn difference(a: usize, b: usize) -> Self {
        Self(vec![(a, 1.0), (b, -1.0)])
    }

    /// How far a point lies below the chord between the ends, (1 - alpha) L_0 + alpha L_K - L_k. Where
    /// it lies below the chord it lies below the higher end, which no mean of the two exceeds.
    pub(super) fn below_chord(point: usize, alphas: &[f64]) -> Self {
        let alpha = alphas[point];
        Self(vec![(0, 1.0 - alpha), (alphas.len() - 1, alpha), (point, -1.0)])
    }

    /// How much farther below the chord a point lies than on the parabola through the ends and the
    /// pilot; and the depth of the parabola there in depths of the pilot.
    pub(super) fn below_parabola(point: usize, pilot: usize, alphas: &[f64]) -> (Self, f64) {
        let depth = |point: usize| alphas[point] * (1.0 - alphas[point]);
        let ratio = depth(point) / depth(pilot);
        let parts = Self::below_chord(pilot, alphas).0.into_iter();
        let mut contrast = Self::below_chord(point, alphas);
        contrast.0.extend(parts.map(|(point, weight)| (point, -ratio * weight)));
        (contrast, ratio)
    }

    /// Its value in every unit that was visited at all of its points, in the order of the visits.
    pub(super) fn values(&self, seen: &Seen) -> Vec<f64> {
        let visits = self.0.iter().map(|&(point, _)| seen.units(point)).min().unwrap_or(0);
        let mut values = vec![0.0; visits];
        for &(point, weight) in &self.0 {
            let losses = seen.losses(point);
            values.iter_mut().zip(losses).for_each(|(value, loss)| *value += weight * loss);
        }
        values
    }

    /// The mean of those values; NaN of none.
    pub(super) fn mean(&self, seen: &Seen) -> f64 {
        super::bound::mean(&self.values(seen))
    }
}

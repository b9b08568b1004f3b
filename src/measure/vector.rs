//! Vectors as directions.

use crate::linalg::dot;

/// The share of ‖v‖² that lies in the space of orthonormal `vectors`: sum_i (e_i·v)² / ‖v‖², in
/// [0, 1] up to rounding; none for a vector that is zero or not finite.
///
/// ```
/// let axes = [vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 0.0]];
/// assert_eq!(losswalk::measure::share_in_space(&axes, &[3.0, 0.0, 4.0]), Some(0.36));
/// ```
pub fn share_in_space(vectors: &[Vec<f64>], v: &[f64]) -> Option<f64> {
    let share = vectors.iter().map(|e| dot(e, v).powi(2)).sum::<f64>() / dot(v, v);
    share.is_finite().then_some(share)
}

/// How much two spaces of k orthonormal vectors each overlap: (1/k) sum_ij (a_i·b_j)², which is 1 for
/// equal spaces and 0 for orthogonal ones.
pub fn overlap(a: &[Vec<f64>], b: &[Vec<f64>]) -> Option<f64> {
    let shares: Option<Vec<f64>> = a.iter().map(|vector| share_in_space(b, vector)).collect();
    let shares = shares.filter(|shares| !shares.is_empty())?;
    Some(shares.iter().sum::<f64>() / shares.len() as f64)
}

//! Equation 5: the cosine of consecutive mini-batch gradients.

use crate::linalg::products;

/// a·b / (‖a‖ ‖b‖), in [-1, 1] up to rounding; none if either is zero or not finite.
///
/// ```
/// assert_eq!(losswalk::measure::cosine(&[1.0, 0.0], &[0.0, 2.0]), Some(0.0));
/// assert_eq!(losswalk::measure::cosine(&[1.0, 0.0], &[0.0, 0.0]), None);
/// ```
pub fn cosine(a: &[f64], b: &[f64]) -> Option<f64> {
    cosine_of(products(a, b))
}

/// The same from a·a, a·b and b·b.
pub fn cosine_of([aa, ab, bb]: [f64; 3]) -> Option<f64> {
    let value = ab / (aa.sqrt() * bb.sqrt());
    value.is_finite().then_some(value)
}

//! The transforms along one dimension.

use super::super::simd::Lanes;

/// M outputs of a filter of three taps from K inputs, by N products.
pub(in super::super) trait Scheme<const M: usize, const K: usize, const N: usize> {
    /// G g, in f64: transformed weights are rounded once.
    fn weights(g: [f64; 3]) -> [f64; N];

    /// Gᵀ p, in f64.
    fn taps(p: [f64; N]) -> [f64; 3];

    /// Bᵀ d.
    fn input<L: Lanes>(lanes: L, d: [L::Vector; K]) -> [L::Vector; N];

    /// Aᵀ p.
    fn output<L: Lanes>(lanes: L, p: [L::Vector; N]) -> [L::Vector; M];

    /// A y.
    fn spread<L: Lanes>(lanes: L, y: [L::Vector; M]) -> [L::Vector; N];
}

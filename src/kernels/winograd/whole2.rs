//! Two pixels with nothing but zeros around them.

use super::super::simd::Lanes;
use super::Scheme;

/// What the padding is multiplied with falls away: the rest, [b c; a b], is a Toeplitz matrix, whose product takes
/// three multiplications, where F(2, 3) has four. In two dimensions 9, where the definition has 16 without padding.
/// All constants are ±1; the difference of two inputs is taken, which is smaller than their sum where they were
/// rectified, and rounds a third less.
pub(in super::super) struct Whole2;

impl Scheme<2, 2, 3> for Whole2 {
    #[inline(always)]
    fn weights([a, b, c]: [f64; 3]) -> [f64; 3] {
        [a + b, b, c + b]
    }

    #[inline(always)]
    fn taps([p, q, r]: [f64; 3]) -> [f64; 3] {
        [p, p + q + r, r]
    }

    #[inline(always)]
    fn input<L: Lanes>(lanes: L, [a, b]: [L::Vector; 2]) -> [L::Vector; 3] {
        [a, lanes.sub(a, b), b]
    }

    #[inline(always)]
    fn output<L: Lanes>(lanes: L, [p, q, r]: [L::Vector; 3]) -> [L::Vector; 2] {
        [lanes.add(q, r), lanes.sub(p, q)]
    }

    #[inline(always)]
    fn spread<L: Lanes>(lanes: L, [a, b]: [L::Vector; 2]) -> [L::Vector; 3] {
        [b, lanes.sub(a, b), a]
    }
}

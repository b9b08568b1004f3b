//! F(2, 3) at the points 0, 1, -1 and infinity.

use super::super::simd::Lanes;
use super::Scheme;

/// 2.25 times fewer products; all constants are exact.
pub(in super::super) struct F2;

impl Scheme<2, 4, 4> for F2 {
    #[inline(always)]
    fn weights([a, b, c]: [f64; 3]) -> [f64; 4] {
        [a, (a + b + c) / 2.0, (a - b + c) / 2.0, c]
    }

    #[inline(always)]
    fn taps([a, b, c, d]: [f64; 4]) -> [f64; 3] {
        let [even, odd] = [(b + c) / 2.0, (b - c) / 2.0];
        [a + even, odd, even + d]
    }

    #[inline(always)]
    fn input<L: Lanes>(lanes: L, [a, b, c, d]: [L::Vector; 4]) -> [L::Vector; 4] {
        [lanes.sub(a, c), lanes.add(b, c), lanes.sub(c, b), lanes.sub(d, b)]
    }

    #[inline(always)]
    fn output<L: Lanes>(lanes: L, [a, b, c, d]: [L::Vector; 4]) -> [L::Vector; 2] {
        [lanes.add(a, lanes.add(b, c)), lanes.add(d, lanes.sub(b, c))]
    }

    #[inline(always)]
    fn spread<L: Lanes>(lanes: L, [a, b]: [L::Vector; 2]) -> [L::Vector; 4] {
        [a, lanes.add(a, b), lanes.sub(a, b), b]
    }
}

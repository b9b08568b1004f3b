//! F(4, 3) at the points 0, 3/4, -3/4, 3/2, -3/2 and infinity.

use super::super::simd::Lanes;
use super::Scheme;

/// 4 times fewer products. With points at 1 and 2, as in Lavin & Gray, errors are twice as large; these
/// have constants that f32 holds exactly, too.
pub(in super::super) struct F4;

/// p and q, the points up to the sign; their squares P and Q.
const POINT: [f64; 2] = [0.75, 1.5];
const SQUARE: [f64; 2] = [POINT[0] * POINT[0], POINT[1] * POINT[1]];
const CUBE: [f64; 2] = [POINT[0] * SQUARE[0], POINT[1] * SQUARE[1]];

/// 1 / (the product of the differences to the other points), at ±p and at ±q, and at 0.
const SCALE: [f64; 2] = [scale(SQUARE[0], SQUARE[1]), scale(SQUARE[1], SQUARE[0])];
const SCALE_OF_ZERO: f64 = 1.0 / (SQUARE[0] * SQUARE[1]);

const fn scale(square: f64, other: f64) -> f64 {
    1.0 / (2.0 * square * (square - other))
}

#[inline(always)]
fn pair<L: Lanes>(lanes: L, [p, q]: [f64; 2]) -> [L::Vector; 2] {
    [lanes.splat(p as f32), lanes.splat(q as f32)]
}

impl Scheme<4, 6, 6> for F4 {
    /// (1, x, x²) / (the product of the differences to the other points) at each point x.
    #[inline(always)]
    fn weights([a, b, c]: [f64; 3]) -> [f64; 6] {
        let pair = |i: usize| {
            let (x, even) = (POINT[i], a + SQUARE[i] * c);
            [SCALE[i] * (even + x * b), SCALE[i] * (even - x * b)]
        };
        let [[p, minus_p], [q, minus_q]] = [pair(0), pair(1)];
        [SCALE_OF_ZERO * a, p, minus_p, q, minus_q, c]
    }

    /// What each point's product is to 1, x and x².
    #[inline(always)]
    fn taps(m: [f64; 6]) -> [f64; 3] {
        let even = [SCALE[0] * (m[1] + m[2]), SCALE[1] * (m[3] + m[4])];
        let odd = [SCALE[0] * (m[1] - m[2]), SCALE[1] * (m[3] - m[4])];
        [
            SCALE_OF_ZERO * m[0] + (even[0] + even[1]),
            POINT[0] * odd[0] + POINT[1] * odd[1],
            m[5] + (SQUARE[0] * even[0] + SQUARE[1] * even[1]),
        ]
    }

    /// The coefficients of the polynomial that vanishes at the other points.
    #[inline(always)]
    fn input<L: Lanes>(lanes: L, d: [L::Vector; 6]) -> [L::Vector; 6] {
        let product = lanes.splat((SQUARE[0] * SQUARE[1]) as f32);
        let minus_sum = lanes.splat(-(SQUARE[0] + SQUARE[1]) as f32);
        // x⁴ - (P + Q) x² + P Q, at 0 and, times x, at infinity.
        let end = |a, b, c| lanes.mul_add(product, a, lanes.mul_add(minus_sum, b, c));
        // x⁴ - Q x² ± p (x³ - Q x), with `other` = Q.
        let point = pair(lanes, POINT);
        let minus_other = pair(lanes, [-SQUARE[0], -SQUARE[1]]);
        let even =
            [lanes.mul_add(minus_other[1], d[2], d[4]), lanes.mul_add(minus_other[0], d[2], d[4])];
        let odd = [
            lanes.mul(point[0], lanes.mul_add(minus_other[1], d[1], d[3])),
            lanes.mul(point[1], lanes.mul_add(minus_other[0], d[1], d[3])),
        ];
        [
            end(d[0], d[2], d[4]),
            lanes.add(even[0], odd[0]),
            lanes.sub(even[0], odd[0]),
            lanes.add(even[1], odd[1]),
            lanes.sub(even[1], odd[1]),
            end(d[1], d[3], d[5]),
        ]
    }

    /// The sums of x^i times the product at x.
    #[inline(always)]
    fn output<L: Lanes>(lanes: L, m: [L::Vector; 6]) -> [L::Vector; 4] {
        let (even_p, odd_p) = (lanes.add(m[1], m[2]), lanes.sub(m[1], m[2]));
        let (even_q, odd_q) = (lanes.add(m[3], m[4]), lanes.sub(m[3], m[4]));
        let [p, q] = pair(lanes, POINT);
        let [p2, q2] = pair(lanes, SQUARE);
        let [p3, q3] = pair(lanes, CUBE);
        [
            lanes.add(m[0], lanes.add(even_p, even_q)),
            lanes.mul_add(p, odd_p, lanes.mul(q, odd_q)),
            lanes.mul_add(p2, even_p, lanes.mul(q2, even_q)),
            lanes.add(m[5], lanes.mul_add(p3, odd_p, lanes.mul(q3, odd_q))),
        ]
    }

    /// The polynomial with these coefficients at each point.
    #[inline(always)]
    fn spread<L: Lanes>(lanes: L, [a, b, c, d]: [L::Vector; 4]) -> [L::Vector; 6] {
        let [p, q] = pair(lanes, POINT);
        let [p2, q2] = pair(lanes, SQUARE);
        let [p3, q3] = pair(lanes, CUBE);
        let even = [lanes.mul_add(p2, c, a), lanes.mul_add(q2, c, a)];
        let odd = [lanes.mul_add(p3, d, lanes.mul(p, b)), lanes.mul_add(q3, d, lanes.mul(q, b))];
        [
            a,
            lanes.add(even[0], odd[0]),
            lanes.sub(even[0], odd[0]),
            lanes.add(even[1], odd[1]),
            lanes.sub(even[1], odd[1]),
            d,
        ]
    }
}

//! Values of smooth functions and their first two derivatives, in f64: sums, products and quotients without branches,
//! which the compiler turns into vectors. What is no number stays none.

use std::f64::consts::{FRAC_1_SQRT_2, LN_2, LOG2_E};

use crate::kernels::simd::Lanes;

/// A function f of one number.
pub(super) trait Jet {
    /// f(x), f'(x) and f''(x), the value to 1e-9 of itself.
    fn jet<L: Lanes>(x: f64) -> [f64; 3];
}

/// tanh.
pub(super) struct Tanh;

impl Jet for Tanh {
    #[inline(always)]
    fn jet<L: Lanes>(x: f64) -> [f64; 3] {
        // Beyond 20 it is 1 to the last bit.
        let [power, rest] = exp::<L>(2.0 * limit(x, 20.0));
        let above = power - 1.0 + rest;
        let inverse = 1.0 / (above + 2.0);
        let value = above * inverse;
        let slope = 4.0 * (above + 1.0) * inverse * inverse;
        [value, slope, -2.0 * value * slope]
    }
}

/// x Phi(x), with the distribution function Phi of the standard normal distribution.
pub(super) struct Gelu;

/// erfcx(z) / t, with erfcx(z) = exp(z²) erfc(z) and t = 5/2 / (5/2 + z), as a polynomial in t, to 6e-10 of it for z >= 0
/// (`tests/reference/erfcx.py`).
const ERFCX: [f64; 13] = [
    0.22567583339147088,
    0.22567584230673726,
    0.2076213962425071,
    0.17151666140800295,
    0.12173681458027033,
    0.06564070142544648,
    0.02768734259656604,
    -0.05800128606199708,
    0.10097666060209529,
    -0.23746509109236064,
    0.2374959612955198,
    -0.10735655693520005,
    0.01879572059180118,
];

/// 1 / sqrt(2 pi).
const DENSITY_OF_ZERO: f64 = 0.3989422804014327;

impl Jet for Gelu {
    #[inline(always)]
    fn jet<L: Lanes>(x: f64) -> [f64; 3] {
        // Beyond 37 Phi(-x) is below 1e-299.
        let near = limit(x, 37.0);
        let [power, rest] = exp::<L>(-0.5 * near * near);
        let exponential = power + rest;
        let t = 2.5 / mul_add::<L>(near.abs(), FRAC_1_SQRT_2, 2.5);
        let tail = 0.5 * exponential * t * polynomial::<L>(&ERFCX, t);
        let distribution = if x < 0.0 { tail } else { 1.0 - tail };
        let density = DENSITY_OF_ZERO * exponential;
        let slope = mul_add::<L>(near, density, distribution);
        [x * distribution, slope, density * mul_add::<L>(-near, near, 2.0)]
    }
}

/// ln(1 + exp(x)).
pub(super) struct Softplus;

/// artanh(s) / s as a polynomial in s², to 2e-11 for s up to 1/3.
const ARTANH: [f64; 10] = [
    1.0,
    1.0 / 3.0,
    1.0 / 5.0,
    1.0 / 7.0,
    1.0 / 9.0,
    1.0 / 11.0,
    1.0 / 13.0,
    1.0 / 15.0,
    1.0 / 17.0,
    1.0 / 19.0,
];

impl Jet for Softplus {
    #[inline(always)]
    fn jet<L: Lanes>(x: f64) -> [f64; 3] {
        let [power, rest] = exp::<L>(-limit(x, 700.0).abs());
        let e = power + rest;
        // ln(1 + e) = 2 artanh(e / (2 + e)).
        let s = e / (2.0 + e);
        let logarithm = 2.0 * s * polynomial::<L>(&ARTANH, s * s);
        let inverse = 1.0 / (1.0 + e);
        let (positive, slope) = if x < 0.0 { (0.0, e * inverse) } else { (x, inverse) };
        [positive + logarithm, slope, e * inverse * inverse]
    }
}

/// x, at most as far from 0 as this.
#[inline(always)]
fn limit(x: f64, most: f64) -> f64 {
    let x = if x > most { most } else { x };
    if x < -most { -most } else { x }
}

/// 1 / k! from k = 1 on.
const FACTORIALS: [f64; 9] = [
    1.0,
    1.0 / 2.0,
    1.0 / 6.0,
    1.0 / 24.0,
    1.0 / 120.0,
    1.0 / 720.0,
    1.0 / 5_040.0,
    1.0 / 40_320.0,
    1.0 / 362_880.0,
];

/// Two numbers that add up to exp(x) for |x| up to 700, to 1e-11 of it and of exp(x) - 1: with x = n ln 2 + r these are 2^n
/// and 2^n (exp(r) - 1).
#[inline(always)]
fn exp<L: Lanes>(x: f64) -> [f64; 2] {
    /// A number that leaves no bits of an f64 for a fraction when it is added.
    const WHOLE: f64 = 6_755_399_441_055_744.0;
    /// ln 2 less what its upper 32 bits hold.
    const LN_2_UPPER: f64 = 0.693_147_180_369_123_8;
    const LN_2_LOWER: f64 = LN_2 - LN_2_UPPER;
    let shifted = mul_add::<L>(x, LOG2_E, WHOLE);
    let n = shifted - WHOLE;
    let r = mul_add::<L>(-n, LN_2_LOWER, mul_add::<L>(-n, LN_2_UPPER, x));
    // The lower bits of the sum are n: moved to where an f64 has its exponent, they make 2^n.
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1.0f64.to_bits()));
    [power, power * r * polynomial::<L>(&FACTORIALS, r)]
}

/// The sum of `coefficients[k]` x^k.
#[inline(always)]
fn polynomial<L: Lanes>(coefficients: &[f64], x: f64) -> f64 {
    let mut sum = 0.0;
    for &coefficient in coefficients.iter().rev() {
        sum = mul_add::<L>(sum, x, coefficient);
    }
    sum
}

/// a b + c, rounded once if the instruction set can.
#[inline(always)]
fn mul_add<L: Lanes>(a: f64, b: f64, c: f64) -> f64 {
    if L::FUSED { a.mul_add(b, c) } else { a * b + c }
}

//! Vectors that the compiler makes of four numbers: NEON on 64-bit ARM, SSE2 on x86.

use super::{Kernel, Lanes};

/// Runs anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Portable;

const WIDTH: usize = 4;

#[inline(always)]
fn zip(a: [f32; WIDTH], b: [f32; WIDTH], f: impl Fn(f32, f32) -> f32) -> [f32; WIDTH] {
    [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])]
}

impl Lanes for Portable {
    const WIDTH: usize = WIDTH;
    const ROWS: usize = 8;
    const FUSED: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));
    type Vector = [f32; WIDTH];

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Vector {
        [value; WIDTH]
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::Vector {
        from.as_chunks().0[0]
    }

    #[inline(always)]
    fn store(self, to: &mut [f32], value: Self::Vector) {
        to[..WIDTH].copy_from_slice(&value);
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        zip(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        zip(a, b, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        zip(a, b, |a, b| a * b)
    }

    /// Without hardware for it, a fused operation is a call into the C library: two roundings then.
    #[inline(always)]
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        if Self::FUSED {
            let fused = |i: usize| a[i].mul_add(b[i], c[i]);
            return [fused(0), fused(1), fused(2), fused(3)];
        }
        self.add(self.mul(a, b), c)
    }

    #[inline(always)]
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        zip(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn keep_greater(self, a: Self::Vector, b: Self::Vector, value: Self::Vector) -> Self::Vector {
        let kept = |i: usize| if a[i] > b[i] { value[i] } else { 0.0 };
        [kept(0), kept(1), kept(2), kept(3)]
    }
}

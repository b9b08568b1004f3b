//! Vectors that the compiler makes of single numbers.

use super::{Kernel, Lanes};

/// Implements [`Lanes`] by arrays.
macro_rules! portable_lanes {
    ($(#[$doc:meta])* $token:ident, $width:literal, $rows:literal, $($lane:literal)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) struct $token;

        impl $token {
            #[inline(always)]
            fn zip(
                a: [f32; $width],
                b: [f32; $width],
                f: impl Fn(f32, f32) -> f32,
            ) -> [f32; $width] {
                [$(f(a[$lane], b[$lane])),*]
            }
        }

        impl Lanes for $token {
            const WIDTH: usize = $width;
            const ROWS: usize = $rows;
            const FUSED: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));
            type Vector = [f32; $width];

            #[inline(always)]
            fn run<K: Kernel>(self, kernel: K) -> K::Output {
                kernel.run(self)
            }

            #[inline(always)]
            fn splat(self, value: f32) -> Self::Vector {
                [value; $width]
            }

            #[inline(always)]
            fn load(self, from: &[f32]) -> Self::Vector {
                from.as_chunks().0[0]
            }

            #[inline(always)]
            fn store(self, to: &mut [f32], value: Self::Vector) {
                to[..$width].copy_from_slice(&value);
            }

            #[inline(always)]
            fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
                Self::zip(a, b, |a, b| a + b)
            }

            #[inline(always)]
            fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
                Self::zip(a, b, |a, b| a - b)
            }

            #[inline(always)]
            fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
                Self::zip(a, b, |a, b| a * b)
            }

            /// Without hardware for it, a fused operation is a call into the C library: two roundings then.
            #[inline(always)]
            fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
                if Self::FUSED {
                    return [$(a[$lane].mul_add(b[$lane], c[$lane])),*];
                }
                self.add(self.mul(a, b), c)
            }

            #[inline(always)]
            fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
                Self::zip(a, b, |a, b| if a > b { a } else { b })
            }

            #[inline(always)]
            fn keep_greater(
                self,
                a: Self::Vector,
                b: Self::Vector,
                value: Self::Vector,
            ) -> Self::Vector {
                [$(if a[$lane] > b[$lane] { value[$lane] } else { 0.0 }),*]
            }
        }
    };
}

portable_lanes!(
    /// Runs anywhere: NEON on 64-bit ARM, SSE2 on x86.
    Portable, 4, 8, 0 1 2 3
);

#[cfg(test)]
portable_lanes!(
    /// The vectors and tiles of AVX-512 on any CPU, so that what depends on their sizes is tested there, too.
    Wide, 16, 14, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
);

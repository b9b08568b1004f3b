//! AVX-512 and AVX2 with FMA.

use std::arch::x86_64::*;

use super::{Kernel, Lanes};

/// Implements [`Lanes`] for a token by the intrinsics of one vector width.
macro_rules! x86_lanes {
    (
        $token:ident, $features:literal, $detected:expr, $vector:ty, $width:literal, $rows:literal,
        $splat:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident, $fma:ident,
        $max:ident
    ) => {
        #[doc = concat!("Proof that the CPU has `", $features, "`: only `detect` makes one.")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) struct $token(());

        impl $token {
            /// The token, if the CPU has the features.
            pub(super) fn detect() -> Option<Self> {
                $detected.then_some(Self(()))
            }
        }

        impl Lanes for $token {
            const WIDTH: usize = $width;
            const ROWS: usize = $rows;
            type Vector = $vector;

            #[inline(always)]
            fn run<K: Kernel>(self, kernel: K) -> K::Output {
                #[target_feature(enable = $features)]
                fn compiled<K: Kernel>(token: $token, kernel: K) -> K::Output {
                    kernel.run(token)
                }
                // SAFETY: the token proves that the CPU has the features.
                unsafe { compiled(self, kernel) }
            }

            #[inline(always)]
            fn splat(self, value: f32) -> $vector {
                // SAFETY: the token proves that the CPU has the features.
                unsafe { $splat(value) }
            }

            #[inline(always)]
            fn load(self, from: &[f32]) -> $vector {
                let from: &[f32; $width] = &from.as_chunks().0[0];
                // SAFETY: the token proves the features; `from` is as long as a vector, and the
                // load needs no alignment.
                unsafe { $load(from.as_ptr()) }
            }

            #[inline(always)]
            fn store(self, to: &mut [f32], value: $vector) {
                let to: &mut [f32; $width] = &mut to.as_chunks_mut().0[0];
                // SAFETY: the token proves the features; `to` is as long as a vector, and the
                // store needs no alignment.
                unsafe { $store(to.as_mut_ptr(), value) }
            }

            #[inline(always)]
            fn add(self, a: $vector, b: $vector) -> $vector {
                // SAFETY: the token proves that the CPU has the features.
                unsafe { $add(a, b) }
            }

            #[inline(always)]
            fn sub(self, a: $vector, b: $vector) -> $vector {
                // SAFETY: the token proves that the CPU has the features.
                unsafe { $sub(a, b) }
            }

            #[inline(always)]
            fn mul(self, a: $vector, b: $vector) -> $vector {
                // SAFETY: the token proves that the CPU has the features.
                unsafe { $mul(a, b) }
            }

            #[inline(always)]
            fn mul_add(self, a: $vector, b: $vector, c: $vector) -> $vector {
                // SAFETY: the token proves that the CPU has the features.
                unsafe { $fma(a, b, c) }
            }

            #[inline(always)]
            fn max(self, a: $vector, b: $vector) -> $vector {
                // SAFETY: the token proves that the CPU has the features.
                unsafe { $max(a, b) }
            }
        }
    };
}

x86_lanes!(
    Avx512,
    "avx512f,fma,avx2",
    has_avx512(),
    __m512,
    16,
    14,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_add_ps,
    _mm512_sub_ps,
    _mm512_mul_ps,
    _mm512_fmadd_ps,
    _mm512_max_ps
);

x86_lanes!(
    Avx2,
    "fma,avx2",
    has_avx2(),
    __m256,
    8,
    6,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_add_ps,
    _mm256_sub_ps,
    _mm256_mul_ps,
    _mm256_fmadd_ps,
    _mm256_max_ps
);

fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

fn has_avx512() -> bool {
    has_avx2() && is_x86_feature_detected!("avx512f")
}

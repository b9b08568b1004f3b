//! AVX-512 and AVX2 with FMA.

use std::arch::x86_64::*;

use super::{Kernel, Lanes};

/// Implements [`Lanes`] for a token by the intrinsics of one vector width.
macro_rules! x86_lanes {
    (
        $token:ident, $features:literal, $detected:expr, $vector:ty, $width:literal, $rows:literal,
        $splat:ident, $load:ident, $store:ident, $add:ident, $sub:ident, $mul:ident, $fma:ident,
        $max:ident, $compare:ident, $keep:ident,
        $load_part:ident, $store_part:ident
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
            const FUSED: bool = true;
            type Vector = $vector;

            #[inline(always)]
            fn run<K: Kernel>(self, kernel: K) -> K::Output {
                #[target_feature(enable = $features)]
                #[inline(never)]
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
            fn prefetch<T>(self, from: &[T], at: usize) {
                // SAFETY: a prefetch reads nothing, whatever the address.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(from.as_ptr().wrapping_add(at).cast()) }
            }

            #[inline(always)]
            fn prefetch_far<T>(self, from: &[T], at: usize) {
                // SAFETY: a prefetch reads nothing, whatever the address.
                unsafe { _mm_prefetch::<_MM_HINT_T1>(from.as_ptr().wrapping_add(at).cast()) }
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

            #[inline(always)]
            fn keep_greater(self, a: $vector, b: $vector, value: $vector) -> $vector {
                // SAFETY: the token proves that the CPU has the features.
                unsafe { $keep($compare::<_CMP_GT_OQ>(a, b), value) }
            }

            #[inline(always)]
            fn load_part(self, from: &[f32]) -> $vector {
                // SAFETY: the token proves that the CPU has the features.
                unsafe { $load_part(from) }
            }

            #[inline(always)]
            fn store_part(self, to: &mut [f32], value: $vector) {
                // SAFETY: the token proves that the CPU has the features.
                unsafe { $store_part(to, value) }
            }

            #[inline(always)]
            fn turn(self, from: (&[f32], usize), to: (&mut [f32], usize)) {
                // SAFETY: the token proves that the CPU has the features.
                unsafe { turn_256(from, to) }
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
    _mm512_max_ps,
    _mm512_cmp_ps_mask,
    _mm512_maskz_mov_ps,
    load_part_512,
    store_part_512
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
    _mm256_max_ps,
    _mm256_cmp_ps,
    _mm256_and_ps,
    load_part_256,
    store_part_256
);

/// # Safety
/// The CPU has AVX2.
#[inline(always)]
unsafe fn turn_256((from, step): (&[f32], usize), (to, to_step): (&mut [f32], usize)) {
    assert!(7 * step + 8 <= from.len() && 7 * to_step + 8 <= to.len(), "8 rows of 8 numbers");
    // SAFETY: as above; all rows are there, loads and stores need no alignment.
    unsafe {
        let (from, to) = (from.as_ptr(), to.as_mut_ptr());
        for half in [0, 4] {
            // Four columns of row i, and beside them those of row i + 4.
            let mut pairs = [_mm256_setzero_ps(); 4];
            for (i, pair) in pairs.iter_mut().enumerate() {
                let row = from.add(i * step + half);
                let (above, below) = (_mm_loadu_ps(row), _mm_loadu_ps(row.add(4 * step)));
                *pair = _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(above), below);
            }
            let [a, b, c, d] = pairs;
            let [ab, cd] = [_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d)];
            let [ef, gh] = [_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d)];
            // The first two numbers of each half, and the last two.
            let columns = [
                _mm256_shuffle_ps::<0b01_00_01_00>(ab, cd),
                _mm256_shuffle_ps::<0b11_10_11_10>(ab, cd),
                _mm256_shuffle_ps::<0b01_00_01_00>(ef, gh),
                _mm256_shuffle_ps::<0b11_10_11_10>(ef, gh),
            ];
            for (j, column) in columns.into_iter().enumerate() {
                _mm256_storeu_ps(to.add((half + j) * to_step), column);
            }
        }
    }
}

/// # Safety
/// The CPU has AVX-512.
#[inline(always)]
unsafe fn load_part_512(from: &[f32]) -> __m512 {
    // SAFETY: as above; lanes beyond `from` are masked, and masked lanes are not read.
    unsafe { _mm512_maskz_loadu_ps(first_16(from.len()), from.as_ptr()) }
}

/// # Safety
/// The CPU has AVX-512.
#[inline(always)]
unsafe fn store_part_512(to: &mut [f32], value: __m512) {
    // SAFETY: as above; lanes beyond `to` are masked, and masked lanes are not written.
    unsafe { _mm512_mask_storeu_ps(to.as_mut_ptr(), first_16(to.len()), value) }
}

/// A bit for each of the first lanes.
#[inline(always)]
fn first_16(len: usize) -> __mmask16 {
    if len < 16 { (1 << len) - 1 } else { __mmask16::MAX }
}

/// # Safety
/// The CPU has AVX2.
#[inline(always)]
unsafe fn load_part_256(from: &[f32]) -> __m256 {
    if let Some(from) = from.first_chunk::<8>() {
        // SAFETY: as above; `from` is as long as a vector, and the load needs no alignment.
        return unsafe { _mm256_loadu_ps(from.as_ptr()) };
    }
    // SAFETY: as above; lanes beyond `from` are masked, and masked lanes are not read.
    unsafe { _mm256_maskload_ps(from.as_ptr(), first_8(from.len())) }
}

/// A store by a mask takes AMD's CPUs tens of cycles: here a vector goes whole, or in pieces of 4, 2 and 1.
///
/// # Safety
/// The CPU has AVX2.
#[inline(always)]
unsafe fn store_part_256(to: &mut [f32], value: __m256) {
    if let Some(to) = to.first_chunk_mut::<8>() {
        // SAFETY: as above; `to` is as long as a vector, and the store needs no alignment.
        return unsafe { _mm256_storeu_ps(to.as_mut_ptr(), value) };
    }
    let (four, rest) = to.split_at_mut(to.len() & 4);
    let (two, one) = rest.split_at_mut(rest.len() & 2);
    // SAFETY: as above; each piece is written only if it has room, and the stores need no alignment.
    unsafe {
        let mut rest = _mm256_castps256_ps128(value);
        if !four.is_empty() {
            _mm_storeu_ps(four.as_mut_ptr(), rest);
            rest = _mm256_extractf128_ps::<1>(value);
        }
        if !two.is_empty() {
            _mm_storel_epi64(two.as_mut_ptr().cast(), _mm_castps_si128(rest));
            rest = _mm_movehl_ps(rest, rest);
        }
        if !one.is_empty() {
            _mm_store_ss(one.as_mut_ptr(), rest);
        }
    }
}

/// All bits of each of the first lanes.
///
/// # Safety
/// The CPU has AVX2.
#[inline(always)]
unsafe fn first_8(len: usize) -> __m256i {
    const MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    let masks = &MASKS[8 - len.min(8)..][..8];
    // SAFETY: as above; `masks` is as long as a vector, and the load needs no alignment.
    unsafe { _mm256_loadu_si256(masks.as_ptr().cast()) }
}

fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

fn has_avx512() -> bool {
    has_avx2() && is_x86_feature_detected!("avx512f")
}

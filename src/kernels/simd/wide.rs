//! The sizes of AVX-512, of pairs of AVX2's vectors: what depends on them is tested on CPUs without it.

use super::x86::Avx2;
use super::{Kernel, Lanes};

/// Sums the same numbers in the same order as AVX-512.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wide(Avx2);

type Half = <Avx2 as Lanes>::Vector;

impl Wide {
    /// The token, if the CPU has AVX2.
    pub(super) fn detect() -> Option<Self> {
        Avx2::detect().map(Self)
    }

    #[inline(always)]
    fn zip(self, a: [Half; 2], b: [Half; 2], f: impl Fn(Avx2, Half, Half) -> Half) -> [Half; 2] {
        [f(self.0, a[0], b[0]), f(self.0, a[1], b[1])]
    }
}

/// A kernel that is compiled for AVX2.
struct Paired<K> {
    lanes: Wide,
    kernel: K,
}

impl<K: Kernel> Kernel for Paired<K> {
    type Output = K::Output;

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) -> K::Output {
        self.kernel.run(self.lanes)
    }
}

impl Lanes for Wide {
    const WIDTH: usize = 2 * Avx2::WIDTH;
    const ROWS: usize = 14;
    const FUSED: bool = Avx2::FUSED;
    type Vector = [Half; 2];

    #[inline(always)]
    fn run<K: Kernel>(self, kernel: K) -> K::Output {
        self.0.run(Paired { lanes: self, kernel })
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Self::Vector {
        [self.0.splat(value); 2]
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> Self::Vector {
        [self.0.load(from), self.0.load(&from[Avx2::WIDTH..])]
    }

    #[inline(always)]
    fn store(self, to: &mut [f32], value: Self::Vector) {
        self.0.store(to, value[0]);
        self.0.store(&mut to[Avx2::WIDTH..], value[1]);
    }

    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        self.zip(a, b, Avx2::add)
    }

    #[inline(always)]
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        self.zip(a, b, Avx2::sub)
    }

    #[inline(always)]
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        self.zip(a, b, Avx2::mul)
    }

    #[inline(always)]
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        [self.0.mul_add(a[0], b[0], c[0]), self.0.mul_add(a[1], b[1], c[1])]
    }

    #[inline(always)]
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        self.zip(a, b, Avx2::max)
    }

    #[inline(always)]
    fn keep_greater(self, a: Self::Vector, b: Self::Vector, value: Self::Vector) -> Self::Vector {
        [self.0.keep_greater(a[0], b[0], value[0]), self.0.keep_greater(a[1], b[1], value[1])]
    }

    #[inline(always)]
    fn turn(self, from: (&[f32], usize), to: (&mut [f32], usize)) {
        self.0.turn(from, to);
    }
}

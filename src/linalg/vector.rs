//! Sums over long vectors: fast, deterministic, and accurate by blocks, which threads share.

use rayon::prelude::*;

use crate::kernels::{InstructionSet, Kernel, Lanes};
use crate::precision::Number;

/// Entries that one running sum covers; block sums are added separately, so that the rounding
/// error grows with the block and the number of blocks, not with the length.
const BLOCK: usize = 4096;
/// Independent running sums within a block, which lets the compiler use vector instructions.
const LANES: usize = 8;
/// Entries from which on threads share a vector; starting them for less would take longer.
const SHARED: usize = 1 << 16;

/// a·b. Error at most about (BLOCK / LANES + len / BLOCK) rounding units of sum |a_i b_i|.
///
/// ```
/// assert_eq!(losswalk::linalg::dot(&[1.0, 2.0], &[3.0, 4.0]), 11.0);
/// ```
pub fn dot<T: Number>(a: &[T], b: &[T]) -> f64 {
    by_blocks([], [a, b], |_, [a, b]| [block_dot(a, b)])[0]
}

/// a·a, a·b and b·b in one pass, with the bits of [`dot`].
pub fn products<T: Number>(a: &[T], b: &[T]) -> [f64; 3] {
    by_blocks([], [a, b], |_, [a, b]| [block_dot(a, a), block_dot(a, b), block_dot(b, b)])
}

/// ‖a‖, the Euclidean norm.
pub fn norm<T: Number>(a: &[T]) -> f64 {
    dot(a, a).sqrt()
}

/// ‖a - b‖.
pub fn difference_norm(a: &[f64], b: &[f64]) -> f64 {
    let [square] = by_blocks([], [a, b], |_, [a, b]| {
        let difference = difference(a, b);
        [block_dot(&difference, &difference)]
    });
    square.sqrt()
}

/// a - b.
pub fn difference<T: Number>(a: &[T], b: &[T]) -> Vec<f64> {
    let mut difference = vec![0.0; a.len().min(b.len())];
    let subtract = |((a, b), to): ((&[T], &[T]), &mut [f64])| {
        InstructionSet::detect().run(Difference { a, b, to });
    };
    if a.len() < SHARED {
        subtract(((a, b), &mut difference));
    } else {
        let parts = a.par_chunks(SHARED / 2).zip(b.par_chunks(SHARED / 2));
        parts.zip(difference.par_chunks_mut(SHARED / 2)).for_each(subtract);
    }
    difference
}

/// What `of` gives for a few thousand entries of all vectors at a time, added up in their order, whoever
/// has computed them: one pass over long vectors, M of which may be written. Where `of` gives a [`dot`],
/// the sum has the bits of the `dot` of whole vectors.
pub fn by_blocks<T: Number, const M: usize, const K: usize, const N: usize>(
    written: [&mut [f64]; M],
    read: [&[T]; K],
    of: impl Fn([&mut [f64]; M], [&[T]; K]) -> [f64; N] + Sync,
) -> [f64; N] {
    let len = read.iter().map(|vector| vector.len()).min().unwrap_or(0);
    debug_assert!(read.iter().all(|vector| vector.len() == len));
    let mut written = written.map(|vector| vector[..len].chunks_mut(BLOCK));
    let blocks = (0..len).step_by(BLOCK).map(|start| {
        let written = written.each_mut().map(|blocks| blocks.next().unwrap_or_default());
        (written, read.map(|vector| &vector[start..len.min(start + BLOCK)]))
    });
    let add = |mut sums: [f64; N], block: [f64; N]| {
        sums.iter_mut().zip(block).for_each(|(sum, block)| *sum += block);
        sums
    };
    if len < SHARED {
        return blocks.map(|(written, read)| of(written, read)).fold([0.0; N], add);
    }
    let blocks: Vec<_> = blocks.collect();
    let sums = blocks.into_par_iter().map(|(written, read)| of(written, read));
    sums.collect::<Vec<_>>().into_iter().fold([0.0; N], add)
}

/// y += a x.
pub fn axpy(a: f64, x: &[f64], y: &mut [f64]) {
    debug_assert_eq!(x.len(), y.len());
    for (x, y) in x.iter().zip(y) {
        *y += a * x;
    }
}

/// x *= a.
pub fn scale(a: f64, x: &mut [f64]) {
    for x in x {
        *x *= a;
    }
}

/// What makes a vector of this norm a unit vector; none if the norm is zero or not finite.
pub fn normaliser(norm: f64) -> Option<f64> {
    (norm != 0.0 && norm.is_finite()).then(|| 1.0 / norm)
}

/// The norm, and the vector divided by it unless that is zero or not finite.
pub fn unit(mut vector: Vec<f64>) -> (f64, Option<Vec<f64>>) {
    let length = norm(&vector);
    let unit = normaliser(length).map(|factor| {
        scale(factor, &mut vector);
        vector
    });
    (length, unit)
}

fn block_dot<T: Number>(a: &[T], b: &[T]) -> f64 {
    InstructionSet::detect().run(Dot { a, b })
}

/// Simple arithmetic on numbers side by side, which the compiler turns into that on vectors: no two operations
/// become one, so that all instruction sets give the same bits.
struct Dot<'a, T> {
    a: &'a [T],
    b: &'a [T],
}

impl<T: Number> Kernel for Dot<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) -> f64 {
        let ((a, a_rest), (b, b_rest)) = (self.a.as_chunks::<LANES>(), self.b.as_chunks::<LANES>());
        let mut lanes = [0.0; LANES];
        for (a, b) in a.iter().zip(b) {
            for lane in 0..LANES {
                lanes[lane] += a[lane].into() * b[lane].into();
            }
        }
        let mut rest = 0.0;
        for (&a, &b) in a_rest.iter().zip(b_rest) {
            rest += a.into() * b.into();
        }
        lanes.iter().sum::<f64>() + rest
    }
}

/// a - b.
struct Difference<'a, T> {
    a: &'a [T],
    b: &'a [T],
    to: &'a mut [f64],
}

impl<T: Number> Kernel for Difference<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        for (to, (&a, &b)) in self.to.iter_mut().zip(self.a.iter().zip(self.b)) {
            *to = a.into() - b.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_the_plain_sum(values in prop::collection::vec(-1.0f64..1.0, 0..10_000)) {
            let plain: f64 = values.iter().map(|value| value * value).sum();
            prop_assert!((dot(&values, &values) - plain).abs() <= 1e-12 * plain);
            prop_assert_eq!(difference_norm(&values, &values), 0.0);
        }
    }

    #[test]
    fn threads_share_long_vectors_and_leave_their_bits() {
        let [a, b] = [1.0, 0.3].map(|step| {
            (0..3 * SHARED + 17).map(|i| (step * i as f64).sin()).collect::<Vec<f64>>()
        });
        let blocks = a.chunks(BLOCK).zip(b.chunks(BLOCK));
        let alone = blocks.fold(0.0, |sum, (a, b)| sum + block_dot(a, b));
        assert_eq!(dot(&a, &b), alone);
        assert_eq!(products(&a, &b), [dot(&a, &a), alone, dot(&b, &b)]);
        let differences = difference(&a, &b);
        assert!(differences.iter().zip(a.iter().zip(&b)).all(|(d, (a, b))| *d == a - b));
        let mut moved = a.clone();
        let found = by_blocks([&mut moved], [&b], |[a], [b]| {
            let sums = [block_dot(a, b), block_dot(b, b)];
            a.copy_from_slice(&difference(a, b));
            sums
        });
        assert_eq!(found, [alone, dot(&b, &b)]);
        assert_eq!(moved, differences);
    }
}

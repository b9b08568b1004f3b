//! What a kernel may do with vectors; one implementation for each instruction set.

use super::Kernel;

/// A proof that the CPU has an instruction set, and the operations on its vectors.
///
/// A fused multiplication and addition rounds once wherever the hardware has one, so that all
/// instruction sets but the portable one on x86 give the same bits. Everything is inlined into
/// [`Lanes::run`], which alone is compiled for the instruction set: outside of it an operation is
/// still correct, but a call.
pub(crate) trait Lanes: Copy {
    /// Numbers in a vector.
    const WIDTH: usize;
    /// Rows of a register tile: `ROWS` x 2 vectors of sums, 2 of weights and a broadcast fit.
    const ROWS: usize;
    /// Fused operations round once.
    const FUSED: bool;
    /// `WIDTH` numbers.
    type Vector: Copy;

    /// Runs `kernel` compiled for this instruction set.
    fn run<K: Kernel>(self, kernel: K) -> K::Output;

    /// The same number in every lane.
    fn splat(self, value: f32) -> Self::Vector;
    /// The first `WIDTH` numbers of `from`; panics if there are fewer.
    fn load(self, from: &[f32]) -> Self::Vector;
    /// Writes the first `WIDTH` numbers of `to`; panics if there are fewer.
    fn store(self, to: &mut [f32], value: Self::Vector);
    /// Asks for the number `at` places behind the first, which need not be there.
    #[inline(always)]
    fn prefetch<T>(self, _from: &[T], _at: usize) {}
    /// The same, into the second-level cache alone.
    #[inline(always)]
    fn prefetch_far<T>(self, _from: &[T], _at: usize) {}
    /// a + b.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a - b.
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a b.
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// a b + c.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// The larger of a and b, lane by lane; b where either is not a number.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// `value` in the lanes where a > b, zero in the others.
    fn keep_greater(self, a: Self::Vector, b: Self::Vector, value: Self::Vector) -> Self::Vector;

    /// The `WIDTH` numbers of `from` from one on, without a look at whether they are there.
    ///
    /// # Safety
    /// `at + WIDTH` is at most the length of `from`.
    #[inline(always)]
    unsafe fn load_at(self, from: &[f32], at: usize) -> Self::Vector {
        debug_assert!(at + Self::WIDTH <= from.len());
        // SAFETY: as above.
        self.load(unsafe { from.get_unchecked(at..at + Self::WIDTH) })
    }

    /// Writes the `WIDTH` numbers of `to` from one on, without a look at whether they are there.
    ///
    /// # Safety
    /// `at + WIDTH` is at most the length of `to`.
    #[inline(always)]
    unsafe fn store_at(self, to: &mut [f32], at: usize, value: Self::Vector) {
        debug_assert!(at + Self::WIDTH <= to.len());
        // SAFETY: as above.
        self.store(unsafe { to.get_unchecked_mut(at..at + Self::WIDTH) }, value);
    }

    /// Up to `WIDTH` numbers, followed by zeros.
    #[inline(always)]
    fn load_part(self, from: &[f32]) -> Self::Vector {
        if from.len() >= Self::WIDTH {
            return self.load(from);
        }
        let mut padded = [0.0; 16];
        padded[..from.len()].copy_from_slice(from);
        self.load(&padded)
    }

    /// Writes the first lanes, as many as `to` has room for.
    #[inline(always)]
    fn store_part(self, to: &mut [f32], value: Self::Vector) {
        if to.len() >= Self::WIDTH {
            return self.store(to, value);
        }
        let mut padded = [0.0; 16];
        self.store(&mut padded, value);
        to.copy_from_slice(&padded[..to.len()]);
    }

    /// Turns 8 rows of 8 numbers around: `to[j, i]` = `from[i, j]`, where rows start so many numbers apart.
    #[inline(always)]
    fn turn(self, (from, step): (&[f32], usize), (to, to_step): (&mut [f32], usize)) {
        for (i, row) in from.chunks(step).take(8).enumerate() {
            for (j, &x) in row[..8].iter().enumerate() {
                to[j * to_step + i] = x;
            }
        }
    }
}

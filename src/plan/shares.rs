//! A batch shared among threads, and the scratch memory of each.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::NormStatistics;
use crate::kernels::{self, Scratch};

/// Runs `work` on so many contiguous shares of the samples, each with its part of two buffers that hold
/// as many numbers for every sample, or none.
///
/// Kernels give a sample the same bits in any share, so the number of shares is the caller's choice.
pub(super) fn shared(
    shares: usize,
    samples: Range<usize>,
    [a, b]: [&mut [f32]; 2],
    work: &(impl Fn(Range<usize>, [&mut [f32]; 2]) + Sync),
) {
    let left = shares / 2;
    let cut = samples.len() * left / shares.max(1);
    if cut == 0 {
        return work(samples, [a, b]);
    }
    let at = |buffer: &[f32]| buffer.len() / samples.len() * cut;
    let (at_a, at_b) = (at(a), at(b));
    let ([a, next_a], [b, next_b]) = (halves(a, at_a), halves(b, at_b));
    let middle = samples.start + cut;
    rayon::join(
        || shared(left, samples.start..middle, [a, b], work),
        || shared(shares - left, middle..samples.end, [next_a, next_b], work),
    );
}

/// Columns that a thread takes at once, at least.
const COLUMNS: usize = 64;

/// The sums over samples of numbers [n, each], as [`kernels::totals`] adds them, by so many threads.
pub(super) fn totals(shares: usize, numbers: &[f32], each: usize) -> Vec<f64> {
    let columns = columns(shares, each);
    let mut totals = vec![0.0; each];
    let parts = totals.par_chunks_mut(columns).enumerate();
    parts.for_each(|(part, to)| kernels::totals(numbers, each, part * columns, to));
    totals
}

/// Statistics of [n, channels] values that stand in memory, by so many threads.
pub(super) fn column_statistics(shares: usize, values: &[f32], channels: usize) -> NormStatistics {
    let columns = columns(shares, channels);
    let [mut mean, mut variance] = [vec![0.0; channels], vec![0.0; channels]];
    let parts = mean.par_chunks_mut(columns).zip(variance.par_chunks_mut(columns)).enumerate();
    parts.for_each(|(part, (mean, variance))| {
        kernels::column_statistics(values, channels, part * columns, [mean, variance]);
    });
    NormStatistics { mean, variance }
}

/// The sums over samples of values x [n, channels] and, in the second half, of x (y - s), by so many threads.
pub(super) fn column_products(shares: usize, both: [&[f32]; 2], shift: &[f32]) -> Vec<f64> {
    let columns = columns(shares, shift.len());
    let mut all = vec![0.0; 2 * shift.len()];
    let (sums, products) = all.split_at_mut(shift.len());
    let parts = sums.par_chunks_mut(columns).zip(products.par_chunks_mut(columns)).enumerate();
    parts.for_each(|(part, (sums, products))| {
        kernels::column_products(both, shift, part * columns, [sums, products]);
    });
    all
}

fn columns(shares: usize, all: usize) -> usize {
    all.div_ceil(shares.max(1)).max(1).next_multiple_of(COLUMNS)
}

fn halves(buffer: &mut [f32], at: usize) -> [&mut [f32]; 2] {
    buffer.split_at_mut(at).into()
}

/// Scratch memory that threads take and give back.
#[derive(Debug, Default)]
pub(super) struct Scratches(Mutex<Vec<Scratch>>);

impl Scratches {
    /// Runs `work` with memory that nobody else has.
    pub fn with<T>(&self, work: impl FnOnce(&mut Scratch) -> T) -> T {
        let free = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = free().pop().unwrap_or_default();
        let result = work(&mut scratch);
        free().push(scratch);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::shared;

    #[test]
    fn every_sample_is_in_one_share_with_its_numbers() {
        for shares in 0..9 {
            for samples in 1..12 {
                let [mut a, mut b] = [vec![0.0; 2 * samples], vec![0.0; 3 * samples]];
                shared(shares, 0..samples, [&mut a, &mut b], &|range, [a, b]| {
                    for (i, sample) in range.enumerate() {
                        a[2 * i..2 * i + 2].iter_mut().for_each(|x| *x += sample as f32);
                        b[3 * i..3 * i + 3].iter_mut().for_each(|x| *x += sample as f32);
                    }
                });
                let expected = |each| (0..each * samples).map(move |i| (i / each) as f32);
                assert!(a.into_iter().eq(expected(2)) && b.into_iter().eq(expected(3)));
            }
        }
    }
}

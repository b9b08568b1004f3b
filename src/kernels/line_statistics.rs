//! Batch statistics of all points of a line at once.

use std::ops::Range;

use super::simd::{InstructionSet, Kernel, Lanes};
use super::split::whole_parts;
use super::statistics::{BatchStatistics, widened};

/// Rows whose channels are all read before other rows.
const ROWS: usize = 16;

/// The first two moments of values a and b, channel by channel, and so of a + alpha b for any alpha:
/// mean a + alpha mean b, and var a + 2 alpha cov(a, b) + alpha² var b.
#[derive(Debug, Clone, PartialEq)]
pub struct LineStatistics {
    /// Means of a and b, variances of a and b, covariance.
    moments: Vec<[f64; 5]>,
}

impl LineStatistics {
    /// Of values [n, channels], in f64, in one pass over them that takes the first rows for shifts.
    pub fn of(instructions: InstructionSet, [a, b]: [&[f32]; 2], channels: usize) -> Self {
        assert_eq!(a.len(), b.len(), "numbers along a line");
        instructions.run(Columns { a, b, channels })
    }

    /// The statistics of a + alpha b.
    pub fn at(&self, alpha: f64) -> BatchStatistics {
        let moments = self.moments.iter();
        BatchStatistics {
            mean: moments.clone().map(|[a, b, ..]| a + alpha * b).collect(),
            variance: moments
                .map(|[_, _, a, b, ab]| (a + alpha * (2.0 * ab + alpha * b)).max(0.0))
                .collect(),
        }
    }
}

struct Columns<'a> {
    a: &'a [f32],
    b: &'a [f32],
    channels: usize,
}

impl Kernel for Columns<'_> {
    type Output = LineStatistics;

    /// As many channels at a time as have their shifts and five sums in registers.
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) -> LineStatistics {
        match L::WIDTH {
            16 if self.channels.is_multiple_of(32) => self.by::<32>(),
            16 => self.by::<16>(),
            8 => self.by::<8>(),
            _ => self.by::<4>(),
        }
    }
}

impl Columns<'_> {
    #[inline(always)]
    fn by<const N: usize>(self) -> LineStatistics {
        let Self { a, b, channels } = self;
        let mut sums = vec![[[0.0; N]; 5]; channels.div_ceil(N)];
        for rows in whole_parts(a.len() / channels, ROWS) {
            let [a, b] = [a, b].map(|all| (all, &all[rows.start * channels..rows.end * channels]));
            for (block, sums) in sums.iter_mut().enumerate() {
                let (start, width) = (block * N, N.min(channels - block * N));
                if width == N {
                    add::<N, true>([a, b], channels, start..start + width, sums);
                } else {
                    add::<N, false>([a, b], channels, start..start + width, sums);
                }
            }
        }
        let count = (a.len() / channels) as f64;
        let of_channel = |channel: usize| {
            let [a1, b1, aa, bb, ab] = sums[channel / N].map(|sums| sums[channel % N] / count);
            let means = [f64::from(a[channel]) + a1, f64::from(b[channel]) + b1];
            [means[0], means[1], aa - a1 * a1, bb - b1 * b1, ab - a1 * b1]
        };
        LineStatistics { moments: (0..channels).map(of_channel).collect() }
    }
}

/// Adds rows to the five sums of some channels, with shifts from the first of all rows.
#[inline(always)]
fn add<const N: usize, const FULL: bool>(
    [(first_a, a), (first_b, b)]: [(&[f32], &[f32]); 2],
    channels: usize,
    own: Range<usize>,
    total: &mut [[f64; N]; 5],
) {
    let shift = [first_a, first_b].map(|first| widened::<N, FULL>(&first[own.clone()]));
    let mut sums = *total;
    for (a, b) in a.chunks_exact(channels).zip(b.chunks_exact(channels)) {
        let a = widened::<N, FULL>(&a[own.clone()]);
        let b = widened::<N, FULL>(&b[own.clone()]);
        for i in 0..N {
            let (a, b) = (a[i] - shift[0][i], b[i] - shift[1][i]);
            sums[0][i] += a;
            sums[1][i] += b;
            sums[2][i] += a * a;
            sums[3][i] += b * b;
            sums[4][i] += a * b;
        }
    }
    *total = sums;
}

#[cfg(test)]
mod tests {
    use super::{BatchStatistics, InstructionSet, LineStatistics};
    use crate::kernels::column_statistics;

    /// Against statistics of the points themselves, whose values are numbers of 32 bits here.
    #[test]
    fn statistics_along_a_line_are_those_of_its_points() {
        for channels in [37, 64] {
            check(channels);
        }
    }

    fn check(channels: usize) {
        let rows = 2 * super::ROWS + 7;
        let value = |seed: usize, i: usize| ((i * seed + i / 5) % 61) as f32 - 20.0;
        let [a, b] =
            [11, 29].map(|seed| (0..rows * channels).map(|i| value(seed, i)).collect::<Vec<_>>());
        for instructions in InstructionSet::available() {
            let line = LineStatistics::of(instructions, [&a, &b], channels);
            for alpha in [0.0, 0.25, 1.0, -1.5] {
                let point: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a + alpha * b).collect();
                let [mut mean, mut variance] = [vec![0.0; channels], vec![0.0; channels]];
                column_statistics(&point, channels, 0, [&mut mean, &mut variance]);
                let expected = BatchStatistics { mean, variance };
                let found = line.at(f64::from(alpha));
                let pairs = found.mean.iter().zip(&expected.mean);
                let pairs = pairs.chain(found.variance.iter().zip(&expected.variance));
                pairs.for_each(|(x, y)| assert!((x - y).abs() <= 1e-12 * y.abs().max(100.0)));
            }
        }
    }
}

//! Batch statistics of all points of a line at once.

use super::simd::{InstructionSet, Kernel, Lanes};
use super::statistics::{BatchStatistics, widened};

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
            variance: moments.map(|[_, _, a, b, ab]| a + alpha * (2.0 * ab + alpha * b)).collect(),
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
            16 => self.by::<32>(),
            8 => self.by::<8>(),
            _ => self.by::<4>(),
        }
    }
}

impl Columns<'_> {
    #[inline(always)]
    fn by<const N: usize>(self) -> LineStatistics {
        let Self { a, b, channels } = self;
        let mut moments = vec![[0.0; 5]; channels];
        for (block, moments) in moments.chunks_mut(N).enumerate() {
            let start = block * N;
            if moments.len() == N {
                column_block::<N, true>([a, b], channels, start, moments);
            } else {
                column_block::<N, false>([a, b], channels, start, moments);
            }
        }
        LineStatistics { moments }
    }
}

#[inline(always)]
fn column_block<const N: usize, const FULL: bool>(
    [a, b]: [&[f32]; 2],
    channels: usize,
    start: usize,
    moments: &mut [[f64; 5]],
) {
    let (width, count) = (moments.len(), (a.len() / channels) as f64);
    let shift = [a, b].map(|first| widened::<N, FULL>(&first[start..][..width]));
    let mut sums = [[0.0; N]; 5];
    for (a, b) in a.chunks_exact(channels).zip(b.chunks_exact(channels)) {
        let a = widened::<N, FULL>(&a[start..][..width]);
        let b = widened::<N, FULL>(&b[start..][..width]);
        for i in 0..N {
            let (a, b) = (a[i] - shift[0][i], b[i] - shift[1][i]);
            sums[0][i] += a;
            sums[1][i] += b;
            sums[2][i] += a * a;
            sums[3][i] += b * b;
            sums[4][i] += a * b;
        }
    }
    for (i, moments) in moments.iter_mut().enumerate() {
        let [a, b, aa, bb, ab] = sums.map(|sums| sums[i] / count);
        let means = [shift[0][i] + a, shift[1][i] + b];
        *moments = [means[0], means[1], aa - a * a, bb - b * b, ab - a * b];
    }
}

#[cfg(test)]
mod tests {
    use super::{BatchStatistics, InstructionSet, LineStatistics};
    use crate::kernels::column_statistics;

    /// Against statistics of the points themselves, whose values are numbers of 32 bits here.
    #[test]
    fn statistics_along_a_line_are_those_of_its_points() {
        let (rows, channels) = (7, 37);
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

//! Batch statistics from sums that a kernel gathered while it wrote.

use super::simd::{InstructionSet, Kernel, Lanes};

/// Sums over the pixels of each sample, channel by channel.
///
/// A shift near the mean keeps the sum of squares from cancelling when the variance is derived.
#[derive(Debug)]
pub struct Statistics<'a> {
    /// s.
    pub shift: &'a [f32],
    /// [n, 2, outputs]: the sums of x - s and of (x - s)²; added to.
    pub sums: &'a mut [f32],
}

/// Mean and variance of each channel.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchStatistics {
    /// Means.
    pub mean: Vec<f64>,
    /// Variances, divided by the count.
    pub variance: Vec<f64>,
}

impl BatchStatistics {
    /// From the [`totals`] of sums [n, 2, channels] over so many values of each channel.
    pub fn from_totals(totals: &[f64], shift: &[f32], count: usize) -> Self {
        let count = count as f64;
        let (sums, squares) = totals.split_at(shift.len());
        let mean = sums.iter().zip(shift).map(|(sum, &s)| f64::from(s) + sum / count).collect();
        let variance = |(sum, square): (&f64, &f64)| square / count - (sum / count).powi(2);
        Self { mean, variance: sums.iter().zip(squares).map(variance).collect() }
    }
}

/// The sums over samples of numbers [n, each], in f64 in the order of the samples: as many columns from
/// `first` on as there is room for.
pub fn totals(numbers: &[f32], each: usize, first: usize, totals: &mut [f64]) {
    InstructionSet::detect().run(Totals { numbers, each, first, totals });
}

/// Mean and variance of the columns of values [n, channels], in f64 with the first row for a shift: as many
/// columns from `first` on as there is room for.
pub fn column_statistics(values: &[f32], channels: usize, first: usize, to: [&mut [f64]; 2]) {
    let of = MeanAndVariance { values, channels };
    InstructionSet::detect().run(ByColumn { of, first, to });
}

/// The sums over rows of x and of x (y - s), of columns of values x and y [n, channels], in f64: as many columns
/// from `first` on as there is room for.
pub fn column_products(
    [values, others]: [&[f32]; 2],
    shift: &[f32],
    first: usize,
    to: [&mut [f64]; 2],
) {
    assert_eq!(values.len(), others.len(), "values of the same columns");
    let of = Products { values, others, shift };
    InstructionSet::detect().run(ByColumn { of, first, to });
}

struct Totals<'a> {
    numbers: &'a [f32],
    each: usize,
    first: usize,
    totals: &'a mut [f64],
}

impl Kernel for Totals<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        match L::WIDTH {
            16 => self.by::<64>(),
            8 => self.by::<32>(),
            _ => self.by::<8>(),
        }
    }
}

impl Totals<'_> {
    #[inline(always)]
    fn by<const N: usize>(self) {
        let Self { numbers, each, first, totals } = self;
        for (block, totals) in totals.chunks_mut(N).enumerate() {
            let start = first + block * N;
            if totals.len() == N {
                sum::<N, true>(numbers, each, start, totals);
            } else {
                sum::<N, false>(numbers, each, start, totals);
            }
        }
    }
}

#[inline(always)]
fn sum<const N: usize, const FULL: bool>(
    numbers: &[f32],
    each: usize,
    start: usize,
    totals: &mut [f64],
) {
    let mut sums = [0.0; N];
    for sample in numbers.chunks_exact(each) {
        let row = widened::<N, FULL>(&sample[start..][..totals.len()]);
        for i in 0..N {
            sums[i] += row[i];
        }
    }
    totals.copy_from_slice(&sums[..totals.len()]);
}

/// Two numbers for each column.
trait OfColumns {
    /// Writes those of up to N columns, exactly N if `FULL`, from `start` on.
    fn block<const N: usize, const FULL: bool>(&self, start: usize, to: [&mut [f64]; 2]);
}

/// Numbers of as many columns from `first` on as there is room for.
struct ByColumn<'a, T> {
    of: T,
    first: usize,
    to: [&'a mut [f64]; 2],
}

impl<T: OfColumns> Kernel for ByColumn<'_, T> {
    type Output = ();

    /// As many columns at a time as have their shift and sums in registers.
    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        match L::WIDTH {
            16 => self.by::<64>(),
            8 => self.by::<24>(),
            _ => self.by::<8>(),
        }
    }
}

impl<T: OfColumns> ByColumn<'_, T> {
    #[inline(always)]
    fn by<const N: usize>(self) {
        let Self { of, first, to: [a, b] } = self;
        for (block, (a, b)) in a.chunks_mut(N).zip(b.chunks_mut(N)).enumerate() {
            let start = first + block * N;
            if a.len() == N {
                of.block::<N, true>(start, [a, b]);
            } else {
                of.block::<N, false>(start, [a, b]);
            }
        }
    }
}

/// Mean and variance.
struct MeanAndVariance<'a> {
    values: &'a [f32],
    channels: usize,
}

impl OfColumns for MeanAndVariance<'_> {
    #[inline(always)]
    fn block<const N: usize, const FULL: bool>(
        &self,
        start: usize,
        [mean, variance]: [&mut [f64]; 2],
    ) {
        let Self { values, channels } = *self;
        let (width, count) = (mean.len(), (values.len() / channels) as f64);
        let shift = widened::<N, FULL>(&values[start..][..width]);
        let (mut sums, mut squares) = ([0.0; N], [0.0; N]);
        // One after the other: in one loop the compiler pairs a sum with its square.
        for values in values.chunks_exact(channels) {
            let row = widened::<N, FULL>(&values[start..][..width]);
            for i in 0..N {
                sums[i] += row[i] - shift[i];
            }
        }
        for values in values.chunks_exact(channels) {
            let row = widened::<N, FULL>(&values[start..][..width]);
            for i in 0..N {
                let shifted = row[i] - shift[i];
                squares[i] += shifted * shifted;
            }
        }
        for i in 0..width {
            let shifted = sums[i] / count;
            mean[i] = shift[i] + shifted;
            variance[i] = squares[i] / count - shifted * shifted;
        }
    }
}

/// The sums of x and of x (y - s).
struct Products<'a> {
    values: &'a [f32],
    others: &'a [f32],
    shift: &'a [f32],
}

impl OfColumns for Products<'_> {
    #[inline(always)]
    fn block<const N: usize, const FULL: bool>(
        &self,
        start: usize,
        [to_sums, to_products]: [&mut [f64]; 2],
    ) {
        let Self { values, others, shift } = *self;
        let (width, channels) = (to_sums.len(), shift.len());
        let shift = widened::<N, FULL>(&shift[start..][..width]);
        let (mut sums, mut products) = ([0.0; N], [0.0; N]);
        // One after the other, as above.
        for values in values.chunks_exact(channels) {
            let row = widened::<N, FULL>(&values[start..][..width]);
            for i in 0..N {
                sums[i] += row[i];
            }
        }
        for (values, others) in values.chunks_exact(channels).zip(others.chunks_exact(channels)) {
            let row = widened::<N, FULL>(&values[start..][..width]);
            let other = widened::<N, FULL>(&others[start..][..width]);
            for i in 0..N {
                products[i] += row[i] * (other[i] - shift[i]);
            }
        }
        to_sums.copy_from_slice(&sums[..width]);
        to_products.copy_from_slice(&products[..width]);
    }
}

/// N numbers, or if not `FULL` as many as there are, followed by zeros. What they are is known where this is
/// compiled: with both cases in one loop, its rows go through memory.
#[inline(always)]
pub(super) fn widened<const N: usize, const FULL: bool>(values: &[f32]) -> [f64; N] {
    let mut row = [0.0; N];
    if FULL {
        let values = &values[..N];
        for i in 0..N {
            row[i] = f64::from(values[i]);
        }
    } else {
        for (to, &value) in row.iter_mut().zip(values) {
            *to = f64::from(value);
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::{BatchStatistics, ByColumn, InstructionSet, MeanAndVariance, Products, Totals};

    /// Rows (1, 2) and (3, 5), with (10, 20) and (30, 40) less (10, 30).
    #[test]
    fn products_of_columns() {
        for instructions in InstructionSet::available() {
            for first in [0, 1] {
                let [mut sums, mut products] = [vec![0.0; 2 - first], vec![0.0; 2 - first]];
                let of = Products {
                    values: &[1.0, 2.0, 3.0, 5.0],
                    others: &[10.0, 20.0, 30.0, 40.0],
                    shift: &[10.0, 30.0],
                };
                instructions.run(ByColumn { of, first, to: [&mut sums, &mut products] });
                assert_eq!(
                    [sums, products],
                    [[4.0, 7.0], [60.0, 30.0]].map(|all| all[first..].to_vec())
                );
            }
        }
    }

    /// Rows (1, -1), (3, -1) and (8, -1).
    #[test]
    fn statistics_of_columns() {
        for instructions in InstructionSet::available() {
            let values = &[1.0, -1.0, 3.0, -1.0, 8.0, -1.0];
            let found = |first: usize| {
                let [mut mean, mut variance] = [vec![0.0; 2 - first], vec![0.0; 2 - first]];
                let of = MeanAndVariance { values, channels: 2 };
                instructions.run(ByColumn { of, first, to: [&mut mean, &mut variance] });
                (mean, variance)
            };
            let (mean, variance) = found(0);
            assert_eq!(mean, [4.0, -1.0]);
            assert!((variance[0] - 26.0 / 3.0).abs() < 1e-14 && variance[1] == 0.0, "{variance:?}");
            assert_eq!(found(1), (vec![-1.0], vec![0.0]), "from the second on");
        }
    }

    /// Samples (1, 3) and (5, 7) of one channel, shifted by 2: mean 4, variance 5.
    #[test]
    fn statistics_of_four_numbers() {
        for instructions in InstructionSet::available() {
            let totals = |first: usize| {
                let mut totals = vec![0.0; 2 - first];
                let numbers = &[0.0, 2.0, 8.0, 34.0];
                instructions.run(Totals { numbers, each: 2, first, totals: &mut totals });
                totals
            };
            let expected = BatchStatistics { mean: vec![4.0], variance: vec![5.0] };
            assert_eq!(BatchStatistics::from_totals(&totals(0), &[2.0], 4), expected);
            assert_eq!(totals(1), [36.0], "from the second on");
        }
    }
}

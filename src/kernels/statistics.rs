//! Batch statistics from sums that a kernel gathered while it wrote.

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
    /// From sums [n, 2, channels] over `pixels` pixels of each sample, added in f64 in the order of
    /// the samples.
    pub fn from_sums(sums: &[f32], shift: &[f32], pixels: usize) -> Self {
        let channels = shift.len();
        let mut totals = vec![0.0; 2 * channels];
        for sample in sums.chunks_exact(2 * channels) {
            for (total, &sum) in totals.iter_mut().zip(sample) {
                *total += f64::from(sum);
            }
        }
        let count = (sums.len() / (2 * channels) * pixels) as f64;
        let (sums, squares) = totals.split_at(channels);
        let mean = sums.iter().zip(shift).map(|(sum, &s)| f64::from(s) + sum / count).collect();
        let variance = |(sum, square): (&f64, &f64)| square / count - (sum / count).powi(2);
        Self { mean, variance: sums.iter().zip(squares).map(variance).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::BatchStatistics;

    /// Samples (1, 3) and (5, 7) of one channel, shifted by 2: mean 4, variance 5.
    #[test]
    fn statistics_of_four_numbers() {
        let sums = [0.0, 2.0, 8.0, 34.0];
        let expected = BatchStatistics { mean: vec![4.0], variance: vec![5.0] };
        assert_eq!(BatchStatistics::from_sums(&sums, &[2.0], 2), expected);
    }
}

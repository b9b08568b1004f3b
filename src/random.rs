//! Every random number: ChaCha8 streams derived from the experiment's seed, one for each purpose.
//!
//! A stream depends on its seed and purpose alone, never on what was drawn before, so a resumed run
//! needs no generator state and an epoch's order can be had without the epochs before it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// An independent sequence of random numbers.
#[derive(Debug, Clone)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The numbers that parameter `index` starts from.
    pub fn initialisation(seed: u64, index: usize) -> Self {
        Self::new(seed, 1, index as u64)
    }

    /// The order of the samples in an epoch (counted from 1).
    pub fn epoch_order(seed: u64, epoch: u64) -> Self {
        Self::new(seed, 2, epoch)
    }

    /// The partition of the measurement set into evaluation batches.
    pub fn evaluation_order(seed: u64) -> Self {
        Self::new(seed, 3, 0)
    }

    /// The order of the samples at one point of one line, where every point gets its own.
    pub fn point_order(seed: u64, line: u64, point: u64) -> Self {
        Self::new(seed, 4, line).child(point)
    }

    /// The change of sample `index` in an epoch.
    pub fn augmentation(seed: u64, epoch: u64, index: u32) -> Self {
        Self::new(seed, 5, epoch).child(index.into())
    }

    /// The change of sample `index` at one point of one line, where every point gets its own.
    pub fn point_augmentation(seed: u64, line: u64, point: u64, index: u32) -> Self {
        Self::new(seed, 6, line).child(point).child(index.into())
    }

    /// Batch `index` of `size` samples whose gradient is measured before step `step`.
    pub fn measured_batch(seed: u64, step: u64, size: usize, index: usize) -> Self {
        Self::new(seed, 7, step).child(size as u64).child(index as u64)
    }

    /// Random direction `index` before step `step`.
    pub fn direction(seed: u64, step: u64, index: usize) -> Self {
        Self::new(seed, 8, step).child(index as u64)
    }

    /// The samples of an epoch (counted from 1) that draws with replacement.
    pub fn epoch_draws(seed: u64, epoch: u64) -> Self {
        Self::new(seed, 9, epoch)
    }

    /// The order in which the units of a line are visited.
    pub fn unit_order(seed: u64, line: u64) -> Self {
        Self::new(seed, 10, line)
    }

    /// The updates whose certified decisions are checked.
    pub fn verified_updates(seed: u64) -> Self {
        Self::new(seed, 11, 0)
    }

    /// An independent sequence that depends on this one's start and on `index`.
    fn child(mut self, index: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(self.0.next_u64());
        generator.set_stream(index);
        Self(generator)
    }

    fn new(seed: u64, purpose: u64, index: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(purpose << 56 | index);
        Self(generator)
    }

    /// Uniform in [0, 1), a multiple of 2^-53.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * 2f64.powi(-53)
    }

    /// Normal with mean 0 and variance 1 (Box & Muller 1958).
    pub fn normal(&mut self) -> f64 {
        // 1 - u lies in (0, 1], so the logarithm is finite.
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Independent entries 1 and -1, equally likely.
    pub fn signs(&mut self, length: usize) -> Vec<f64> {
        (0..length).map(|_| if self.0.next_u64() >> 63 == 0 { 1.0 } else { -1.0 }).collect()
    }

    /// Uniform in 0..bound without bias, by rejection (Lemire 2019, arXiv 1805.10941).
    pub fn below(&mut self, bound: u64) -> u64 {
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let wide = u128::from(self.0.next_u64()) * u128::from(bound);
            if wide as u64 >= threshold {
                return (wide >> 64) as u64;
            }
        }
    }

    /// n independent draws from 0..n, each uniform.
    pub fn draws(&mut self, n: usize) -> Vec<u32> {
        (0..n).map(|_| self.below(n as u64) as u32).collect()
    }

    /// A uniformly random order of 0..n (Fisher-Yates).
    pub fn permutation(&mut self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        for last in (1..n).rev() {
            order.swap(last, self.below(last as u64 + 1) as usize);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_of_three_is_equally_frequent() {
        let mut counts = std::collections::BTreeMap::new();
        for epoch in 0..6000 {
            *counts.entry(Stream::epoch_order(1, epoch).permutation(3)).or_insert(0) += 1;
        }
        // Six orders, each with standard deviation sqrt(6000 · 1/6 · 5/6) = 29.
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|&count: &i32| (count - 1000).abs() < 150), "{counts:?}");
    }

    #[test]
    fn normal_numbers_have_mean_0_variance_1_and_fourth_moment_3() {
        let mut stream = Stream::initialisation(1, 0);
        let numbers: Vec<f64> = (0..100_000).map(|_| stream.normal()).collect();
        let moment = |p: i32| numbers.iter().map(|x| x.powi(p)).sum::<f64>() / 1e5;
        // Five standard errors: 1, sqrt 2 and sqrt 96 over sqrt(100,000).
        assert!(moment(1).abs() < 0.016);
        assert!((moment(2) - 1.0).abs() < 0.023);
        assert!((moment(4) - 3.0).abs() < 0.155);
    }

    #[test]
    fn streams_differ_by_seed_purpose_and_index() {
        let first = |mut stream: Stream| stream.unit();
        let values = [
            first(Stream::epoch_order(1, 1)),
            first(Stream::epoch_order(1, 2)),
            first(Stream::epoch_order(2, 1)),
            first(Stream::epoch_draws(1, 1)),
            first(Stream::evaluation_order(1)),
            first(Stream::initialisation(1, 1)),
        ];
        assert!(values.iter().enumerate().all(|(i, v)| !values[..i].contains(v)));
    }
}

//! Sums and sums of products, one vector of channels at a time.

use std::ops::Range;

use super::simd::Lanes;
use super::statistics::Statistics;

/// The running sums of one vector of channels of one sample.
#[derive(Clone, Copy)]
pub(super) struct Moments<L: Lanes> {
    shift: L::Vector,
    sum: L::Vector,
    products: L::Vector,
}

impl<L: Lanes> Moments<L> {
    /// Goes on from what `statistics` holds.
    #[inline(always)]
    pub(super) fn open(
        lanes: L,
        Statistics { shift, sums }: &Statistics<'_>,
        sample: usize,
        channels: &Range<usize>,
    ) -> Self {
        let [sum, products] = places(shift.len(), sample, channels);
        Self {
            shift: lanes.load_part(&shift[channels.clone()]),
            sum: lanes.load_part(&sums[sum]),
            products: lanes.load_part(&sums[products]),
        }
    }

    /// Adds pixels: x - s and its square.
    #[inline(always)]
    pub(super) fn add<const M: usize>(&mut self, lanes: L, values: [L::Vector; M]) {
        let mut shifted = values;
        for j in 0..M {
            shifted[j] = lanes.sub(values[j], self.shift);
        }
        self.add_products(lanes, shifted, shifted);
    }

    /// Adds gradients with respect to pixels: them, and their products with x - s.
    #[inline(always)]
    pub(super) fn add_gradients<const M: usize>(
        &mut self,
        lanes: L,
        gradients: [L::Vector; M],
        values: [L::Vector; M],
    ) {
        let mut shifted = values;
        for j in 0..M {
            shifted[j] = lanes.sub(values[j], self.shift);
        }
        self.add_products(lanes, gradients, shifted);
    }

    /// Adds factors and products, those of several pixels as one sum: an addition has to wait for the one before,
    /// and that takes longer than all else.
    #[inline(always)]
    fn add_products<const M: usize>(
        &mut self,
        lanes: L,
        factors: [L::Vector; M],
        others: [L::Vector; M],
    ) {
        // One instruction less.
        if M == 1 {
            self.sum = lanes.add(self.sum, factors[0]);
            self.products = lanes.mul_add(factors[0], others[0], self.products);
            return;
        }
        let (mut sum, mut products) = (factors[0], lanes.mul(factors[0], others[0]));
        for j in 1..M {
            sum = lanes.add(sum, factors[j]);
            products = lanes.mul_add(factors[j], others[j], products);
        }
        self.sum = lanes.add(self.sum, sum);
        self.products = lanes.add(self.products, products);
    }

    /// Writes the sums back.
    #[inline(always)]
    pub(super) fn close(
        self,
        lanes: L,
        statistics: &mut Statistics<'_>,
        sample: usize,
        channels: &Range<usize>,
    ) {
        let [sum, products] = places(statistics.shift.len(), sample, channels);
        lanes.store_part(&mut statistics.sums[sum], self.sum);
        lanes.store_part(&mut statistics.sums[products], self.products);
    }
}

fn places(all: usize, sample: usize, channels: &Range<usize>) -> [Range<usize>; 2] {
    let at = |kind: usize| {
        let start = (2 * sample + kind) * all;
        start + channels.start..start + channels.end
    };
    [at(0), at(1)]
}

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

    /// Adds a pixel: x - s and its square.
    #[inline(always)]
    pub(super) fn add(&mut self, lanes: L, value: L::Vector) {
        let shifted = lanes.sub(value, self.shift);
        self.sum = lanes.add(self.sum, shifted);
        self.products = lanes.mul_add(shifted, shifted, self.products);
    }

    /// Adds the gradient with respect to a pixel: it, and its product with x - s.
    #[inline(always)]
    pub(super) fn add_gradient(&mut self, lanes: L, gradient: L::Vector, value: L::Vector) {
        let shifted = lanes.sub(value, self.shift);
        self.sum = lanes.add(self.sum, gradient);
        self.products = lanes.mul_add(gradient, shifted, self.products);
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

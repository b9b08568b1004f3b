//! What happens to a sum before it is written: bias, shortcut, statistics.

use std::ops::Range;

use super::moments::Moments;
use super::simd::Lanes;
use super::statistics::Statistics;

/// Where outputs go, and what is done on the way.
#[derive(Debug)]
pub struct Target<'a> {
    /// [n, h, w, outputs].
    pub pixels: &'a mut [f32],
    /// Added: as `pixels`.
    pub shortcut: Option<&'a [f32]>,
    /// Statistics of what is written.
    pub statistics: Option<Statistics<'a>>,
}

impl Target<'_> {
    /// Panics if it has no room for `len` numbers, or more.
    pub(super) fn check(&self, len: usize) {
        assert_eq!(self.pixels.len(), len, "numbers to be written");
        assert_eq!(self.shortcut.map_or(len, <[f32]>::len), len, "numbers of the shortcut");
    }
}

/// Writes one vector of channels of pixel after pixel; statistics stay in registers as long as the
/// sample is the same.
pub(super) struct Writer<'a, 'b, L: Lanes> {
    lanes: L,
    target: &'a mut Target<'b>,
    bias: L::Vector,
    channels: Range<usize>,
    outputs: usize,
    moments: Option<(usize, Moments<L>)>,
}

impl<'a, 'b, L: Lanes> Writer<'a, 'b, L> {
    /// A writer of `channels`, at most a vector of the `outputs`.
    #[inline(always)]
    pub(super) fn new(
        lanes: L,
        target: &'a mut Target<'b>,
        bias: Option<&[f32]>,
        channels: Range<usize>,
        outputs: usize,
    ) -> Self {
        let bias = match bias {
            Some(bias) => lanes.load_part(&bias[channels.clone()]),
            None => lanes.splat(0.0),
        };
        Self { lanes, target, bias, channels, outputs, moments: None }
    }

    /// What follows belongs to `sample`.
    #[inline(always)]
    pub(super) fn sample(&mut self, sample: usize) {
        if self.moments.is_some_and(|(open, _)| open == sample) {
            return;
        }
        self.close();
        if let Some(statistics) = &self.target.statistics {
            let moments = Moments::open(self.lanes, statistics, sample, &self.channels);
            self.moments = Some((sample, moments));
        }
    }

    /// Writes a pixel, by its index in [n, h, w].
    #[inline(always)]
    pub(super) fn put(&mut self, pixel: usize, sums: L::Vector) {
        let lanes = self.lanes;
        let start = pixel * self.outputs + self.channels.start;
        let place = start..start + self.channels.len();
        let mut value = lanes.add(sums, self.bias);
        if let Some(shortcut) = self.target.shortcut {
            value = lanes.add(value, lanes.load_part(&shortcut[place.clone()]));
        }
        lanes.store_part(&mut self.target.pixels[place], value);
        if let Some((_, moments)) = &mut self.moments {
            moments.add(lanes, value);
        }
    }

    /// Stores the statistics of the last sample.
    #[inline(always)]
    pub(super) fn close(&mut self) {
        if let (Some((sample, moments)), Some(statistics)) =
            (self.moments.take(), &mut self.target.statistics)
        {
            moments.close(self.lanes, statistics, sample, &self.channels);
        }
    }
}

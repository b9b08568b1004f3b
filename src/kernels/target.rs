//! What happens to a sum before it is written: bias, rectifier, shortcut, statistics.

use std::ops::Range;

use super::gather::AHEAD;
use super::moments::Moments;
use super::simd::Lanes;
use super::source::{Normaliser, Source};
use super::statistics::Statistics;

/// Where outputs go, and what is done on the way.
#[derive(Debug)]
pub struct Target<'a> {
    /// [n, h, w, outputs].
    pub pixels: &'a mut [f32],
    /// Added: as `pixels`.
    pub shortcut: Option<&'a [f32]>,
    /// What stands in `pixels` is added, after the way [`through`](Self::through) what was read.
    pub adds: bool,
    /// Statistics of what is written.
    pub statistics: Option<Statistics<'a>>,
    /// What is written is the gradient with respect to these images, as `pixels`, and goes back through what a kernel
    /// did to them when it read them so: what comes in is with respect to the numbers read, what is written with
    /// respect to those before the rectifier. Statistics are the sums of the gradient g and of g (x - s) for the
    /// images' x.
    pub through: Option<Source<'a>>,
}

impl<'a> Target<'a> {
    /// Sums as they are.
    pub fn plain(pixels: &'a mut [f32]) -> Self {
        Self { pixels, shortcut: None, adds: false, statistics: None, through: None }
    }

    /// Panics if it has no room for `len` numbers, or more.
    pub(super) fn check(&self, len: usize) {
        assert_eq!(self.pixels.len(), len, "numbers to be written");
        assert_eq!(self.shortcut.map_or(len, <[f32]>::len), len, "numbers of the shortcut");
        let read = self.through.map_or(len, |read| read.pixels.len());
        assert_eq!(read, len, "numbers that were read");
    }
}

/// Writes one vector of channels of pixel after pixel; statistics stay in registers as long as the
/// sample is the same.
pub(super) struct Writer<'a, 'b, L: Lanes> {
    lanes: L,
    target: &'a mut Target<'b>,
    bias: L::Vector,
    /// By which numbers were rectified.
    rectifier: Option<Normaliser<L>>,
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
        let normalise = target.through.and_then(|read| read.normalise);
        let normalise = normalise.filter(|all| all.rectify);
        let rectifier = Normaliser::of(lanes, normalise, channels.start, channels.len());
        Self { lanes, target, bias, rectifier, channels, outputs, moments: None }
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
        self.put_row(pixel, [sums]);
    }

    /// Writes pixels side by side, whose statistics are added up first.
    #[inline(always)]
    pub(super) fn put_row<const M: usize>(&mut self, first: usize, sums: [L::Vector; M]) {
        for (j, value) in self.passed(first, sums).into_iter().enumerate() {
            let place = self.place(first + j);
            self.lanes.prefetch(self.target.pixels, place.start + AHEAD);
            self.lanes.store_part(&mut self.target.pixels[place], value);
        }
    }

    /// Writes only the largest of each 2 x 2 of two rows of pixels, or the smallest where the sign is -1, from the
    /// pooled pixel `to` on; no number where one is not finite.
    #[inline(always)]
    pub(super) fn put_windows<const M: usize>(
        &mut self,
        firsts: [usize; 2],
        rows: [[L::Vector; M]; 2],
        sign: L::Vector,
        to: usize,
    ) {
        let lanes = self.lanes;
        let [upper, lower] = rows;
        let (upper, lower) = (self.passed(firsts[0], upper), self.passed(firsts[1], lower));
        for (j, (a, b)) in upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0).enumerate()
        {
            let mut largest = lanes.splat(f32::NEG_INFINITY);
            let (zero, mut poison) = (lanes.splat(0.0), lanes.splat(0.0));
            for &value in a.iter().chain(b) {
                largest = lanes.max(largest, lanes.mul(sign, value));
                poison = lanes.mul_add(value, zero, poison);
            }
            let place = self.place(to + j);
            let value = lanes.mul_add(sign, largest, poison);
            lanes.store_part(&mut self.target.pixels[place], value);
        }
    }

    /// Where a pixel's channels stand.
    #[inline(always)]
    fn place(&self, pixel: usize) -> Range<usize> {
        let start = pixel * self.outputs + self.channels.start;
        start..start + self.channels.len()
    }

    /// What is written of sums for pixels side by side.
    #[inline(always)]
    fn passed<const M: usize>(&mut self, first: usize, sums: [L::Vector; M]) -> [L::Vector; M] {
        let lanes = self.lanes;
        let (Range { start, end }, outputs) = (self.place(first), self.outputs);
        let place = |j: usize| start + j * outputs..end + j * outputs;
        let mut values = sums;
        for value in &mut values {
            *value = lanes.add(*value, self.bias);
        }
        if let Some(shortcut) = self.target.shortcut {
            for (j, value) in values.iter_mut().enumerate() {
                lanes.prefetch(shortcut, place(j).start + AHEAD);
                *value = lanes.add(*value, lanes.load_part(&shortcut[place(j)]));
            }
        }
        let images = self.target.through.map(|read| read.pixels);
        if let (Some(images), Some(rectifier)) = (images, self.rectifier) {
            for (j, value) in values.iter_mut().enumerate() {
                let read = rectifier.apply(lanes, lanes.load_part(&images[place(j)]));
                *value = lanes.keep_greater(read, lanes.splat(0.0), *value);
            }
        }
        if self.target.adds {
            for (j, value) in values.iter_mut().enumerate() {
                let before = lanes.load_part(&self.target.pixels[place(j)]);
                *value = lanes.add(*value, before);
            }
        }
        if let Some((_, moments)) = &mut self.moments {
            if let Some(images) = images {
                let mut read = values;
                for (j, image) in read.iter_mut().enumerate() {
                    *image = lanes.load_part(&images[place(j)]);
                }
                moments.add_gradients(lanes, values, read);
            } else {
                moments.add(lanes, values);
            }
        }
        values
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

//! Images copied to where the tiles read them: normalised, and padded or interleaved.

use std::ops::Range;

use super::aligned::LINE;
use super::simd::Lanes;
use super::source::{Normalise, Normaliser, Source, read};
use super::split::bands;

/// How far ahead of what is read or written numbers are asked for: 8 KB. The CPU itself does not look beyond a page.
pub(super) const AHEAD: usize = 2048;

/// Copied images [y, x, sample, channel], with room around each for a border of zeros.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gathered {
    /// Rows that are taken.
    pub(super) height: usize,
    /// Pixels that are taken of a row.
    pub(super) width: usize,
    /// Channels that are taken.
    pub(super) channels: usize,
    /// The first of them, and all that the source has.
    pub(super) of: (usize, usize),
    /// Every so many rows and pixels are taken.
    pub(super) every: usize,
    /// Rows and pixels of a row of the source.
    pub(super) source: [usize; 2],
    pub(super) samples: usize,
    /// Rows and columns with borders.
    pub(super) padded: [usize; 2],
    /// Border rows above, border pixels on the left.
    pub(super) border: [usize; 2],
    /// Numbers from a pixel to the next.
    pub(super) pixel: usize,
}

impl Gathered {
    /// One image as it is.
    pub(super) fn whole([height, width]: [usize; 2], channels: usize) -> Self {
        Self {
            height,
            width,
            channels,
            of: (0, channels),
            every: 1,
            source: [height, width],
            samples: 1,
            padded: [height, width],
            border: [0, 0],
            pixel: channels,
        }
    }

    /// One image of several that are interleaved. Pixels a multiple of 1024 bytes apart would share few
    /// sets of the first-level cache.
    pub(super) fn interleaved(size: [usize; 2], channels: usize) -> Self {
        let skew = if channels.is_multiple_of(256) { 16 } else { 0 };
        Self { pixel: channels + skew, ..Self::whole(size, channels) }
    }

    /// With `columns` zeros left and right.
    pub(super) fn with_columns(self, columns: usize) -> Self {
        let padded = [self.height, self.width + 2 * columns];
        Self { padded, border: [0, columns], ..self }
    }

    /// Of every `every`-th row and pixel.
    pub(super) fn strided(self, every: usize) -> Self {
        let [height, width] = self.source.map(|len| len.div_ceil(every));
        Self { height, width, every, padded: [height, width], ..self }
    }

    /// With only some of the channels.
    pub(super) fn with_channels(self, channels: Range<usize>) -> Self {
        let of = (channels.start, self.of.1);
        Self { channels: channels.len(), pixel: channels.len(), of, ..self }
    }

    /// Numbers of all images together.
    pub(super) fn len(self) -> usize {
        let [rows, columns] = self.padded;
        rows * columns * self.samples * self.pixel
    }

    /// Where a pixel of the first sample starts, borders counted.
    #[inline(always)]
    pub(super) fn place(self, y: usize, x: usize) -> usize {
        (y * self.padded[1] + x) * self.samples * self.pixel
    }

    /// Copies samples from `first` on; leaves the border as it is.
    #[inline(always)]
    pub(super) fn fill<L: Lanes>(self, lanes: L, source: Source<'_>, first: usize, to: &mut [f32]) {
        let Self { height, width, every, samples, border, pixel, .. } = self;
        let [rows, columns] = self.source;
        let (channel, channels) = self.of;
        if self.source == [1, 1] {
            // Samples of one pixel are copied as the pixels of a row are.
            let from = &source.pixels[first * channels + channel..];
            let to = &mut to[self.place(border[0], border[1])..];
            let size = (channel..channel + self.channels, samples);
            return copy_row(lanes, (from, channels), size, source.normalise, (to, pixel));
        }
        let images = source.pixels.chunks_exact(rows * columns * channels).skip(first);
        for (sample, image) in images.take(samples).enumerate() {
            for y in 0..height {
                let from = &image[y * every * columns * channels + channel..];
                let to = &mut to[self.place(y + border[0], border[1]) + sample * pixel..];
                let size = (channel..channel + self.channels, width);
                let steps = [every * channels, samples * pixel];
                copy_row(lanes, (from, steps[0]), size, source.normalise, (to, steps[1]));
            }
        }
    }
}

/// Copies some channels of `count` pixels of a row: from [pixel, `from_step`] to [pixel, `to_step`].
#[inline(always)]
pub(super) fn copy_row<L: Lanes>(
    lanes: L,
    (from, from_step): (&[f32], usize),
    (channels, count): (Range<usize>, usize),
    normalise: Option<Normalise<'_>>,
    (to, to_step): (&mut [f32], usize),
) {
    for band in bands(0..count, channels.len()) {
        for start in (0..channels.len()).step_by(L::WIDTH) {
            let width = (channels.len() - start).min(L::WIDTH);
            let normaliser = Normaliser::of(lanes, normalise, channels.start + start, width);
            let column = (band.clone(), start..start + width);
            let (from, to) = ((from, from_step), (&mut *to, to_step));
            match normaliser {
                Some(_) if width == L::WIDTH => {
                    copy_column::<L, true>(lanes, from, column, normaliser, to);
                }
                None if width == L::WIDTH => {
                    copy_column::<L, true>(lanes, from, column, None, to);
                }
                _ => copy_column::<L, false>(lanes, from, column, normaliser, to),
            }
        }
    }
}

/// The same of a vector of channels, whole or not, normalised or not: which of these is known where this is compiled.
#[inline(always)]
fn copy_column<L: Lanes, const FULL: bool>(
    lanes: L,
    (from, from_step): (&[f32], usize),
    (pixels, channels): (Range<usize>, Range<usize>),
    normaliser: Option<Normaliser<L>>,
    (to, to_step): (&mut [f32], usize),
) {
    let width = if FULL { L::WIDTH } else { channels.len() };
    let from = from[pixels.start * from_step + channels.start..].chunks(from_step);
    let to = to[pixels.start * to_step + channels.start..].chunks_mut(to_step);
    for (from, to) in from.zip(to).take(pixels.len()) {
        if channels.start.is_multiple_of(LINE) {
            lanes.prefetch(from, AHEAD);
        }
        lanes.store_part(&mut to[..width], read(lanes, &from[..width], normaliser));
    }
}

//! Images as a kernel reads them: normalised and rectified on the way.

use super::gather::{Gathered, copy_row};
use super::simd::{InstructionSet, Kernel, Lanes};

/// Where inputs come from, and what is done on the way.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// [n, h, w, inputs].
    pub pixels: &'a [f32],
    /// Applied to them.
    pub normalise: Option<Normalise<'a>>,
}

impl<'a> Source<'a> {
    /// The numbers from a sample on, if they lie as a layout has them and are read as they are.
    pub(super) fn in_place(self, layout: Gathered, first: usize) -> Option<&'a [f32]> {
        let is_plain = self.normalise.is_none() && layout.pixel == layout.channels;
        is_plain.then(|| &self.pixels[first * layout.pixel..])
    }

    /// Writes the numbers as they are read, of pixels with so many channels.
    pub fn apply(self, instructions: InstructionSet, channels: usize, to: &mut [f32]) {
        assert_eq!(to.len(), self.pixels.len(), "numbers that are read");
        instructions.run(Apply { source: self, channels, to });
    }
}

struct Apply<'a, 'b> {
    source: Source<'a>,
    channels: usize,
    to: &'b mut [f32],
}

impl Kernel for Apply<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { source: Source { pixels, normalise }, channels, to } = self;
        let size = (0..channels, pixels.len() / channels);
        copy_row(lanes, (pixels, channels), size, normalise, (to, channels));
    }
}

/// y = (x - mean) scale + offset, channel by channel, and its positive part if `rectify`.
///
/// Batch norm with scale = gamma / sqrt(variance + eps) and offset = beta; the mean is taken off
/// first because its product with the scale would round at the mean's size.
#[derive(Debug, Clone, Copy)]
pub struct Normalise<'a> {
    /// Taken off.
    pub mean: &'a [f32],
    /// Factor.
    pub scale: &'a [f32],
    /// Added.
    pub offset: &'a [f32],
    /// Zero instead of negative numbers.
    pub rectify: bool,
}

/// One vector of channels of a [`Normalise`].
#[derive(Clone, Copy)]
pub(super) struct Normaliser<L: Lanes> {
    mean: L::Vector,
    scale: L::Vector,
    offset: L::Vector,
    floor: L::Vector,
}

impl<L: Lanes> Normaliser<L> {
    /// For the channels from `start` on, at most a vector of them; none if nothing is to be done.
    #[inline(always)]
    pub(super) fn of(
        lanes: L,
        normalise: Option<Normalise<'_>>,
        start: usize,
        width: usize,
    ) -> Option<Self> {
        // No closure may hold vector instructions: it would be compiled without them.
        let Normalise { mean, scale, offset, rectify } = normalise?;
        Some(Self {
            mean: lanes.load_part(&mean[start..][..width]),
            scale: lanes.load_part(&scale[start..][..width]),
            offset: lanes.load_part(&offset[start..][..width]),
            floor: lanes.splat(if rectify { 0.0 } else { f32::NEG_INFINITY }),
        })
    }

    /// The normalised numbers.
    #[inline(always)]
    pub(super) fn apply(self, lanes: L, x: L::Vector) -> L::Vector {
        let y = lanes.mul_add(lanes.sub(x, self.mean), self.scale, self.offset);
        lanes.max(self.floor, y)
    }
}

/// Up to a vector of numbers, normalised if there is a normaliser.
#[inline(always)]
pub(super) fn read<L: Lanes>(
    lanes: L,
    numbers: &[f32],
    normaliser: Option<Normaliser<L>>,
) -> L::Vector {
    let value = lanes.load_part(numbers);
    match normaliser {
        Some(normaliser) => normaliser.apply(lanes, value),
        None => value,
    }
}

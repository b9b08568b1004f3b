//! Pooling: the maximum over windows, the mean over whole images.

use super::InstructionSet;
use super::simd::{Kernel, Lanes};
use super::source::{Normaliser, Source, read};
use super::split::bands;

/// Writes the maximum of every `size` x `size` window, side by side, of images [n, height, width,
/// channels] as [n, height / size, width / size, channels]; no number where a window has one that is
/// not finite.
pub fn max_pool(
    instructions: InstructionSet,
    source: Source<'_>,
    [height, width, channels]: [usize; 3],
    size: usize,
    pooled: &mut [f32],
) {
    assert!(
        height % size == 0 && width % size == 0,
        "{size}x{size} windows, {height}x{width} images"
    );
    let rows = source.pixels.len() / (width * channels);
    assert_eq!(pooled.len(), rows / size * (width / size) * channels, "pooled images");
    instructions.run(MaxPool { source, width, channels, size, pooled });
}

/// Writes the mean over the pixels of each image [n, pixels, channels] as [n, channels].
pub fn average_pool(
    instructions: InstructionSet,
    source: Source<'_>,
    pixels: usize,
    channels: usize,
    pooled: &mut [f32],
) {
    assert_eq!(pooled.len() * pixels, source.pixels.len(), "pooled images");
    instructions.run(AveragePool { source, pixels, channels, pooled });
}

/// Writes the tangents of the maxima of `size` x `size` windows of images [n, height, width, channels]
/// as `source` reads them: that of the first of each window's largest numbers.
pub fn max_pool_tangent(
    instructions: InstructionSet,
    source: Source<'_>,
    [_, width, channels]: [usize; 3],
    size: usize,
    tangent: &[f32],
    pooled: &mut [f32],
) {
    assert_eq!(tangent.len(), source.pixels.len(), "tangents of images");
    assert_eq!(pooled.len() * size * size, source.pixels.len(), "pooled tangents");
    instructions.run(MaxPoolTangent { source, width, channels, size, tangent, pooled });
}

struct MaxPool<'a> {
    source: Source<'a>,
    width: usize,
    channels: usize,
    size: usize,
    pooled: &'a mut [f32],
}

impl Kernel for MaxPool<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { source, width, channels, size, pooled } = self;
        let columns = width / size;
        for band in bands(0..pooled.len() / channels, channels) {
            for start in (0..channels).step_by(L::WIDTH) {
                let count = (channels - start).min(L::WIDTH);
                let normaliser = Normaliser::of(lanes, source.normalise, start, count);
                for i in band.clone() {
                    let first = i / columns * size * width + i % columns * size;
                    let mut largest = lanes.splat(f32::NEG_INFINITY);
                    // Zero unless a number is not finite: a maximum alone would lose what is no number.
                    let (zero, mut poison) = (lanes.splat(0.0), lanes.splat(0.0));
                    for (y, x) in (0..size).flat_map(|y| (0..size).map(move |x| (y, x))) {
                        let place = (first + y * width + x) * channels + start;
                        let value = read(lanes, &source.pixels[place..][..count], normaliser);
                        largest = lanes.max(largest, value);
                        poison = lanes.mul_add(value, zero, poison);
                    }
                    let to = &mut pooled[i * channels + start..][..count];
                    lanes.store_part(to, lanes.add(largest, poison));
                }
            }
        }
    }
}

struct MaxPoolTangent<'a> {
    source: Source<'a>,
    width: usize,
    channels: usize,
    size: usize,
    tangent: &'a [f32],
    pooled: &'a mut [f32],
}

impl Kernel for MaxPoolTangent<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { source, width, channels, size, tangent, pooled } = self;
        let columns = width / size;
        let places = || (0..size).flat_map(|y| (0..size).map(move |x| y * width + x));
        for band in bands(0..pooled.len() / channels, channels) {
            for start in (0..channels).step_by(L::WIDTH) {
                let count = (channels - start).min(L::WIDTH);
                let normaliser = Normaliser::of(lanes, source.normalise, start, count);
                for i in band.clone() {
                    let first = i / columns * size * width + i % columns * size;
                    let mut largest = lanes.splat(f32::NEG_INFINITY);
                    for place in places() {
                        let place = (first + place) * channels + start;
                        let value = read(lanes, &source.pixels[place..][..count], normaliser);
                        largest = lanes.max(largest, value);
                    }
                    let mut chosen = lanes.splat(0.0);
                    // From the last to the first, each in place of those before if it is as large.
                    for place in places().rev() {
                        let place = (first + place) * channels + start;
                        let value = read(lanes, &source.pixels[place..][..count], normaliser);
                        let own = lanes.load_part(&tangent[place..][..count]);
                        let passed_over = lanes.keep_greater(largest, value, own);
                        let others = lanes.keep_greater(largest, value, chosen);
                        chosen = lanes.add(others, lanes.sub(own, passed_over));
                    }
                    lanes.store_part(&mut pooled[i * channels + start..][..count], chosen);
                }
            }
        }
    }
}

struct AveragePool<'a> {
    source: Source<'a>,
    pixels: usize,
    channels: usize,
    pooled: &'a mut [f32],
}

impl Kernel for AveragePool<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { source, pixels, channels, pooled } = self;
        let share = lanes.splat(1.0 / pixels as f32);
        let images = source.pixels.chunks_exact(pixels * channels);
        for (image, mean) in images.zip(pooled.chunks_exact_mut(channels)) {
            for start in (0..channels).step_by(L::WIDTH) {
                let count = (channels - start).min(L::WIDTH);
                let normaliser = Normaliser::of(lanes, source.normalise, start, count);
                let mut sum = lanes.splat(0.0);
                for pixel in image.chunks_exact(channels) {
                    let mut value = lanes.load_part(&pixel[start..][..count]);
                    if let Some(normaliser) = normaliser {
                        value = normaliser.apply(lanes, value);
                    }
                    sum = lanes.add(sum, value);
                }
                lanes.store_part(&mut mean[start..][..count], lanes.mul(sum, share));
            }
        }
    }
}

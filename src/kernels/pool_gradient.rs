//! Gradients of pooling.

use super::InstructionSet;
use super::simd::{Kernel, Lanes};
use super::source::{Normaliser, Source, read};
use super::split::bands;
use super::target::{Target, Writer};

/// From gradients with respect to the maxima of `size` x `size` windows to those with respect to the
/// images [n, height, width, channels] of `source`: each goes to the first of the window's largest
/// numbers. Size 1 passes them on.
pub fn max_pool_gradient(
    instructions: InstructionSet,
    source: Source<'_>,
    shape: [usize; 3],
    size: usize,
    gradients: &[f32],
    target: Target<'_>,
) {
    target.check(source.pixels.len());
    assert_eq!(gradients.len() * size * size, source.pixels.len(), "gradients of maxima");
    instructions.run(MaxPoolGradient { source, shape, size, gradients, target });
}

/// From gradients [n, channels] with respect to the means over the pixels of each image [n, pixels,
/// channels] to those with respect to the images.
pub fn average_pool_gradient(
    instructions: InstructionSet,
    pixels: usize,
    channels: usize,
    gradients: &[f32],
    target: Target<'_>,
) {
    target.check(gradients.len() * pixels);
    instructions.run(AveragePoolGradient { pixels, channels, gradients, target });
}

struct MaxPoolGradient<'a> {
    source: Source<'a>,
    shape: [usize; 3],
    size: usize,
    gradients: &'a [f32],
    target: Target<'a>,
}

impl Kernel for MaxPoolGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let Self { source, shape: [height, width, channels], size, .. } = self;
        let (columns, windows) = (width / size, height * width / (size * size));
        let places = || (0..size).flat_map(|y| (0..size).map(move |x| y * width + x));
        for band in bands(0..self.gradients.len() / channels, channels) {
            for start in (0..channels).step_by(L::WIDTH) {
                let end = channels.min(start + L::WIDTH);
                let normaliser = Normaliser::of(lanes, source.normalise, start, end - start);
                let mut writer = Writer::new(lanes, &mut self.target, None, start..end, channels);
                for i in band.clone() {
                    writer.sample(i / windows);
                    let first = i / columns * size * width + i % columns * size;
                    let mut largest = lanes.splat(f32::NEG_INFINITY);
                    for place in places() {
                        let pixel = &source.pixels[(first + place) * channels..];
                        largest = lanes.max(largest, read(lanes, &pixel[start..end], normaliser));
                    }
                    let mut left = lanes.load_part(&self.gradients[i * channels..][start..end]);
                    for place in places() {
                        let pixel = &source.pixels[(first + place) * channels..];
                        let value = read(lanes, &pixel[start..end], normaliser);
                        let lower = lanes.keep_greater(largest, value, left);
                        writer.put(first + place, lanes.sub(left, lower));
                        left = lower;
                    }
                }
                writer.close();
            }
        }
    }
}

struct AveragePoolGradient<'a> {
    pixels: usize,
    channels: usize,
    gradients: &'a [f32],
    target: Target<'a>,
}

impl Kernel for AveragePoolGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let Self { pixels, channels, .. } = self;
        let share = lanes.splat(1.0 / pixels as f32);
        for (sample, gradient) in self.gradients.chunks_exact(channels).enumerate() {
            for start in (0..channels).step_by(L::WIDTH) {
                let end = channels.min(start + L::WIDTH);
                let value = lanes.mul(lanes.load_part(&gradient[start..end]), share);
                let mut writer = Writer::new(lanes, &mut self.target, None, start..end, channels);
                writer.sample(sample);
                for pixel in sample * pixels..(sample + 1) * pixels {
                    writer.put(pixel, value);
                }
                writer.close();
            }
        }
    }
}

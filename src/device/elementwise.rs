//! What lies between convolutions: pooling, sums, and what is pending on an activation.

use cubecl::prelude::*;

use super::{Buffer, UNITS, V, cubes};

/// An activation that is read, [samples, height, width, channels], channels in fours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Read {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    /// It passes a norm.
    pub norm: bool,
    /// Negative numbers are read as zero.
    pub rectify: bool,
}

/// A number as it is read, with what is pending on it done.
#[cube]
pub(super) fn applied(
    input: &[V],
    affine: &[V],
    sample: usize,
    pixel: usize,
    channel: usize,
    normed: usize,
    #[comptime] form: Read,
) -> V {
    let pixels = comptime!(form.height * form.width);
    let row = sample * pixels + pixel;
    let mut value = input[row * form.channels + channel];
    if comptime!(form.norm) {
        let at = row / normed * comptime!(2 * form.channels) + channel;
        value = fma(value, affine[at], affine[at + form.channels]);
    }
    if comptime!(form.rectify) {
        value = max(value, V::new(0.0));
    }
    value
}

/// The first pixel of an image's window.
#[cube]
pub(super) fn corner(window: usize, #[comptime] form: Read, #[comptime] size: usize) -> usize {
    let columns = comptime!(form.width / size);
    window / columns * comptime!(size * form.width) + window % columns * size
}

/// The maximum over windows of `size` x `size`; size 1 does what is pending.
pub(crate) fn max_pool(
    client: &Client,
    form: Read,
    size: usize,
    normed: usize,
    [input, affine, output]: [Buffer; 3],
) {
    let len = output.len();
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        max_pool_kernel::launch_unchecked(
            client,
            cubes(len),
            CubeDim::new_1d(UNITS),
            input.argument(),
            affine.argument(),
            output.argument(),
            normed as u32,
            form,
            size,
        );
    }
}

#[cube(launch_unchecked)]
fn max_pool_kernel(
    input: &[V],
    affine: &[V],
    output: &mut [V],
    normed: u32,
    #[comptime] form: Read,
    #[comptime] size: usize,
) {
    let windows = comptime!(form.height / size * (form.width / size));
    let at = ABSOLUTE_POS;
    if at < output.len() {
        let channel = at % form.channels;
        let window = at / form.channels;
        let (sample, corner) = (window / windows, corner(window % windows, form, size));
        let normed = normed as usize;
        let mut most = applied(input, affine, sample, corner, channel, normed, form);
        #[unroll]
        for other in 1..comptime!(size * size) {
            let pixel = corner + comptime!(other / size * form.width + other % size);
            most = max(most, applied(input, affine, sample, pixel, channel, normed, form));
        }
        output[at] = most;
    }
}

/// The mean over pixels.
pub(crate) fn average_pool(
    client: &Client,
    form: Read,
    normed: usize,
    [input, affine, output]: [Buffer; 3],
) {
    let len = output.len();
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        average_pool_kernel::launch_unchecked(
            client,
            cubes(len),
            CubeDim::new_1d(UNITS),
            input.argument(),
            affine.argument(),
            output.argument(),
            normed as u32,
            form,
        );
    }
}

#[cube(launch_unchecked)]
fn average_pool_kernel(
    input: &[V],
    affine: &[V],
    output: &mut [V],
    normed: u32,
    #[comptime] form: Read,
) {
    let pixels = comptime!(form.height * form.width);
    let at = ABSOLUTE_POS;
    if at < output.len() {
        let (sample, channel) = (at / form.channels, at % form.channels);
        let normed = normed as usize;
        let mut sum = V::new(0.0);
        for pixel in 0..pixels {
            sum += applied(input, affine, sample, pixel, channel, normed, form);
        }
        output[at] = sum / V::new(comptime!(pixels as f32));
    }
}

/// The sum of an activation, with what is pending on it done, and another.
pub(crate) fn add(
    client: &Client,
    form: Read,
    normed: usize,
    [input, affine, other, output]: [Buffer; 4],
) {
    let len = output.len();
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        add_kernel::launch_unchecked(
            client,
            cubes(len),
            CubeDim::new_1d(UNITS),
            input.argument(),
            affine.argument(),
            other.argument(),
            output.argument(),
            normed as u32,
            form,
        );
    }
}

#[cube(launch_unchecked)]
fn add_kernel(
    input: &[V],
    affine: &[V],
    other: &[V],
    output: &mut [V],
    normed: u32,
    #[comptime] form: Read,
) {
    let pixels = comptime!(form.height * form.width);
    let at = ABSOLUTE_POS;
    if at < output.len() {
        let (row, channel) = (at / form.channels, at % form.channels);
        let (sample, pixel) = (row / pixels, row % pixels);
        output[at] =
            applied(input, affine, sample, pixel, channel, normed as usize, form) + other[at];
    }
}

/// a + alpha b, for activations that are linear in the parameters.
pub(crate) fn mix(client: &Client, alpha: f32, [a, b, output]: [Buffer; 3]) {
    let len = output.len();
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        mix_kernel::launch_unchecked(
            client,
            cubes(len),
            CubeDim::new_1d(UNITS),
            a.argument(),
            b.argument(),
            output.argument(),
            alpha,
        );
    }
}

#[cube(launch_unchecked)]
fn mix_kernel(a: &[V], b: &[V], output: &mut [V], alpha: f32) {
    let at = ABSOLUTE_POS;
    if at < output.len() {
        output[at] = fma(V::new(alpha), b[at], a[at]);
    }
}

/// A multiple of some numbers.
pub(crate) fn scale(client: &Client, factor: f32, [input, output]: [Buffer; 2]) {
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        scale_kernel::launch_unchecked(
            client,
            cubes(output.len()),
            CubeDim::new_1d(UNITS),
            input.argument(),
            output.argument(),
            factor,
        );
    }
}

#[cube(launch_unchecked)]
fn scale_kernel(input: &[f32], output: &mut [f32], factor: f32) {
    let at = ABSOLUTE_POS;
    if at < output.len() {
        output[at] = factor * input[at];
    }
}

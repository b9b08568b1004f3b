//! Gradients on their way back, of one batch: through pools and rectifiers, and to theta.
//!
//! A gradient arrives with respect to an activation as it was read, and leaves with respect to what stands
//! there, past its rectifier; its norm comes after, once all readers of the norm have given theirs.

use cubecl::prelude::*;

use super::elementwise::{Read, applied, corner};
use super::tangent::past;
use super::{Buffer, UNITS, V, cubes};

/// From the gradient with respect to maxima over windows to that with respect to the images: each goes to
/// the first of the window's largest numbers. `before` is added if it is given.
pub(crate) fn max_pool_back(
    client: &Client,
    form: Read,
    size: usize,
    [input, affine, gradient]: [Buffer; 3],
    before: Option<Buffer>,
    output: Buffer,
) {
    let len = gradient.len();
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        max_pool_back_kernel::launch_unchecked(
            client,
            cubes(len),
            CubeDim::new_1d(UNITS),
            input.argument(),
            affine.argument(),
            gradient.clone().argument(),
            before.clone().unwrap_or(gradient).argument(),
            output.argument(),
            form,
            size,
            before.is_some(),
        );
    }
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel takes its buffers one by one")]
fn max_pool_back_kernel(
    input: &[V],
    affine: &[V],
    gradient: &[V],
    before: &[V],
    output: &mut [V],
    #[comptime] form: Read,
    #[comptime] size: usize,
    #[comptime] adds: bool,
) {
    let windows = comptime!(form.height / size * (form.width / size));
    let at = ABSOLUTE_POS;
    if at < gradient.len() {
        let channel = at % form.channels;
        let window = at / form.channels;
        let (sample, corner) = (window / windows, corner(window % windows, form, size));
        let all = comptime!(u32::MAX as usize);
        let mut most = applied(input, affine, sample, corner, channel, all, form);
        #[unroll]
        for other in 1..comptime!(size * size) {
            let pixel = corner + comptime!(other / size * form.width + other % size);
            most = max(most, applied(input, affine, sample, pixel, channel, all, form));
        }
        let mut left = gradient[at];
        #[unroll]
        for other in 0..comptime!(size * size) {
            let pixel = corner + comptime!(other / size * form.width + other % size);
            let value = applied(input, affine, sample, pixel, channel, all, form);
            let mut own = V::new(0.0);
            #[unroll]
            for k in 0..4usize {
                let is_most = value.extract(k) >= most.extract(k);
                own.insert(k, select(is_most, left.extract(k), 0.0));
                left.insert(k, select(is_most, 0.0, left.extract(k)));
            }
            let place = (sample * comptime!(form.height * form.width) + pixel) * form.channels;
            let mut sum = past(own, value, form);
            if comptime!(adds) {
                sum += before[place + channel];
            }
            output[place + channel] = sum;
        }
    }
}

/// From the gradient with respect to means over so many pixels each, which are one if what was read is to
/// be gone through alone, to that with respect to the images, plus `before`.
pub(crate) fn pass_back(
    client: &Client,
    form: Read,
    pixels: usize,
    [input, affine, gradient]: [Buffer; 3],
    before: Option<Buffer>,
    output: Buffer,
) {
    let len = output.len();
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        pass_back_kernel::launch_unchecked(
            client,
            cubes(len),
            CubeDim::new_1d(UNITS),
            input.argument(),
            affine.argument(),
            gradient.clone().argument(),
            before.clone().unwrap_or(gradient).argument(),
            output.argument(),
            form,
            pixels,
            before.is_some(),
        );
    }
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel takes its buffers one by one")]
fn pass_back_kernel(
    input: &[V],
    affine: &[V],
    gradient: &[V],
    before: &[V],
    output: &mut [V],
    #[comptime] form: Read,
    #[comptime] pixels: usize,
    #[comptime] adds: bool,
) {
    let at = ABSOLUTE_POS;
    if at < output.len() {
        let (row, channel) = (at / form.channels, at % form.channels);
        let of_image = comptime!(form.height * form.width);
        let (sample, pixel) = (row / of_image, row % of_image);
        let share = gradient[row / pixels * form.channels + channel]
            * V::new(comptime!(1.0 / pixels as f32));
        let all = comptime!(u32::MAX as usize);
        let value = applied(input, affine, sample, pixel, channel, all, form);
        let mut sum = past(share, value, form);
        if comptime!(adds) {
            sum += before[at];
        }
        output[at] = sum;
    }
}

//! How a batch moves along a direction: through norms, rectifiers and pools.

use cubecl::prelude::*;

use super::elementwise::{Read, applied, corner};
use super::{Buffer, UNITS, V, cubes};

/// The tangent past a norm and, where there is one, the rectifier behind it.
pub(crate) fn norm_tangent(
    client: &Client,
    form: Read,
    [input, affine, statistics, along, tangent, output]: [Buffer; 6],
) {
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        tangent_kernel::launch_unchecked(
            client,
            cubes(output.len()),
            CubeDim::new_1d(UNITS),
            input.argument(),
            affine.argument(),
            statistics.argument(),
            along.argument(),
            tangent.argument(),
            output.argument(),
            form,
        );
    }
}

#[cube(launch_unchecked)]
fn tangent_kernel(
    input: &[V],
    affine: &[V],
    statistics: &[V],
    along: &[V],
    tangent: &[V],
    output: &mut [V],
    #[comptime] form: Read,
) {
    let channels = comptime!(form.channels);
    let at = ABSOLUTE_POS;
    if at < output.len() {
        let (row, channel) = (at / channels, at % channels);
        let of_image = comptime!(form.height * form.width);
        let (sample, pixel) = (row / of_image, row % of_image);
        let image = fma(
            along[comptime!(3 * channels) + channel],
            input[at] - statistics[channel],
            along[comptime!(4 * channels) + channel],
        );
        let centred = tangent[at] - along[channel];
        let value = fma(along[comptime!(2 * channels) + channel], centred, image);
        let all = comptime!(u32::MAX as usize);
        let read = applied(input, affine, sample, pixel, channel, all, form);
        output[at] = past(value, read, form);
    }
}

/// What of a tangent or a gradient with respect to an activation as it was read goes past its rectifier.
#[cube]
pub(super) fn past(gradient: V, value: V, #[comptime] form: Read) -> V {
    let mut past = gradient;
    if comptime!(form.rectify) {
        #[unroll]
        for k in 0..4usize {
            past.insert(k, select(value.extract(k) > 0.0, gradient.extract(k), 0.0));
        }
    }
    past
}

/// The tangents of maxima over windows, those of the first of a window's largest numbers.
pub(crate) fn max_pool_tangent(
    client: &Client,
    form: Read,
    size: usize,
    [input, affine, tangent, output]: [Buffer; 4],
) {
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        max_pool_tangent_kernel::launch_unchecked(
            client,
            cubes(output.len()),
            CubeDim::new_1d(UNITS),
            input.argument(),
            affine.argument(),
            tangent.argument(),
            output.argument(),
            form,
            size,
        );
    }
}

#[cube(launch_unchecked)]
fn max_pool_tangent_kernel(
    input: &[V],
    affine: &[V],
    tangent: &[V],
    output: &mut [V],
    #[comptime] form: Read,
    #[comptime] size: usize,
) {
    let windows = comptime!(form.height / size * (form.width / size));
    let at = ABSOLUTE_POS;
    if at < output.len() {
        let channel = at % form.channels;
        let window = at / form.channels;
        let (sample, corner) = (window / windows, corner(window % windows, form, size));
        let all = comptime!(u32::MAX as usize);
        let start = sample * comptime!(form.height * form.width);
        let mut most = applied(input, affine, sample, corner, channel, all, form);
        let mut moved = tangent[(start + corner) * form.channels + channel];
        #[unroll]
        for other in 1..comptime!(size * size) {
            let pixel = corner + comptime!(other / size * form.width + other % size);
            let value = applied(input, affine, sample, pixel, channel, all, form);
            let along = tangent[(start + pixel) * form.channels + channel];
            #[unroll]
            for k in 0..4usize {
                let is_more = value.extract(k) > most.extract(k);
                most.insert(k, select(is_more, value.extract(k), most.extract(k)));
                moved.insert(k, select(is_more, along.extract(k), moved.extract(k)));
            }
        }
        output[at] = moved;
    }
}

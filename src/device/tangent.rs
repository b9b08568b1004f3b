//! How a batch moves along a direction: through batch norm and pools.
//!
//! Batch norm writes y = gamma r (x - m) + beta with r = (v + eps)^(-1/2), and y moves by y1 = a (x1 - m1) +
//! b (x - m) + beta1 with a = gamma r, b = gamma1 r + gamma r1 and r1 = -r³ v1 / 2, where statistics of a
//! batch move by m1 = mean x1 and v1 = 2 mean (x - m) x1. In second order y has b (x1 - m1) + s (x - m), with
//! s = gamma1 r1 + gamma r2, r2 = -r³ v2 / 2 + 3 r⁵ v1² / 8 and, in a batch, v2 = mean (x1 - m1)².

use burn::cubecl;
use burn::cubecl::prelude::*;

use super::back::LEFT;
use super::elementwise::{Read, applied};
use super::moments::{moments, squares};
use super::{Buffer, UNITS, V, cubes};
use crate::network::EPSILON;

/// A norm along a direction: rows of the batch, and channels in fours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NormAlong {
    pub rows: usize,
    pub channels: usize,
}

/// What a norm is, and how its parameters move: each [channels], but mean and variance in one.
#[derive(Debug, Clone)]
pub(crate) struct NormHere {
    pub statistics: Buffer,
    pub gamma: Buffer,
    /// gamma1 and beta1.
    pub direction: [Buffer; 2],
}

/// How a norm moves: m1 and v1, a and b, what is added to a (x1 - m1) + b (x - m), and last what 32 bits leave
/// out of m and of m1, [7, channels]: where means are far from 0, it would be most of an error.
///
/// `given` are m1 and v1, and what 32 bits leave out of m and of m1; else they are those of a batch, from its x
/// and x1.
pub(crate) fn norm_along(
    client: &Client,
    NormAlong { rows, channels }: NormAlong,
    NormHere { statistics, gamma, direction: [gamma1, beta1] }: NormHere,
    given: Result<[Buffer; 2], [Buffer; 2]>,
) -> Buffer {
    let output = Buffer::fours(client, 7 * channels);
    let of_batch = given.is_ok();
    let sizes = [rows, channels];
    let (moved, centred) = match given {
        Ok([x, x1]) => {
            let centred = squares(client, sizes, [x.clone(), statistics.clone()]);
            (moments(client, sizes, [x, x1], Some(statistics.clone())), centred)
        }
        Err([moved, rests]) => (moved, rests),
    };
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        along_kernel::launch_unchecked(
            client,
            cubes(channels),
            CubeDim::new_1d(UNITS),
            moved.argument(),
            centred.argument(),
            statistics.argument(),
            gamma.argument(),
            gamma1.argument(),
            beta1.argument(),
            output.clone().argument(),
            rows as u32,
            channels,
            of_batch,
        );
    }
    output
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel takes its buffers one by one")]
fn along_kernel(
    moved: &[V],
    centred: &[V],
    statistics: &[V],
    gamma: &[V],
    gamma1: &[V],
    beta1: &[V],
    output: &mut [V],
    rows: u32,
    #[comptime] channels: usize,
    #[comptime] of_batch: bool,
) {
    let channel = ABSOLUTE_POS;
    if channel < channels {
        let (mut m1, mut v1) = (moved[channel], moved[channels + channel]);
        let (mut rest, mut rest1) = (centred[channel], centred[channels + channel]);
        if comptime!(of_batch) {
            let share = V::new(1.0) / V::cast_from(rows);
            rest *= share;
            rest1 = V::new(0.0);
            v1 = V::new(2.0) * share * (v1 - rest * m1);
            m1 *= share;
        }
        let variance = statistics[channels + channel] + V::new(comptime!(EPSILON as f32));
        let r = V::new(1.0) / variance.sqrt();
        let r1 = V::new(-0.5) * r * r * r * v1;
        output[channel] = m1;
        output[channels + channel] = v1;
        let a = gamma[channel] * r;
        output[comptime!(2 * channels) + channel] = a;
        let factor = fma(gamma1[channel], r, gamma[channel] * r1);
        output[comptime!(3 * channels) + channel] = factor;
        output[comptime!(4 * channels) + channel] = beta1[channel] - factor * rest - a * rest1;
        output[comptime!(5 * channels) + channel] = rest;
        output[comptime!(6 * channels) + channel] = rest1;
    }
}

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

/// What a norm's term of second order takes beside [`NormHere`].
pub(crate) struct NormSecond {
    /// The tangent x1 of what the norm reads, and the adjoint of what it writes.
    pub tangent: Buffer,
    pub adjoint: Buffer,
    /// What [`norm_along`] gave.
    pub along: Buffer,
    /// What [`norm_back`](super::norm_back) left.
    pub left: Buffer,
    /// The statistics are those of the batch.
    pub of_batch: bool,
    /// How the loss depends on mean and variance by other ways.
    pub cotangents: Option<Buffer>,
}

/// A norm's term of second order, channel by channel.
pub(crate) fn norm_second(
    client: &Client,
    NormAlong { rows, channels }: NormAlong,
    NormHere { statistics, gamma, direction: [gamma1, _] }: NormHere,
    second: NormSecond,
) -> Buffer {
    let NormSecond { tangent, adjoint, along, left, of_batch, cotangents } = second;
    let sizes = [rows, channels];
    let output = Buffer::fours(client, channels);
    let squared = squares(client, sizes, [tangent.clone(), along.clone()]);
    let weighed = moments(client, sizes, [tangent, adjoint], Some(along.clone()));
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        second_kernel::launch_unchecked(
            client,
            cubes(channels),
            CubeDim::new_1d(UNITS),
            squared.argument(),
            weighed.argument(),
            along.argument(),
            left.argument(),
            statistics.clone().argument(),
            gamma.argument(),
            gamma1.argument(),
            cotangents.clone().unwrap_or(statistics).argument(),
            output.clone().argument(),
            rows as u32,
            channels,
            of_batch,
            cotangents.is_some(),
        );
    }
    output
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel takes its buffers one by one")]
fn second_kernel(
    squared: &[V],
    weighed: &[V],
    along: &[V],
    left: &[V],
    statistics: &[V],
    gamma: &[V],
    gamma1: &[V],
    cotangents: &[V],
    output: &mut [V],
    rows: u32,
    #[comptime] channels: usize,
    #[comptime] of_batch: bool,
    #[comptime] given: bool,
) {
    let channel = ABSOLUTE_POS;
    if channel < channels {
        let variance = statistics[channels + channel] + V::new(comptime!(EPSILON as f32));
        let deviation = variance.sqrt();
        let r = V::new(1.0) / deviation;
        let cube = r * r * r;
        let v1 = along[channels + channel];
        let mut v2 = V::new(0.0);
        if comptime!(of_batch) {
            v2 = squared[channels + channel] / V::cast_from(rows);
        }
        let r1 = V::new(-0.5) * cube * v1;
        let r2 = V::new(-0.5) * cube * v2 + V::new(0.375) * cube * r * r * v1 * v1;
        let scale = fma(gamma1[channel], r1, gamma[channel] * r2);
        // The sum of the adjoint times x - m, of which the gradient with respect to gamma is a share.
        let (rest, sum) = (along[comptime!(5 * channels) + channel], left[channels + channel]);
        let products = left[channel] * deviation - rest * sum;
        let mut second = scale * products;
        let factor = along[comptime!(3 * channels) + channel];
        let tangent = weighed[channels + channel] - along[comptime!(6 * channels) + channel] * sum;
        second = fma(factor, tangent, second);
        if comptime!(given) {
            second = fma(cotangents[channels + channel], v2, second);
        }
        output[channel] = second;
    }
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
    let columns = comptime!(form.width / size);
    let at = ABSOLUTE_POS;
    if at < output.len() {
        let channel = at % form.channels;
        let window = at / form.channels;
        let x = window % columns * size;
        let y = window / columns % comptime!(form.height / size) * size;
        let sample = window / comptime!(columns * (form.height / size));
        let corner = y * form.width + x;
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

/// What a norm's way back along a direction reads.
pub(crate) struct NormTurned {
    /// x, the adjoint g of what the norm writes, and how both move, x1 and g1.
    pub input: Buffer,
    pub gradient: Buffer,
    pub tangent: Buffer,
    pub moved: Buffer,
    /// What [`norm_along`] gave.
    pub along: Buffer,
    /// What [`norm_back`](super::norm_back) left.
    pub left: Buffer,
    /// The statistics are those of the batch.
    pub of_batch: bool,
    /// How the cotangents move that the way back was given.
    pub cotangents: Option<Buffer>,
    /// Is added to how the gradient with respect to what the norm reads moves.
    pub other: Option<Buffer>,
}

/// How the gradient with respect to what a norm reads moves, written to `output` if there is such, and how
/// what [`norm_back`](super::norm_back) leaves does.
///
/// With T1 and T2, the sums of g1 and of g1 (x - m) + g (x1 - m1), and a1 for b above, they are T1 for beta,
/// T2 r + S2 r1 for gamma, and for the statistics -a1 S1 - a T1 (mean) and -((a1 r² + 2 a r r1) S2 + a r² T2)
/// / 2 (variance). The gradient with respect to x moves by a g1 + a1 g + c0' + c1' (x - m) + c1 (x1 - m1).
pub(crate) fn norm_back_along(
    client: &Client,
    NormAlong { rows, channels }: NormAlong,
    NormHere { statistics, gamma, .. }: NormHere,
    turned: NormTurned,
    output: Option<Buffer>,
) -> Buffer {
    let NormTurned { input, gradient, tangent, moved, along, left, of_batch, cotangents, other } =
        turned;
    let sizes = [rows, channels];
    let sums = moments(client, sizes, [input.clone(), moved.clone()], Some(statistics.clone()));
    let weighed = moments(client, sizes, [tangent.clone(), gradient.clone()], Some(along.clone()));
    let turned = Buffer::fours(client, LEFT * channels);
    let coefficients = Buffer::fours(client, 5 * channels);
    // SAFETY: the kernels stay within lengths that the callers keep to.
    unsafe {
        turned_kernel::launch_unchecked(
            client,
            cubes(channels),
            CubeDim::new_1d(UNITS),
            sums.argument(),
            weighed.argument(),
            along.clone().argument(),
            left.argument(),
            statistics.clone().argument(),
            gamma.argument(),
            cotangents.clone().unwrap_or(statistics.clone()).argument(),
            turned.clone().argument(),
            coefficients.clone().argument(),
            rows as u32,
            channels,
            of_batch,
            cotangents.is_some(),
        );
        if let Some(output) = output {
            moved_kernel::launch_unchecked(
                client,
                cubes(output.len()),
                CubeDim::new_1d(UNITS),
                input.argument(),
                gradient.argument(),
                tangent.argument(),
                moved.clone().argument(),
                statistics.argument(),
                along.argument(),
                coefficients.argument(),
                other.clone().unwrap_or(moved).argument(),
                output.argument(),
                channels,
                other.is_some(),
            );
        }
    }
    turned
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel takes its buffers one by one")]
fn turned_kernel(
    sums: &[V],
    weighed: &[V],
    along: &[V],
    left: &[V],
    statistics: &[V],
    gamma: &[V],
    cotangents: &[V],
    turned: &mut [V],
    coefficients: &mut [V],
    rows: u32,
    #[comptime] channels: usize,
    #[comptime] of_batch: bool,
    #[comptime] given: bool,
) {
    let channel = ABSOLUTE_POS;
    if channel < channels {
        let variance = statistics[channels + channel] + V::new(comptime!(EPSILON as f32));
        let deviation = variance.sqrt();
        let r = V::new(1.0) / deviation;
        let r1 = V::new(-0.5) * r * r * r * along[channels + channel];
        let a = gamma[channel] * r;
        let a1 = along[comptime!(3 * channels) + channel];
        let rest = along[comptime!(5 * channels) + channel];
        let before = left[channels + channel];
        let products = left[channel] * deviation - rest * before;
        let sum = sums[channel];
        let rest1 = along[comptime!(6 * channels) + channel];
        let tangent = weighed[channels + channel] - rest1 * before;
        let product = sums[channels + channel] - rest * sum + tangent;
        let of_sums = a1 * before + a * sum;
        let of_products = (a1 * r + V::new(2.0) * a * r1) * r * products + a * r * r * product;
        let mut of_mean = V::new(0.0) - of_sums;
        let mut of_variance = V::new(-0.5) * of_products;
        let mut read = of_sums;
        if comptime!(given) {
            of_mean += cotangents[channel];
            of_variance += cotangents[channels + channel];
        }
        let (mut image, mut constant) = (V::new(0.0), V::new(0.0));
        let mut of_tangent = V::new(0.0);
        if comptime!(of_batch) {
            read = V::new(0.0);
            if comptime!(given) {
                read = cotangents[channel];
            }
            let share = V::new(1.0) / V::cast_from(rows);
            image = V::new(2.0) * share * of_variance;
            constant = share * of_mean;
            of_tangent = V::new(2.0) * share * left[comptime!(4 * channels) + channel];
        }
        coefficients[channel] = a;
        coefficients[channels + channel] = a1;
        coefficients[comptime!(2 * channels) + channel] = constant;
        coefficients[comptime!(3 * channels) + channel] = image;
        coefficients[comptime!(4 * channels) + channel] = of_tangent;
        turned[channel] = fma(product, r, products * r1);
        turned[channels + channel] = sum;
        turned[comptime!(2 * channels) + channel] = read;
        turned[comptime!(3 * channels) + channel] = of_mean;
        turned[comptime!(4 * channels) + channel] = of_variance;
    }
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel takes its buffers one by one")]
fn moved_kernel(
    input: &[V],
    gradient: &[V],
    tangent: &[V],
    moved: &[V],
    statistics: &[V],
    along: &[V],
    coefficients: &[V],
    other: &[V],
    output: &mut [V],
    #[comptime] channels: usize,
    #[comptime] adds: bool,
) {
    let at = ABSOLUTE_POS;
    if at < output.len() {
        let channel = at % channels;
        let mut value = coefficients[comptime!(2 * channels) + channel];
        value = fma(
            coefficients[comptime!(3 * channels) + channel],
            input[at] - statistics[channel],
            value,
        );
        value = fma(
            coefficients[comptime!(4 * channels) + channel],
            tangent[at] - along[channel],
            value,
        );
        value = fma(coefficients[channels + channel], gradient[at], value);
        value = fma(coefficients[channel], moved[at], value);
        if comptime!(adds) {
            value += other[at];
        }
        output[at] = value;
    }
}

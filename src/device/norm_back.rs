//! Batch norm backwards, and how that moves along a direction, channel by channel.

use cubecl::prelude::*;

use super::moments::{Weighed, moments};
use super::norm_along::{NormAlong, NormHere};
use super::{Buffer, UNITS, V, cubes};
use crate::network::EPSILON;

/// Fours that a norm's way back leaves for each four of channels.
pub(crate) const LEFT: usize = 5;

/// What a norm's way back leaves, as rows of channels.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Left {
    /// The gradient with respect to gamma.
    Gamma = 0,
    /// With respect to beta.
    Beta = 1,
    /// The sum of the gradients with respect to what the norm reads.
    Read = 2,
    /// With respect to the means; with respect to the variances is the next row.
    Mean = 3,
}

/// A norm on its way back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NormBack {
    /// Rows of the batch.
    pub rows: usize,
    /// In fours.
    pub channels: usize,
    /// The statistics are those of the batch, and depend on what the norm reads.
    pub of_batch: bool,
}

/// What a norm's way back reads.
pub(crate) struct NormOperands {
    pub input: Buffer,
    pub gradient: Buffer,
    /// Mean and variance.
    pub statistics: Buffer,
    pub gamma: Buffer,
    /// How the loss depends on mean and variance by other ways.
    pub cotangents: Option<Buffer>,
    /// Is added to the gradient with respect to what the norm reads.
    pub other: Option<Buffer>,
}

/// From the gradient with respect to what a norm writes to that with respect to what it reads, written to
/// `output` if there is such, and to what [`Left`] names, [row, channel], written to `left`.
///
/// With the sums S1 of g and S2 of g (x - mean) these are S1 for beta, S2 / sqrt(v + eps) for gamma, and
/// -a S1 and -a S2 / (2 (v + eps)) for mean and variance, a = gamma / sqrt(v + eps); statistics of the
/// batch pass theirs on to all m of its values, a g + dL/dmean / m + dL/dvariance 2 (x - mean) / m.
pub(crate) fn norm_back(
    client: &Client,
    norm: NormBack,
    operands: NormOperands,
    left: Buffer,
    output: Option<Buffer>,
) {
    let NormBack { rows, channels, of_batch } = norm;
    let NormOperands { input, gradient, statistics, gamma, cotangents, other } = operands;
    let (mean, factor) = (Some(statistics.clone()), Some(gradient.clone()));
    let sums = Buffer::fours(client, 2 * channels);
    let weighed = Weighed { x: input.clone(), mean, factor };
    moments(client, [rows, channels], [weighed], sums.clone());
    let coefficients = Buffer::fours(client, 3 * channels);
    // SAFETY: the kernels stay within lengths that the callers keep to.
    unsafe {
        coefficients_kernel::launch_unchecked(
            client,
            cubes(channels),
            CubeDim::new_1d(UNITS),
            sums.argument(),
            statistics.clone().argument(),
            gamma.argument(),
            cotangents.clone().unwrap_or(statistics.clone()).argument(),
            left.argument(),
            coefficients.clone().argument(),
            rows as u32,
            channels,
            of_batch,
            cotangents.is_some(),
        );
        if let Some(output) = output {
            norm_back_kernel::launch_unchecked(
                client,
                cubes(output.len()),
                CubeDim::new_1d(UNITS),
                input.argument(),
                gradient.clone().argument(),
                statistics.argument(),
                coefficients.argument(),
                other.clone().unwrap_or(gradient).argument(),
                output.argument(),
                channels,
                other.is_some(),
            );
        }
    }
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel takes its buffers one by one")]
fn coefficients_kernel(
    sums: &[V],
    statistics: &[V],
    gamma: &[V],
    cotangents: &[V],
    left: &mut [V],
    coefficients: &mut [V],
    rows: u32,
    #[comptime] channels: usize,
    #[comptime] of_batch: bool,
    #[comptime] given: bool,
) {
    let channel = ABSOLUTE_POS;
    if channel < channels {
        let (sum, products) = (sums[channel], sums[channels + channel]);
        let variance = statistics[channels + channel] + V::new(comptime!(EPSILON as f32));
        let deviation = variance.sqrt();
        let a = gamma[channel] / deviation;
        coefficients[channel] = a;
        left[channel] = products / deviation;
        left[channels + channel] = sum;
        let of_variance = V::new(-0.5) * a * products / variance;
        pass_on(
            left,
            coefficients,
            cotangents,
            a * sum,
            of_variance,
            rows,
            channel,
            channels,
            of_batch,
            given,
        );
    }
}

/// From a times the sum of gradients, or how it moves, and from the gradient with respect to the variance to
/// what a norm's way back leaves of its statistics and of what it reads, and to b and c in rows 1 and 2 of
/// the coefficients.
#[cube]
#[expect(clippy::too_many_arguments, reason = "it stands for a part of two kernels")]
fn pass_on(
    left: &mut [V],
    coefficients: &mut [V],
    cotangents: &[V],
    sums: V,
    of_variance: V,
    rows: u32,
    channel: usize,
    #[comptime] channels: usize,
    #[comptime] of_batch: bool,
    #[comptime] given: bool,
) {
    let (mut own, mut of_variance) = (V::new(0.0), of_variance);
    if comptime!(given) {
        own = cotangents[channel];
        of_variance += cotangents[channels + channel];
    }
    let of_mean = own - sums;
    let (mut image, mut constant) = (V::new(0.0), V::new(0.0));
    let mut read = sums;
    if comptime!(of_batch) {
        // The sum of x - mean is zero, and what cancels is left out.
        read = own;
        let share = V::new(1.0) / V::cast_from(rows);
        image = V::new(2.0) * share * of_variance;
        constant = share * of_mean;
    }
    coefficients[channels + channel] = image;
    coefficients[comptime!(2 * channels) + channel] = constant;
    left[comptime!(2 * channels) + channel] = read;
    left[comptime!(3 * channels) + channel] = of_mean;
    left[comptime!(4 * channels) + channel] = of_variance;
}

/// a g + b (x - mean) + c.
#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel takes its buffers one by one")]
fn norm_back_kernel(
    input: &[V],
    gradient: &[V],
    statistics: &[V],
    coefficients: &[V],
    other: &[V],
    output: &mut [V],
    #[comptime] channels: usize,
    #[comptime] adds: bool,
) {
    let at = ABSOLUTE_POS;
    if at < output.len() {
        let channel = at % channels;
        let centred = input[at] - statistics[channel];
        let constant = coefficients[comptime!(2 * channels) + channel];
        let value = fma(coefficients[channels + channel], centred, constant);
        let mut value = fma(coefficients[channel], gradient[at], value);
        if comptime!(adds) {
            value += other[at];
        }
        output[at] = value;
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
/// what [`norm_back`](super::norm_back) leaves does, written to `moves`.
///
/// With T1 and T2, the sums of g1 and of g1 (x - m) + g (x1 - m1), and a1 for b above, they are T1 for beta,
/// T2 r + S2 r1 for gamma, and for the statistics -a1 S1 - a T1 (mean) and -((a1 r² + 2 a r r1) S2 + a r² T2)
/// / 2 (variance). The gradient with respect to x moves by a g1 + a1 g + c0' + c1' (x - m) + c1 (x1 - m1).
pub(crate) fn norm_back_along(
    client: &Client,
    NormAlong { rows, channels }: NormAlong,
    NormHere { statistics, gamma, .. }: NormHere,
    turned: NormTurned,
    moves: Buffer,
    output: Option<Buffer>,
) {
    let NormTurned { input, gradient, tangent, moved, along, left, of_batch, cotangents, other } =
        turned;
    let sums = Buffer::fours(client, 4 * channels);
    let weighed = |[x, mean, factor]: [&Buffer; 3]| {
        let [mean, factor] = [mean, factor].map(|buffer| Some(buffer.clone()));
        Weighed { x: x.clone(), mean, factor }
    };
    let of_moved = weighed([&input, &statistics, &moved]);
    let of_tangent = weighed([&tangent, &along, &gradient]);
    moments(client, [rows, channels], [of_moved, of_tangent], sums.clone());
    let coefficients = Buffer::fours(client, 5 * channels);
    // SAFETY: the kernels stay within lengths that the callers keep to.
    unsafe {
        turned_kernel::launch_unchecked(
            client,
            cubes(channels),
            CubeDim::new_1d(UNITS),
            sums.argument(),
            along.clone().argument(),
            left.argument(),
            statistics.clone().argument(),
            gamma.argument(),
            cotangents.clone().unwrap_or(statistics.clone()).argument(),
            moves.argument(),
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
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel takes its buffers one by one")]
fn turned_kernel(
    sums: &[V],
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
        let tangent = sums[comptime!(3 * channels) + channel] - rest1 * before;
        let product = sums[channels + channel] - rest * sum + tangent;
        let of_sums = a1 * before + a * sum;
        let of_products = (a1 * r + V::new(2.0) * a * r1) * r * products + a * r * r * product;
        let mut of_tangent = V::new(0.0);
        if comptime!(of_batch) {
            let share = V::new(1.0) / V::cast_from(rows);
            of_tangent = V::new(2.0) * share * left[comptime!(4 * channels) + channel];
        }
        coefficients[channel] = a;
        coefficients[comptime!(3 * channels) + channel] = a1;
        coefficients[comptime!(4 * channels) + channel] = of_tangent;
        turned[channel] = fma(product, r, products * r1);
        turned[channels + channel] = sum;
        let of_variance = V::new(-0.5) * of_products;
        pass_on(
            turned,
            coefficients,
            cotangents,
            of_sums,
            of_variance,
            rows,
            channel,
            channels,
            of_batch,
            given,
        );
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
        value = fma(coefficients[channels + channel], input[at] - statistics[channel], value);
        value = fma(
            coefficients[comptime!(4 * channels) + channel],
            tangent[at] - along[channel],
            value,
        );
        value = fma(coefficients[comptime!(3 * channels) + channel], gradient[at], value);
        value = fma(coefficients[channel], moved[at], value);
        if comptime!(adds) {
            value += other[at];
        }
        output[at] = value;
    }
}

//! Gradients on their way back, of one batch: through pools, rectifiers and batch norm.
//!
//! A gradient arrives with respect to an activation as it was read, and leaves with respect to what stands
//! there, past its rectifier; its norm comes after, once all readers of the norm have given theirs.

use burn::cubecl;
use burn::cubecl::prelude::*;

use super::elementwise::{Read, applied};
use super::moments::moments;
use super::tangent::past;
use super::upload::Entry;
use super::{Buffer, UNITS, V, cubes};
use crate::network::EPSILON;

/// Fours that a norm's way back leaves for each four of channels.
pub(super) const LEFT: usize = 5;

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

/// From the gradient with respect to maxima over windows to that with respect to the images: each goes to
/// the first of the window's largest numbers. Size 1 passes them on. `before` is added if it is given.
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
    let columns = comptime!(form.width / size);
    let at = ABSOLUTE_POS;
    if at < gradient.len() {
        let channel = at % form.channels;
        let window = at / form.channels;
        let x = window % columns * size;
        let y = window / columns % comptime!(form.height / size) * size;
        let sample = window / comptime!(columns * (form.height / size));
        let corner = y * form.width + x;
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
/// `output` if there is such, and to what [`Left`] names, [row, channel].
///
/// With the sums S1 of g and S2 of g (x - mean) these are S1 for beta, S2 / sqrt(v + eps) for gamma, and
/// -a S1 and -a S2 / (2 (v + eps)) for mean and variance, a = gamma / sqrt(v + eps); statistics of the
/// batch pass theirs on to all m of its values, a g + dL/dmean / m + dL/dvariance 2 (x - mean) / m.
pub(crate) fn norm_back(
    client: &Client,
    norm: NormBack,
    operands: NormOperands,
    output: Option<Buffer>,
) -> Buffer {
    let NormBack { rows, channels, of_batch } = norm;
    let NormOperands { input, gradient, statistics, gamma, cotangents, other } = operands;
    let operands = [input.clone(), gradient.clone()];
    let sums = moments(client, [rows, channels], operands, Some(statistics.clone()));
    let left = Buffer::fours(client, LEFT * channels);
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
            left.clone().argument(),
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
    left
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
        let mut of_mean = V::new(0.0) - a * sum;
        let mut of_variance = V::new(-0.5) * a * products / variance;
        if comptime!(given) {
            of_mean += cotangents[channel];
            of_variance += cotangents[channels + channel];
        }
        let mut read = a * sum;
        let (mut image, mut constant) = (V::new(0.0), V::new(0.0));
        if comptime!(of_batch) {
            // The sum of x - mean is zero, and what cancels is left out.
            read = V::new(0.0);
            if comptime!(given) {
                read = cotangents[channel];
            }
            let share = V::new(1.0) / V::cast_from(rows);
            image = V::new(2.0) * share * of_variance;
            constant = share * of_mean;
        }
        coefficients[channel] = a;
        coefficients[channels + channel] = image;
        coefficients[comptime!(2 * channels) + channel] = constant;
        left[channel] = products / deviation;
        left[channels + channel] = sum;
        left[comptime!(2 * channels) + channel] = read;
        left[comptime!(3 * channels) + channel] = of_mean;
        left[comptime!(4 * channels) + channel] = of_variance;
    }
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

/// Writes channels in fours, from one of several rows of them, to where they stand in theta.
pub(crate) fn store(client: &Client, entry: Entry, row: usize, [input, theta]: [Buffer; 2]) {
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        store_kernel::launch_unchecked(
            client,
            cubes(entry.outputs),
            CubeDim::new_1d(UNITS),
            input.argument(),
            theta.argument(),
            (row * entry.outputs.div_ceil(4)) as u32,
            entry.offset as u32,
            entry.outputs as u32,
        );
    }
}

#[cube(launch_unchecked)]
fn store_kernel(input: &[V], theta: &mut [f32], start: u32, offset: u32, channels: u32) {
    let at = ABSOLUTE_POS;
    if at < channels as usize {
        let four = input[start as usize + at / 4];
        let mut value = four.extract(0usize);
        #[unroll]
        for k in 1..4usize {
            value = select(at % 4 == k, four.extract(k), value);
        }
        theta[offset as usize + at] = value;
    }
}

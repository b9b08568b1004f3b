//! Batch norm along a direction, channel by channel.
//!
//! Batch norm writes y = gamma r (x - m) + beta with r = (v + eps)^(-1/2), and y moves by y1 = a (x1 - m1) +
//! b (x - m) + beta1 with a = gamma r, b = gamma1 r + gamma r1 and r1 = -r³ v1 / 2, where statistics of a
//! batch move by m1 = mean x1 and v1 = 2 mean (x - m) x1. In second order y has b (x1 - m1) + s (x - m), with
//! s = gamma1 r1 + gamma r2, r2 = -r³ v2 / 2 + 3 r⁵ v1² / 8 and, in a batch, v2 = mean (x1 - m1)².

use cubecl::prelude::*;

use super::moments::{Weighed, moments};
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

/// Fours of what [`norm_along`] gives for each four of channels.
pub(crate) const ALONG: usize = 7;

/// How a norm moves: m1 and v1, a and b, what is added to a (x1 - m1) + b (x - m), and last what 32 bits leave
/// out of m and of m1, [7, channels]: where means are far from 0, it would be most of an error.
///
/// `given` are m1 and v1 and what 32 bits leave out of m and of m1, [4, channels]; else they are those of a
/// batch, from its x and x1.
pub(crate) fn norm_along(
    client: &Client,
    NormAlong { rows, channels }: NormAlong,
    NormHere { statistics, gamma, direction: [gamma1, beta1] }: NormHere,
    given: Result<[Buffer; 2], Buffer>,
    output: Buffer,
) {
    let of_batch = given.is_ok();
    let moved = match given {
        Ok([x, x1]) => {
            let sums = Buffer::fours(client, 4 * channels);
            let mean = Some(statistics.clone());
            let moved = Weighed { x: x.clone(), mean: mean.clone(), factor: Some(x1) };
            let centred = Weighed { x, mean, factor: None };
            moments(client, [rows, channels], [moved, centred], sums.clone());
            sums
        }
        Err(moved) => moved,
    };
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        along_kernel::launch_unchecked(
            client,
            cubes(channels),
            CubeDim::new_1d(UNITS),
            moved.argument(),
            statistics.argument(),
            gamma.argument(),
            gamma1.argument(),
            beta1.argument(),
            output.argument(),
            rows as u32,
            channels,
            of_batch,
        );
    }
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel takes its buffers one by one")]
fn along_kernel(
    moved: &[V],
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
        let mut rest = moved[comptime!(2 * channels) + channel];
        let mut rest1 = moved[comptime!(3 * channels) + channel];
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
    output: Buffer,
) {
    let NormSecond { tangent, adjoint, along, left, of_batch, cotangents } = second;
    let sums = Buffer::fours(client, 4 * channels);
    let mean = Some(along.clone());
    let squared = Weighed { x: tangent.clone(), mean: mean.clone(), factor: None };
    let weighed = Weighed { x: tangent, mean, factor: Some(adjoint) };
    moments(client, [rows, channels], [squared, weighed], sums.clone());
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        second_kernel::launch_unchecked(
            client,
            cubes(channels),
            CubeDim::new_1d(UNITS),
            sums.argument(),
            along.argument(),
            left.argument(),
            statistics.clone().argument(),
            gamma.argument(),
            gamma1.argument(),
            cotangents.clone().unwrap_or(statistics).argument(),
            output.argument(),
            rows as u32,
            channels,
            of_batch,
            cotangents.is_some(),
        );
    }
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel takes its buffers one by one")]
fn second_kernel(
    sums: &[V],
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
            v2 = sums[channels + channel] / V::cast_from(rows);
        }
        let r1 = V::new(-0.5) * cube * v1;
        let r2 = V::new(-0.5) * cube * v2 + V::new(0.375) * cube * r * r * v1 * v1;
        let scale = fma(gamma1[channel], r1, gamma[channel] * r2);
        // The sum of the adjoint times x - m, of which the gradient with respect to gamma is a share.
        let (rest, sum) = (along[comptime!(5 * channels) + channel], left[channels + channel]);
        let products = left[channel] * deviation - rest * sum;
        let mut second = scale * products;
        let factor = along[comptime!(3 * channels) + channel];
        let weighed = sums[comptime!(3 * channels) + channel];
        let tangent = weighed - along[comptime!(6 * channels) + channel] * sum;
        second = fma(factor, tangent, second);
        if comptime!(given) {
            second = fma(cotangents[channels + channel], v2, second);
        }
        output[channel] = second;
    }
}

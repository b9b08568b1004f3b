//! From images and parameters as they stand in memory to what the kernels read, in fours of channels.

use burn::cubecl;
use burn::cubecl::prelude::*;

use super::{Buffer, UNITS, V, cubes};

/// Rows of numbers filled up with zeros to fours.
pub(crate) fn fours(client: &Client, channels: usize, [input, output]: [Buffer; 2]) {
    let len = output.len();
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        fours_kernel::launch_unchecked(
            client,
            cubes(len),
            CubeDim::new_1d(UNITS),
            input.argument(),
            output.argument(),
            channels,
        );
    }
}

#[cube(launch_unchecked)]
fn fours_kernel(input: &[f32], output: &mut [V], #[comptime] channels: usize) {
    let fours = comptime!(channels.div_ceil(4));
    let at = ABSOLUTE_POS;
    if at < output.len() {
        let (row, first) = (at / fours, at % fours * 4);
        let mut value = V::new(0.0);
        #[unroll]
        for k in 0..4usize {
            if first + k < channels {
                value.insert(k, input[row * channels + first + k]);
            }
        }
        output[at] = value;
    }
}

/// A layer's parameters in theta, [taps, inputs, outputs] from `offset` on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub offset: usize,
    pub taps: usize,
    pub inputs: usize,
    pub outputs: usize,
}

impl Entry {
    /// A vector of a number for each of the channels.
    pub fn channels(offset: usize, channels: usize) -> Self {
        Self { offset, taps: 1, inputs: 1, outputs: channels }
    }

    /// Fours of numbers that are written.
    pub fn len(self) -> usize {
        let rows = if self.inputs == 1 && self.taps == 1 { 1 } else { self.rows() };
        rows * self.outputs.div_ceil(4)
    }

    fn rows(self) -> usize {
        self.taps * self.inputs.next_multiple_of(4)
    }
}

/// Parameters between the ends of a line, from + alpha (to - from), [taps, inputs, outputs in fours] with
/// inputs filled up to fours; exactly those of an end at 0 and 1.
pub(crate) fn parameters(
    client: &Client,
    entry: Entry,
    alpha: f32,
    [from, to]: [Buffer; 2],
) -> Buffer {
    let len = entry.len();
    let output = Buffer::fours(client, len);
    let padded = entry.len() / entry.outputs.div_ceil(4) / entry.taps;
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        parameters_kernel::launch_unchecked(
            client,
            cubes(len),
            CubeDim::new_1d(UNITS),
            from.argument(),
            to.argument(),
            output.clone().argument(),
            entry.offset as u32,
            alpha,
            entry.inputs as u32,
            padded as u32,
            entry.outputs as u32,
        );
    }
    output
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel takes its buffers one by one")]
fn parameters_kernel(
    from: &[f32],
    to: &[f32],
    output: &mut [V],
    offset: u32,
    alpha: f32,
    inputs: u32,
    padded: u32,
    outputs: u32,
) {
    let (offset, inputs) = (offset as usize, inputs as usize);
    let (padded, outputs) = (padded as usize, outputs as usize);
    let fours = outputs.div_ceil(4);
    let at = ABSOLUTE_POS;
    if at < output.len() {
        let row = at / fours;
        let first = at % fours * 4;
        let (tap, input) = (row / padded, row % padded);
        let mut value = V::new(0.0);
        if input < inputs {
            let start = offset + (tap * inputs + input) * outputs;
            #[unroll]
            for k in 0..4usize {
                if first + k < outputs {
                    let (from, to) = (from[start + first + k], to[start + first + k]);
                    let between = fma(alpha, to - from, from);
                    value.insert(k, select(alpha == 1.0, to, between));
                }
            }
        }
        output[at] = value;
    }
}

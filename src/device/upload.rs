//! From images and parameters as they stand in memory to what the kernels read, in fours of channels.

use burn::cubecl;
use burn::cubecl::prelude::*;
use rayon::prelude::*;

use super::{Buffer, UNITS, V, cubes};

/// Numbers that a thread converts, at least.
const SHARED: usize = 1 << 14;

/// So many numbers in single precision, converted on all threads.
pub(crate) fn upload(client: &Client, len: usize, of: impl Fn(usize) -> f64 + Sync) -> Buffer {
    let single = (0..len).into_par_iter().with_min_len(SHARED).map(|i| of(i) as f32);
    Buffer::of(client, &single.collect::<Vec<f32>>())
}

/// Two rows of channels filled up with zeros to fours.
pub(crate) fn channels(client: &Client, rows: [&[f64]; 2]) -> Buffer {
    let width = rows[0].len().next_multiple_of(4);
    let number = |i: usize| rows[i / width].get(i % width).copied().unwrap_or_default();
    upload(client, 2 * width, number).first(width / 2)
}

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

/// Parameters in theta, [taps, inputs, outputs] from `offset` on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(super) offset: usize,
    taps: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// Rows that are written for each tap.
    pub(super) rows: usize,
}

impl Entry {
    /// A layer's weights.
    pub fn weights(offset: usize, [taps, inputs, outputs]: [usize; 3]) -> Self {
        Self { offset, taps, inputs, outputs, rows: inputs.next_multiple_of(4) }
    }

    /// A number for each channel.
    pub fn channels(offset: usize, channels: usize) -> Self {
        Self { offset, taps: 1, inputs: 1, outputs: channels, rows: 1 }
    }

    /// Fours of numbers that are written.
    fn len(self) -> usize {
        self.taps * self.rows * self.outputs.div_ceil(4)
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
            entry.rows as u32,
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
    rows: u32,
    outputs: u32,
) {
    let (offset, inputs) = (offset as usize, inputs as usize);
    let (rows, outputs) = (rows as usize, outputs as usize);
    let fours = outputs.div_ceil(4);
    let at = ABSOLUTE_POS;
    if at < output.len() {
        let row = at / fours;
        let first = at % fours * 4;
        let (tap, input) = (row / rows, row % rows);
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

/// A layer's weights turned around for the way back, [taps in reverse, outputs filled up to fours, inputs in
/// fours]: of one tap's pieces, the inputs stand side by side.
pub(crate) fn turned(client: &Client, entry: Entry, pieces: usize, theta: Buffer) -> Buffer {
    let inputs = pieces * entry.inputs.div_ceil(4);
    let taps = entry.taps / pieces;
    let outputs = entry.outputs.next_multiple_of(4);
    let output = Buffer::fours(client, taps * outputs * inputs);
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        turned_kernel::launch_unchecked(
            client,
            cubes(output.len()),
            CubeDim::new_1d(UNITS),
            theta.argument(),
            output.clone().argument(),
            entry.offset as u32,
            taps as u32,
            pieces as u32,
            entry.inputs as u32,
            entry.outputs as u32,
        );
    }
    output
}

#[cube(launch_unchecked)]
fn turned_kernel(
    theta: &[f32],
    output: &mut [V],
    offset: u32,
    taps: u32,
    pieces: u32,
    inputs: u32,
    outputs: u32,
) {
    let (taps, pieces) = (taps as usize, pieces as usize);
    let (inputs, outputs) = (inputs as usize, outputs as usize);
    let fours = inputs.div_ceil(4);
    let columns = pieces * fours;
    let rows = outputs.div_ceil(4) * 4;
    let at = ABSOLUTE_POS;
    if at < output.len() {
        let (row, column) = (at / columns, at % columns);
        let (tap, from) = (taps - 1 - row / rows, row % rows);
        let (piece, first) = (column / fours, column % fours * 4);
        let mut value = V::new(0.0);
        if from < outputs {
            let start = offset as usize + (tap * pieces + piece) * inputs * outputs + from;
            #[unroll]
            for k in 0..4usize {
                if first + k < inputs {
                    value.insert(k, theta[start + (first + k) * outputs]);
                }
            }
        }
        output[at] = value;
    }
}

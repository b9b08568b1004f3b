//! Parameters: from theta to what the kernels read, and from what they leave to a gradient.
//!
//! One launch goes over all of a network's, which stand in one [`Slab`]; a table says what is where.

use cubecl::prelude::*;

use super::{Buffer, Slab, UNITS, V, cubes};

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
}

/// Entries as they stand in the buffers of a slab: where those begin, their fours, and what they are made of.
#[derive(Debug)]
pub(crate) struct Table {
    lens: Vec<usize>,
    rows: Buffer,
}

impl Table {
    fn new<const N: usize>(client: &Client, rows: &[(usize, [usize; N])]) -> Self {
        let lens: Vec<usize> = rows.iter().map(|(len, _)| *len).collect();
        let starts = Slab::starts_of(&lens);
        let rows =
            starts.zip(rows).flat_map(|(start, (len, row))| [start, *len].into_iter().chain(*row));
        // No buffer is without a number.
        let rows: Vec<u32> = rows.chain([0]).map(|number| number as u32).collect();
        Self { lens, rows: Buffer::of(client, &rows) }
    }

    /// Parameters, each [taps, inputs, outputs in fours] with inputs filled up to fours.
    pub fn of_parameters(client: &Client, entries: &[Entry]) -> Self {
        let row = |entry: &Entry| {
            let &Entry { offset, taps, inputs, outputs, rows } = entry;
            (taps * rows * outputs.div_ceil(4), [offset, inputs, rows, outputs])
        };
        Self::new(client, &entries.iter().map(row).collect::<Vec<_>>())
    }

    /// Layers' weights turned around for the way back, each [taps in reverse, outputs filled up to fours,
    /// inputs in fours]: of one tap's pieces, of which there are so many, the inputs stand side by side.
    pub fn of_turned(client: &Client, entries: &[(Entry, usize)]) -> Self {
        let row = |&(entry, pieces): &(Entry, usize)| {
            let Entry { offset, taps, inputs, outputs, .. } = entry;
            let len = taps * outputs.next_multiple_of(4) * inputs.div_ceil(4);
            (len, [offset, taps / pieces, pieces, inputs, outputs])
        };
        Self::new(client, &entries.iter().map(row).collect::<Vec<_>>())
    }
}

/// The last of so many rows of a table, `width` numbers each, that begins at `at` or before.
#[cube]
fn row_of(table: &[u32], rows: u32, at: usize, #[comptime] width: usize) -> usize {
    let mut low = 0usize;
    let mut high = rows as usize;
    while high - low > 1 {
        let middle = (low + high) / 2;
        let is_before = table[middle * width] as usize <= at;
        low = select(is_before, middle, low);
        high = select(is_before, high, middle);
    }
    low * width
}

/// [Parameters](Table::of_parameters) between the ends of a line, from + alpha (to - from), exactly those of
/// an end at 0 and 1.
pub(crate) fn parameters(
    client: &Client,
    table: &Table,
    alpha: f32,
    [from, to]: [Buffer; 2],
) -> Slab {
    let slab = Slab::new(client, &table.lens);
    let output = slab.whole();
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        parameters_kernel::launch_unchecked(
            client,
            cubes(output.len()),
            CubeDim::new_1d(UNITS),
            from.argument(),
            to.argument(),
            table.rows.clone().argument(),
            output.argument(),
            table.lens.len() as u32,
            alpha,
        );
    }
    slab
}

#[cube(launch_unchecked)]
fn parameters_kernel(
    from: &[f32],
    to: &[f32],
    table: &[u32],
    output: &mut [V],
    entries: u32,
    alpha: f32,
) {
    let place = ABSOLUTE_POS;
    if place < output.len() {
        let entry = row_of(table, entries, place, 6usize);
        let at = place - table[entry] as usize;
        if at < table[entry + 1] as usize {
            let offset = table[entry + 2] as usize;
            let inputs = table[entry + 3] as usize;
            let rows = table[entry + 4] as usize;
            let outputs = table[entry + 5] as usize;
            let fours = outputs.div_ceil(4);
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
            output[place] = value;
        }
    }
}

/// Weights [turned around](Table::of_turned).
pub(crate) fn turned(client: &Client, table: &Table, theta: Buffer) -> Slab {
    let slab = Slab::new(client, &table.lens);
    if table.lens.is_empty() {
        return slab;
    }
    let output = slab.whole();
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        turned_kernel::launch_unchecked(
            client,
            cubes(output.len()),
            CubeDim::new_1d(UNITS),
            theta.argument(),
            table.rows.clone().argument(),
            output.argument(),
            table.lens.len() as u32,
        );
    }
    slab
}

#[cube(launch_unchecked)]
fn turned_kernel(theta: &[f32], table: &[u32], output: &mut [V], entries: u32) {
    let place = ABSOLUTE_POS;
    if place < output.len() {
        let entry = row_of(table, entries, place, 7usize);
        let at = place - table[entry] as usize;
        if at < table[entry + 1] as usize {
            let offset = table[entry + 2] as usize;
            let taps = table[entry + 3] as usize;
            let pieces = table[entry + 4] as usize;
            let inputs = table[entry + 5] as usize;
            let outputs = table[entry + 6] as usize;
            let fours = inputs.div_ceil(4);
            let columns = pieces * fours;
            let rows = outputs.div_ceil(4) * 4;
            let (row, column) = (at / columns, at % columns);
            let (tap, from) = (taps - 1 - row / rows, row % rows);
            let (piece, first) = (column / fours, column % fours * 4);
            let mut value = V::new(0.0);
            if from < outputs {
                let start = offset + (tap * pieces + piece) * inputs * outputs + from;
                #[unroll]
                for k in 0..4usize {
                    if first + k < inputs {
                        value.insert(k, theta[start + (first + k) * outputs]);
                    }
                }
            }
            output[place] = value;
        }
    }
}

/// Rows of channels to be written to theta: the buffer of a slab that they are in, which of its rows, and
/// where they go.
pub(crate) type Stored = (usize, usize, Entry);

/// Writes rows of channels in fours, in the buffers of a slab, to where they stand in theta.
pub(crate) fn store(client: &Client, slab: &Slab, rows: &[Stored], theta: Buffer) {
    if rows.is_empty() {
        return;
    }
    let mut all = 0;
    let table = rows.iter().flat_map(|&(part, row, Entry { offset, outputs, .. })| {
        let start = all;
        all += outputs;
        [start, slab.starts()[part] + row * outputs.div_ceil(4), offset]
    });
    let table: Vec<u32> = table.map(|number| number as u32).collect();
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        store_kernel::launch_unchecked(
            client,
            cubes(all),
            CubeDim::new_1d(UNITS),
            slab.whole().argument(),
            Buffer::of(client, &table).argument(),
            theta.argument(),
            rows.len() as u32,
            all as u32,
        );
    }
}

#[cube(launch_unchecked)]
fn store_kernel(input: &[V], table: &[u32], theta: &mut [f32], entries: u32, all: u32) {
    let place = ABSOLUTE_POS;
    if place < all as usize {
        let entry = row_of(table, entries, place, 3usize);
        let at = place - table[entry] as usize;
        let four = input[table[entry + 1] as usize + at / 4];
        let mut value = four.extract(0usize);
        #[unroll]
        for k in 1..4usize {
            value = select(at % 4 == k, four.extract(k), value);
        }
        theta[table[entry + 2] as usize + at] = value;
    }
}

//! Convolutions of 3x3 with few outputs, over squares of pixels.
//!
//! Where outputs are few, what a [convolution](super::convolution) gathers, once for each tap, is multiplied by few
//! weights, and gathering takes most of the time. Here a cube of units copies a square of 16 x 16 pixels, with those around it, to shared memory
//! once, eight channels at a time, with what is pending on them done, and all nine taps read it from there.

use cubecl::prelude::*;

use super::convolution::{Convolution, Operands, Rows};
use super::tile::{Tile, over_rows};
use super::{CUBES, V};

/// Pixels of a square's side, and with those around it.
const SIDE: usize = 16;
const OUTER: usize = SIDE + 2;
/// Pixels of a square.
pub(super) const SQUARE: usize = SIDE * SIDE;
/// Fours of inputs that are in shared memory at once: with their weights they take 15 KiB.
const DEEP: usize = 2;
/// Each unit has four outputs of eight pixels.
const TILE: Tile = Tile { rows: 8, columns: 1, row_units: 32, column_units: 4, deep: DEEP };
const UNITS: usize = TILE.units();

/// Whether it is one of these.
pub(super) fn fits(form: Convolution) -> bool {
    let is_plain = form.kernel == 3 && form.stride == 1 && form.spread == 1;
    let is_whole = form.height.is_multiple_of(SIDE) && form.width.is_multiple_of(SIDE);
    is_plain && is_whole && form.outputs <= TILE.all_columns() && !form.weights_of_blocks
}

/// Launches a convolution that [fits].
pub(super) fn convolve(client: &Client, form: Convolution, rows: Rows, operands: Operands) {
    let squares = rows.blocks * rows.rows / SQUARE;
    let Operands { input, affine, weights, bias, shortcut, output, partials } = operands;
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        squares_kernel::launch_unchecked(
            client,
            CubeCount::Static(squares.min(CUBES) as u32, squares.div_ceil(CUBES) as u32, 1),
            CubeDim::new_1d(UNITS as u32),
            input.argument(),
            affine.argument(),
            weights.argument(),
            bias.argument(),
            shortcut.argument(),
            output.argument(),
            partials.argument(),
            squares as u32,
            rows.normed as u32,
            form,
        );
    }
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel takes its buffers one by one")]
fn squares_kernel(
    input: &[V],
    affine: &[V],
    weights: &[V],
    bias: &[V],
    shortcut: &[V],
    output: &mut [V],
    partials: &mut [V],
    squares: u32,
    normed_rows: u32,
    #[comptime] form: Convolution,
) {
    let columns = comptime!(TILE.column_units);
    let pixel_loads = comptime!((DEEP * OUTER * OUTER).div_ceil(UNITS));
    let weight_loads = comptime!((9 * 4 * DEEP * TILE.column_units).div_ceil(UNITS));
    let across = comptime!(form.width / SIDE);
    let of_image = comptime!(form.height / SIDE * across);

    let unit = UNIT_POS as usize;
    let (my_row, my_column) = (unit / columns, unit % columns);
    let square = CUBE_POS_Y as usize * CUBES + CUBE_POS_X as usize;
    let is_there = square < squares as usize;
    let (sample, place) = (square / of_image, square % of_image);
    let (top, left) = (place / across * SIDE, place % across * SIDE);
    let first = sample * comptime!(form.height * form.width);
    let batch = first as u32 / normed_rows;

    let mut pixels = Shared::<[V]>::new_slice(comptime!(DEEP * OUTER * OUTER));
    let mut taps = Shared::<[V]>::new_slice(comptime!(9 * 4 * DEEP * TILE.column_units));
    let zero = V::new(0.0);
    let mut sums = Array::<V>::new(TILE.rows);
    #[unroll]
    for i in 0..TILE.rows {
        sums[i] = zero;
    }
    // Of the unit's pixels, 32 apart, the first, in the outer square.
    let corner = my_row / SIDE * OUTER + my_row % SIDE;

    for round in 0..comptime!(form.inputs.div_ceil(DEEP)) {
        #[unroll]
        for load in 0..pixel_loads {
            let at = unit + load * UNITS;
            let (four, pixel) = (at / comptime!(OUTER * OUTER), at % comptime!(OUTER * OUTER));
            let channel = round * DEEP + four;
            // One to the left and one up, where nothing is below zero.
            let (y, x) = (top + pixel / OUTER, left + pixel % OUTER);
            let is_inside = y >= 1 && y <= form.height && x >= 1 && x <= form.width;
            let mut value = zero;
            if is_there && is_inside && four < DEEP && channel < form.inputs {
                let row = first + (y - 1) * form.width + x - 1;
                value = input[row * form.inputs + channel];
                if comptime!(form.norm) {
                    let at = batch as usize * comptime!(2 * form.inputs) + channel;
                    value = fma(value, affine[at], affine[at + form.inputs]);
                }
                if comptime!(form.rectify) {
                    value = max(value, zero);
                }
            }
            if at < comptime!(DEEP * OUTER * OUTER) {
                pixels[at] = value;
            }
        }
        #[unroll]
        for load in 0..weight_loads {
            let at = unit + load * UNITS;
            let (row, column) = (at / columns, at % columns);
            let (tap, channel) = (row / comptime!(4 * DEEP), row % comptime!(4 * DEEP));
            let channel = round * comptime!(4 * DEEP) + channel;
            let mut value = zero;
            if tap < 9 && channel < comptime!(4 * form.inputs) && column < form.outputs {
                value =
                    weights[(tap * comptime!(4 * form.inputs) + channel) * form.outputs + column];
            }
            if tap < 9 {
                taps[at] = value;
            }
        }
        sync_cube();
        for down in 0..3usize {
            #[unroll]
            for right in 0..3usize {
                #[unroll]
                for four in 0..DEEP {
                    let from = corner + down * OUTER;
                    let mut mine = Array::<V>::new(TILE.rows);
                    #[unroll]
                    for i in 0..TILE.rows {
                        let apart = comptime!(
                            four * OUTER * OUTER + i * (TILE.row_units / SIDE) * OUTER + right
                        );
                        mine[i] = pixels[from + apart];
                    }
                    #[unroll]
                    for k in 0..4usize {
                        let row = down * comptime!(3 * 4 * DEEP)
                            + comptime!((right * DEEP + four) * 4 + k);
                        let weight = taps[row * columns + my_column];
                        #[unroll]
                        for i in 0..TILE.rows {
                            sums[i] = fma(V::new(mine[i].extract(k)), weight, sums[i]);
                        }
                    }
                }
            }
        }
        sync_cube();
    }

    let mut sum = zero;
    let is_output = is_there && my_column < form.outputs;
    let (y, x) = (top + my_row / SIDE, left + my_row % SIDE);
    #[unroll]
    for i in 0..TILE.rows {
        if is_output {
            let down = comptime!(i * (TILE.row_units / SIDE));
            let at = (first + (y + down) * form.width + x) * form.outputs + my_column;
            let mut value = sums[i];
            if comptime!(form.bias) {
                value += bias[my_column];
            }
            if comptime!(form.shortcut) {
                value += shortcut[at];
            }
            output[at] = value;
            sums[i] = value;
            sum += value;
        }
    }
    if comptime!(form.gathers) {
        let mean = over_rows(&mut pixels, sum, my_row, my_column, TILE)
            / V::cast_from(comptime!(SQUARE as u32));
        let mut squares = zero;
        #[unroll]
        for i in 0..TILE.rows {
            let centred = sums[i] - mean;
            squares += centred * centred;
        }
        let squares = over_rows(&mut pixels, squares, my_row, my_column, TILE);
        if my_row == 0 && is_output {
            let at = square * comptime!(2 * form.outputs) + my_column;
            partials[at] = mean;
            partials[at + form.outputs] = squares;
        }
    }
}

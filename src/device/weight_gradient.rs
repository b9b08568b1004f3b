//! The gradient with respect to the weights of a convolution or a fully connected layer, of one batch.
//!
//! dW[t, c, o] = sum over rows p of act(in[p + t, c]) g[p, o], a product of matrices whose sums are long and
//! whose results are few: rows are cut into pieces, which cubes of units work on at once, and the pieces
//! are added up in one order. As in a convolution, what is pending on the input is done on the way in.

use cubecl::prelude::*;

use super::parameters::Entry;
use super::{Buffer, CUBES, Convolution, UNITS, V, cubes};

/// Units of a cube over the fours of a window, and over outputs.
const SIDE: usize = 8;
/// Fours of a window that a unit has, and of outputs.
const OWN: usize = 2;
/// Fours of a window, and of outputs, that a cube computes.
const TILE: usize = SIDE * OWN;
/// Rows that are in shared memory at once.
const DEEP: usize = 8;
/// Cubes that fill a large device.
const MANY: usize = 2048;
/// Fours of numbers of all pieces at once: 256 MiB.
const HELD: usize = 1 << 24;
/// Rows of a piece, at least and at most: fewer would leave more to add up than to multiply, and more
/// would be a long chain of additions.
const PIECE: [usize; 2] = [64, 1024];
/// Units that add up the pieces of a result, at most.
const LANES: usize = 32;

/// How the work on so many rows is cut: cubes over a window and outputs, rows of a piece, and pieces.
fn cut(form: Convolution, rows: usize) -> [usize; 4] {
    let of_window = window(form).div_ceil(TILE);
    let of_outputs = form.outputs.div_ceil(TILE);
    let piece = (rows * of_window * of_outputs).div_ceil(MANY).clamp(PIECE[0], PIECE[1]);
    let piece = piece.next_multiple_of(DEEP);
    [of_window, of_outputs, piece, rows.div_ceil(piece)]
}

/// Fours of a window of inputs.
fn window(form: Convolution) -> usize {
    form.kernel * form.kernel * form.inputs
}

/// Writes the gradient of so many rows of outputs to where the weights stand in theta, or adds it to what is
/// there.
pub(crate) fn weight_gradient(
    client: &Client,
    form: Convolution,
    rows: usize,
    entry: Entry,
    [input, affine, gradient, theta]: [Buffer; 4],
    adds: bool,
) {
    let [of_window, of_outputs, piece, pieces] = cut(form, rows);
    let each = 4 * window(form) * form.outputs;
    let some = (HELD / each).clamp(1, pieces.min(CUBES));
    let partials = Buffer::fours(client, some * each);
    let tiles = of_window * of_outputs;
    for first in (0..pieces).step_by(some) {
        let pieces = some.min(pieces - first);
        let lanes = pieces.next_power_of_two().min(LANES);
        // SAFETY: the kernels stay within lengths that the callers keep to.
        unsafe {
            products_kernel::launch_unchecked(
                client,
                CubeCount::Static(
                    tiles.min(CUBES) as u32,
                    tiles.div_ceil(CUBES) as u32,
                    pieces as u32,
                ),
                CubeDim::new_1d((SIDE * SIDE) as u32),
                input.clone().argument(),
                affine.clone().argument(),
                gradient.clone().argument(),
                partials.clone().argument(),
                rows as u32,
                piece as u32,
                first as u32,
                form,
            );
            sum_kernel::launch_unchecked(
                client,
                cubes(each * lanes),
                CubeDim::new_1d(UNITS),
                partials.clone().argument(),
                theta.clone().argument(),
                pieces as u32,
                each as u32,
                entry.offset as u32,
                entry.inputs as u32,
                entry.rows as u32,
                entry.outputs as u32,
                lanes,
                adds || first > 0,
            );
        }
    }
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel takes its buffers one by one")]
fn products_kernel(
    input: &[V],
    affine: &[V],
    gradient: &[V],
    partials: &mut [V],
    rows: u32,
    piece: u32,
    first_piece: u32,
    #[comptime] form: Convolution,
) {
    let units = comptime!(SIDE * SIDE);
    let loads = comptime!(TILE * DEEP / (SIDE * SIDE));
    let window = comptime!(form.kernel * form.kernel * form.inputs);
    let out_width = comptime!(form.width.div_ceil(form.stride));
    let out_pixels = comptime!(form.height.div_ceil(form.stride) * out_width);
    let padding = comptime!((form.kernel as i32 - 1) / 2);
    let tiles = comptime!(form.outputs.div_ceil(TILE));

    let unit = UNIT_POS as usize;
    let cube = CUBE_POS_Y as usize * CUBES + CUBE_POS_X as usize;
    let first_output = cube % tiles * TILE;
    let first_place = cube / tiles * TILE;
    let start = (first_piece as usize + CUBE_POS_Z as usize) * piece as usize;
    let end = min(rows as usize, start + piece as usize);

    let mut shared_inputs = Shared::<[V]>::new_slice(comptime!(TILE * DEEP));
    let mut shared_outputs = Shared::<[V]>::new_slice(comptime!(TILE * DEEP));
    let zero = V::new(0.0);
    let mut sums = Array::<V>::new(comptime!(OWN * 4 * OWN));
    #[unroll]
    for i in 0..comptime!(OWN * 4 * OWN) {
        sums[i] = zero;
    }
    // Units load one column of both tiles, whose place in the window stays the same.
    let column = unit % TILE;
    let first_load = unit / TILE;
    let place = first_place + column;
    let channel = place % form.inputs;
    let tap = place / form.inputs;
    let tap_y = (tap / form.kernel) as i32 - padding;
    let tap_x = (tap % form.kernel) as i32 - padding;
    let output = first_output + column;
    let mut scale = zero;
    let mut shift = zero;
    if comptime!(form.norm) {
        scale = affine[channel];
        shift = affine[channel + form.inputs];
    }
    let (my_output, my_place) = (unit % SIDE, unit / SIDE);

    for first in range_stepped(start, end, DEEP) {
        #[unroll]
        for load in 0..loads {
            let deep = first_load + load * comptime!(units / TILE);
            let row = first + deep;
            let (sample, pixel) = (row / out_pixels, row % out_pixels);
            let y = (pixel / out_width * form.stride) as i32 + tap_y;
            let x = (pixel % out_width * form.stride) as i32 + tap_x;
            let is_there = y >= 0
                && y < form.height as i32
                && x >= 0
                && x < form.width as i32
                && row < end
                && place < window;
            let mut value = zero;
            if is_there {
                let pixel = sample * comptime!(form.height * form.width)
                    + y as usize * form.width
                    + x as usize;
                value = input[pixel * form.inputs + channel];
                if comptime!(form.norm) {
                    value = fma(value, scale, shift);
                }
                if comptime!(form.rectify) {
                    value = max(value, zero);
                }
            }
            shared_inputs[deep * TILE + column] = value;
            let mut value = zero;
            if row < end && output < form.outputs {
                value = gradient[row * form.outputs + output];
            }
            shared_outputs[deep * TILE + column] = value;
        }
        sync_cube();
        #[unroll]
        for deep in 0..DEEP {
            let mut mine = Array::<V>::new(OWN);
            #[unroll]
            for j in 0..OWN {
                mine[j] = shared_outputs[deep * TILE + my_output + j * SIDE];
            }
            #[unroll]
            for i in 0..OWN {
                let value = shared_inputs[deep * TILE + my_place + i * SIDE];
                #[unroll]
                for k in 0..4usize {
                    let factor = V::new(value.extract(k));
                    #[unroll]
                    for j in 0..OWN {
                        let sum = comptime!((i * 4 + k) * OWN + j);
                        sums[sum] = fma(factor, mine[j], sums[sum]);
                    }
                }
            }
        }
        sync_cube();
    }

    let piece_start = CUBE_POS_Z as usize * comptime!(4 * window * form.outputs);
    #[unroll]
    for i in 0..OWN {
        let place = first_place + my_place + i * SIDE;
        #[unroll]
        for j in 0..OWN {
            let output = first_output + my_output + j * SIDE;
            if place < window && output < form.outputs {
                #[unroll]
                for k in 0..4usize {
                    let at = piece_start + (place * 4 + k) * form.outputs + output;
                    partials[at] = sums[comptime!((i * 4 + k) * OWN + j)];
                }
            }
        }
    }
}

/// Adds up the pieces, [taps, inputs filled up, outputs in fours], into [taps, inputs, outputs]: so many units
/// each take every so-manieth, and their sums are added in pairs.
#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel takes its buffers one by one")]
fn sum_kernel(
    partials: &[V],
    theta: &mut [f32],
    pieces: u32,
    each: u32,
    offset: u32,
    inputs: u32,
    rows: u32,
    outputs: u32,
    #[comptime] lanes: usize,
    #[comptime] adds: bool,
) {
    let mut shared = Shared::<[V]>::new_slice(UNITS as usize);
    let own = comptime!(UNITS as usize / lanes);
    let (each, outputs) = (each as usize, outputs as usize);
    let (inputs, rows) = (inputs as usize, rows as usize);
    let fours = outputs.div_ceil(4);
    let unit = UNIT_POS as usize;
    let cube = CUBE_POS_Y as usize * CUBES + CUBE_POS_X as usize;
    let (lane, at) = (unit / own, cube * own + unit % own);
    let mut sum = V::new(0.0);
    if at < each {
        for piece in range_stepped(lane, pieces as usize, lanes) {
            sum += partials[piece * each + at];
        }
    }
    shared[unit] = sum;
    #[unroll]
    for step in 0..comptime!(lanes.trailing_zeros() as usize) {
        let half = comptime!(UNITS as usize >> (step + 1));
        sync_cube();
        if unit < half {
            let other = shared[unit + half];
            shared[unit] += other;
        }
    }
    if lane == 0 && at < each {
        let sum = shared[unit];
        let (row, first) = (at / fours, at % fours * 4);
        let (tap, input) = (row / rows, row % rows);
        if input < inputs {
            let start = offset as usize + (tap * inputs + input) * outputs + first;
            #[unroll]
            for k in 0..4usize {
                if first + k < outputs {
                    let mut value = sum.extract(k);
                    if comptime!(adds) {
                        value += theta[start + k];
                    }
                    theta[start + k] = value;
                }
            }
        }
    }
}

//! Convolutions and fully connected layers as products of matrices, gathered on the way.
//!
//! out[p, o] = sum over taps t and channels c of act(in[p + t, c]) W[t, c, o] (+ bias + shortcut), rows p
//! being the pixels of all samples behind one another. A cube of units computes a tile of rows x outputs:
//! it copies the next four channels of a few taps and their weights to shared memory while it multiplies
//! the last, and each unit keeps a part of the tile in registers. What is pending on the input, a norm and
//! a rectifier, is done on the way in; sums for the norm that reads the output, on the way out. Some forms have
//! a kernel of their own, [`squares`].

use cubecl::prelude::*;

use super::squares;
use super::tile::{Tile, over_rows};
use super::{Buffer, CUBES, V};
use crate::kernels::ConvolutionShape;

/// Fewer cubes leave half of a large device idle, which has a hundred multiprocessors and more.
const FEW: usize = 64;

/// A convolution as its kernel is compiled for it: channels are in fours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Convolution {
    pub height: usize,
    pub width: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub kernel: usize,
    pub stride: usize,
    /// The input passes a norm.
    pub norm: bool,
    /// Negative inputs are read as zero.
    pub rectify: bool,
    pub bias: bool,
    /// The output is added to what stands there.
    pub shortcut: bool,
    /// Means and sums of squares of each tile are written.
    pub gathers: bool,
    /// Each block of rows has weights of its own, one after the other.
    pub weights_of_blocks: bool,
    /// The input stands at every so-manieth pixel of `height` x `width`, and is zero between them.
    pub spread: usize,
    pub tile: Tile,
}

impl Convolution {
    /// A convolution alone.
    pub fn of(shape: ConvolutionShape) -> Self {
        let ConvolutionShape { height, width, inputs, outputs, kernel, stride } = shape;
        let (inputs, outputs) = (inputs.div_ceil(4), outputs.div_ceil(4));
        let tile = Tile::of(outputs);
        Self {
            height,
            width,
            inputs,
            outputs,
            kernel,
            stride,
            norm: false,
            rectify: false,
            bias: false,
            shortcut: false,
            gathers: false,
            weights_of_blocks: false,
            spread: 1,
            tile,
        }
    }

    /// From gradients with respect to the outputs of a convolution to those with respect to its inputs, of
    /// which a pixel has so many fours: a convolution by the weights turned around.
    pub fn back(shape: ConvolutionShape, inputs: usize) -> Self {
        let [from, to] = [shape.outputs, 4 * inputs];
        let turned = ConvolutionShape { inputs: from, outputs: to, stride: 1, ..shape };
        Self { spread: shape.stride, ..Self::of(turned) }
    }

    /// In tiles that are small enough for so many rows.
    fn for_rows(self, rows: Rows) -> Self {
        let tiles = rows.blocks * rows.rows.div_ceil(self.tile.all_rows());
        let is_little = tiles * self.outputs.div_ceil(self.tile.all_columns()) < FEW;
        let tile = if is_little && !self.gathers { Tile::small(self.outputs) } else { self.tile };
        Self { tile, ..self }
    }

    /// Rows of which [`convolve`] writes mean and sum of squares.
    pub fn rows_of_tile(self) -> usize {
        if squares::fits(self) { squares::SQUARE } else { self.tile.all_rows() }
    }
}

/// Rows in the order of samples, in blocks that no tile crosses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    pub blocks: usize,
    /// Rows of a block.
    pub rows: usize,
    /// Rows that share a norm's statistics.
    pub normed: usize,
}

/// What a convolution reads and writes; where its form has no use for a buffer, any will do.
pub(crate) struct Operands {
    pub input: Buffer,
    /// Scale and shift of every channel, for each of the batches.
    pub affine: Buffer,
    pub weights: Buffer,
    pub bias: Buffer,
    pub shortcut: Buffer,
    pub output: Buffer,
    pub partials: Buffer,
}

/// Launches a convolution.
pub(crate) fn convolve(client: &Client, form: Convolution, rows: Rows, operands: Operands) {
    if squares::fits(form) {
        return squares::convolve(client, form, rows, operands);
    }
    let form = form.for_rows(rows);
    let tiles = rows.rows.div_ceil(form.tile.all_rows());
    let columns = form.outputs.div_ceil(form.tile.all_columns());
    let Operands { input, affine, weights, bias, shortcut, output, partials } = operands;
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        kernel::launch_unchecked(
            client,
            CubeCount::Static(
                (columns * tiles).min(CUBES) as u32,
                (columns * tiles).div_ceil(CUBES) as u32,
                rows.blocks as u32,
            ),
            CubeDim::new_1d(form.tile.units() as u32),
            input.argument(),
            affine.argument(),
            weights.argument(),
            bias.argument(),
            shortcut.argument(),
            output.argument(),
            partials.argument(),
            rows.rows as u32,
            rows.normed as u32,
            form,
        );
    }
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel takes its buffers one by one")]
fn kernel(
    input: &[V],
    affine: &[V],
    weights: &[V],
    bias: &[V],
    shortcut: &[V],
    output: &mut [V],
    partials: &mut [V],
    block_rows: u32,
    normed_rows: u32,
    #[comptime] form: Convolution,
) {
    let tile = comptime!(form.tile);
    let deeps = comptime!(tile.deep);
    let units = comptime!(tile.units());
    let all_rows = comptime!(tile.all_rows());
    let all_columns = comptime!(tile.all_columns());
    let row_loads = comptime!((all_rows * deeps).div_ceil(units));
    let weight_loads = comptime!((all_columns * 4 * deeps).div_ceil(units));
    let depth = comptime!(form.kernel * form.kernel * form.inputs);
    let steps = comptime!(depth.div_ceil(deeps));
    let out_width = comptime!(form.width.div_ceil(form.stride));
    let out_pixels = comptime!(form.height.div_ceil(form.stride) * out_width);
    let padding = comptime!((form.kernel as i32 - 1) / 2);
    let in_width = comptime!(form.width.div_ceil(form.spread));
    let in_pixels = comptime!(form.height.div_ceil(form.spread) * in_width);

    let unit = UNIT_POS as usize;
    let columns = comptime!(form.outputs.div_ceil(all_columns));
    let cube = CUBE_POS_Y as usize * CUBES + CUBE_POS_X as usize;
    let first_column = cube % columns * all_columns;
    let first_row = cube / columns * all_rows;
    let block = CUBE_POS_Z as usize;
    let block_rows = block_rows as usize;
    let block_start = block * block_rows;

    let mut first_weight = 0usize;
    if comptime!(form.weights_of_blocks) {
        first_weight = block * comptime!(4 * depth * form.outputs);
    }

    let mut shared_rows = Shared::<[V]>::new_slice(comptime!(2 * all_rows * deeps));
    let mut shared_weights = Shared::<[V]>::new_slice(comptime!(2 * all_columns * 4 * deeps));

    // Where the rows that this unit copies begin: pixel, and corner of the window.
    let mut starts = Array::<u32>::new(row_loads);
    let mut corner_y = Array::<i32>::new(row_loads);
    let mut corner_x = Array::<i32>::new(row_loads);
    let mut batches = Array::<u32>::new(row_loads);
    #[unroll]
    for load in 0..row_loads {
        let row = first_row + (unit + load * units) / deeps;
        let global = block_start + row;
        let sample = global / out_pixels;
        let pixel = global % out_pixels;
        starts[load] = (sample * comptime!(in_pixels * form.inputs)) as u32;
        batches[load] = global as u32 / normed_rows;
        // A row that is not there has no pixel that is.
        let there = row < block_rows;
        let y = (pixel / out_width * form.stride) as i32 - padding;
        corner_y[load] = select(there, y, -1000000);
        corner_x[load] = (pixel % out_width * form.stride) as i32 - padding;
    }

    let mut next_rows = Array::<V>::new(row_loads);
    let mut next_weights = Array::<V>::new(weight_loads);
    let zero = V::new(0.0);
    let mut sums = Array::<V>::new(comptime!(tile.rows * tile.columns));
    #[unroll]
    for i in 0..comptime!(tile.rows * tile.columns) {
        sums[i] = zero;
    }
    let my_column = unit % tile.column_units;
    let my_row = unit / tile.column_units;

    // One step ahead: step s is copied to shared memory when s - 1 has been multiplied.
    for step in 0..comptime!(steps + 1) {
        if step < steps {
            #[unroll]
            for load in 0..row_loads {
                let deep = step * deeps + (unit + load * units) % deeps;
                let tap = deep / form.inputs;
                let channel = deep % form.inputs;
                let y = corner_y[load] + (tap / form.kernel) as i32;
                let x = corner_x[load] + (tap % form.kernel) as i32;
                let mut is_there = y >= 0
                    && y < form.height as i32
                    && x >= 0
                    && x < form.width as i32
                    && deep < depth;
                if comptime!(form.spread > 1) {
                    let between = y % form.spread as i32 + x % form.spread as i32;
                    is_there = is_there && between == 0;
                }
                let mut value = zero;
                if is_there {
                    let (y, x) = (y as usize / form.spread, x as usize / form.spread);
                    let place = starts[load] as usize + (y * in_width + x) * form.inputs + channel;
                    value = input[place];
                    if comptime!(form.norm) {
                        let at = batches[load] as usize * comptime!(2 * form.inputs) + channel;
                        value = fma(value, affine[at], affine[at + form.inputs]);
                    }
                    if comptime!(form.rectify) {
                        value = max(value, zero);
                    }
                }
                next_rows[load] = value;
            }
            #[unroll]
            for load in 0..weight_loads {
                let place = unit + load * units;
                let deep = step * comptime!(4 * deeps) + place / all_columns;
                let column = first_column + place % all_columns;
                let mut value = zero;
                if deep < comptime!(4 * depth)
                    && column < form.outputs
                    && place < comptime!(all_columns * 4 * deeps)
                {
                    value = weights[first_weight + deep * form.outputs + column];
                }
                next_weights[load] = value;
            }
        }
        if step > 0 {
            let half = (step + 1) % 2;
            let rows_at = half * comptime!(all_rows * deeps);
            let weights_at = half * comptime!(all_columns * 4 * deeps);
            #[unroll]
            for deep in 0..deeps {
                let mut mine = Array::<V>::new(tile.rows);
                #[unroll]
                for i in 0..tile.rows {
                    let row = my_row + i * tile.row_units;
                    mine[i] = shared_rows[rows_at + row * deeps + deep];
                }
                #[unroll]
                for k in 0..4usize {
                    #[unroll]
                    for j in 0..tile.columns {
                        let column = my_column + j * tile.column_units;
                        let weight =
                            shared_weights[weights_at + (deep * 4 + k) * all_columns + column];
                        #[unroll]
                        for i in 0..tile.rows {
                            let place = comptime!(i * tile.columns + j);
                            sums[place] = fma(V::new(mine[i].extract(k)), weight, sums[place]);
                        }
                    }
                }
            }
        }
        if step < steps {
            let half = step % 2;
            #[unroll]
            for load in 0..row_loads {
                let place = unit + load * units;
                if comptime!(row_loads * units == all_rows * deeps) || place < all_rows * deeps {
                    shared_rows[half * comptime!(all_rows * deeps) + place] = next_rows[load];
                }
            }
            #[unroll]
            for load in 0..weight_loads {
                let place = unit + load * units;
                if comptime!(weight_loads * units == all_columns * 4 * deeps)
                    || place < comptime!(all_columns * 4 * deeps)
                {
                    shared_weights[half * comptime!(all_columns * 4 * deeps) + place] =
                        next_weights[load];
                }
            }
        }
        sync_cube();
    }

    #[unroll]
    for j in 0..tile.columns {
        let column = first_column + my_column + j * tile.column_units;
        let mut sum = zero;
        #[unroll]
        for i in 0..tile.rows {
            let row = first_row + my_row + i * tile.row_units;
            let place = comptime!(i * tile.columns + j);
            if row < block_rows && column < form.outputs {
                let at = (block_start + row) * form.outputs + column;
                let mut value = sums[place];
                if comptime!(form.bias) {
                    value += bias[column];
                }
                if comptime!(form.shortcut) {
                    value += shortcut[at];
                }
                output[at] = value;
                sums[place] = value;
                sum += value;
            }
        }
        if comptime!(form.gathers) {
            let rows = V::cast_from(min(block_rows - first_row, all_rows) as u32);
            let mean = over_rows(&mut shared_rows, sum, my_row, my_column, tile) / rows;
            let mut squares = zero;
            #[unroll]
            for i in 0..tile.rows {
                let row = first_row + my_row + i * tile.row_units;
                if row < block_rows {
                    let centred = sums[comptime!(i * tile.columns + j)] - mean;
                    squares += centred * centred;
                }
            }
            let squares = over_rows(&mut shared_rows, squares, my_row, my_column, tile);
            if my_row == 0 && column < form.outputs && first_row < block_rows {
                let tiles = block_rows.div_ceil(all_rows);
                let place = block * tiles + cube / columns;
                let at = place * comptime!(2 * form.outputs) + column;
                partials[at] = mean;
                partials[at + form.outputs] = squares;
            }
        }
    }
}

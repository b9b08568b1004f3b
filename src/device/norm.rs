//! Batch norm's statistics, batch by batch.
//!
//! Rows are taken in tiles. Each tile's mean and sum of squares about it come from whoever wrote the
//! rows, or are gathered here; all tiles of a batch are then joined about the common mean, so that no
//! large sum is taken of squares that nearly cancel.

use cubecl::prelude::*;

use super::tile::{Tile, over_rows};
use super::{Buffer, CUBES, V};
use crate::network::EPSILON;

/// Rows of a tile that is gathered here.
pub(crate) const TILE: usize = 128;
/// Units of a cube that gathers.
pub(super) const GATHERERS: usize = 128;
/// Units of a cube that joins, over tiles.
pub(super) const JOINERS: usize = 64;

/// Means and sums of squares of tiles of rows, for each of the batches.
pub(crate) fn gather(
    client: &Client,
    [batches, rows, channels]: [usize; 3],
    [input, partials]: [Buffer; 2],
) {
    let units = channels.next_power_of_two().min(32);
    let tile = Tile { column_units: units, row_units: GATHERERS / units, ..Tile::of(channels) };
    let cubes = channels.div_ceil(units) * rows.div_ceil(TILE);
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        gather_kernel::launch_unchecked(
            client,
            CubeCount::Static(
                cubes.min(CUBES) as u32,
                cubes.div_ceil(CUBES) as u32,
                batches as u32,
            ),
            CubeDim::new_1d(GATHERERS as u32),
            input.argument(),
            partials.argument(),
            rows as u32,
            channels,
            tile,
        );
    }
}

#[cube(launch_unchecked)]
fn gather_kernel(
    input: &[V],
    partials: &mut [V],
    rows: u32,
    #[comptime] channels: usize,
    #[comptime] tile: Tile,
) {
    let mut shared = Shared::<[V]>::new_slice(GATHERERS);
    let unit = UNIT_POS as usize;
    let (my_row, my_column) = (unit / tile.column_units, unit % tile.column_units);
    let columns = comptime!(channels.div_ceil(tile.column_units));
    let cube = CUBE_POS_Y as usize * CUBES + CUBE_POS_X as usize;
    let channel = cube % columns * tile.column_units + my_column;
    let rows = rows as usize;
    let first = cube / columns * TILE;
    let is_there = channel < channels && first < rows;
    let count = min(rows - first, TILE);
    let all = V::cast_from(count as u32);
    let start = (CUBE_POS_Z as usize * rows + first) * channels + channel;
    let mut sum = V::new(0.0);
    if is_there {
        for row in range_stepped(my_row, count, tile.row_units) {
            sum += input[start + row * channels];
        }
    }
    let mean = over_rows(&mut shared, sum, my_row, my_column, tile) / all;
    let mut squares = V::new(0.0);
    if is_there {
        for row in range_stepped(my_row, count, tile.row_units) {
            let centred = input[start + row * channels] - mean;
            squares = fma(centred, centred, squares);
        }
    }
    let squares = over_rows(&mut shared, squares, my_row, my_column, tile);
    if my_row == 0 && is_there {
        let tile = CUBE_POS_Z as usize * rows.div_ceil(TILE) + cube / columns;
        partials[tile * comptime!(2 * channels) + channel] = mean;
        partials[tile * comptime!(2 * channels) + channels + channel] = squares;
    }
}

/// What a norm does to each channel of each batch, from the statistics of its tiles.
pub(crate) struct Norm {
    pub batches: usize,
    /// Of a batch.
    pub rows: usize,
    /// Rows of a tile.
    pub tile: usize,
    /// In fours.
    pub channels: usize,
}

impl Norm {
    /// Tiles of a batch.
    pub fn tiles(&self) -> usize {
        self.rows.div_ceil(self.tile)
    }
}

/// Writes mean and variance, [batches, 2, channels], and scale and shift beside them.
pub(crate) fn normalise(
    client: &Client,
    norm: Norm,
    [partials, gamma, beta]: [Buffer; 3],
    [statistics, affine]: [Buffer; 2],
) {
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        normalise_kernel::launch_unchecked(
            client,
            CubeCount::Static(norm.channels as u32, norm.batches as u32, 1),
            CubeDim::new_1d(JOINERS as u32),
            partials.argument(),
            gamma.argument(),
            beta.argument(),
            statistics.argument(),
            affine.argument(),
            norm.rows as u32,
            norm.tiles() as u32,
            norm.tile,
            norm.channels,
        );
    }
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel takes its buffers one by one")]
fn normalise_kernel(
    partials: &[V],
    gamma: &[V],
    beta: &[V],
    statistics: &mut [V],
    affine: &mut [V],
    rows: u32,
    tiles: u32,
    #[comptime] tile_rows: usize,
    #[comptime] channels: usize,
) {
    let mut shared = Shared::<[V]>::new_slice(JOINERS);
    let channel = CUBE_POS_X as usize;
    let batch = CUBE_POS_Y as usize;
    let unit = UNIT_POS as usize;
    let tiles = tiles as usize;
    let first = batch * tiles * comptime!(2 * channels) + channel;
    let all = V::cast_from(rows);

    let mut sum = V::new(0.0);
    for tile in range_stepped(unit, tiles, JOINERS) {
        let count = min(rows as usize - tile * tile_rows, tile_rows);
        let mean = partials[first + tile * comptime!(2 * channels)];
        sum = fma(mean, V::cast_from(count as u32), sum);
    }
    let mean = total(&mut shared, sum, unit) / all;
    let mut squares = V::new(0.0);
    for tile in range_stepped(unit, tiles, JOINERS) {
        let count = min(rows as usize - tile * tile_rows, tile_rows);
        let centred = partials[first + tile * comptime!(2 * channels)] - mean;
        squares += partials[first + tile * comptime!(2 * channels) + channels];
        squares = fma(centred * centred, V::cast_from(count as u32), squares);
    }
    let variance = total(&mut shared, squares, unit) / all;
    if unit == 0 {
        let at = batch * comptime!(2 * channels) + channel;
        statistics[at] = mean;
        statistics[at + channels] = variance;
        let deviation = (variance + V::new(comptime!(EPSILON as f32))).sqrt();
        let scale = gamma[channel] / deviation;
        affine[at] = scale;
        affine[at + channels] = beta[channel] - mean * scale;
    }
}

/// The sum over a cube's units, for each of them.
#[cube]
pub(super) fn total(shared: &mut Shared<[V]>, value: V, unit: usize) -> V {
    shared[unit] = value;
    sync_cube();
    let halvings = comptime!(JOINERS.trailing_zeros());
    #[unroll]
    for halving in 0..halvings {
        let half = comptime!(JOINERS >> (halving + 1));
        if unit < half {
            let other = shared[unit + half];
            shared[unit] += other;
        }
        sync_cube();
    }
    let total = shared[0];
    sync_cube();
    total
}

//! Sums over the rows of a batch, channel by channel: in tiles of rows, then over tiles.

use burn::cubecl;
use burn::cubecl::prelude::*;

use super::norm::{GATHERERS, JOINERS, TILE, total};
use super::tile::{Tile, over_rows};
use super::{Buffer, CUBES, V};

/// The sums of g and of g (x - mean) over rows, [2, channels], channels in fours; without mean, of g x.
pub(crate) fn moments(
    client: &Client,
    sizes: [usize; 2],
    [x, g]: [Buffer; 2],
    mean: Option<Buffer>,
) -> Buffer {
    let has_mean = mean.is_some();
    let mean = mean.unwrap_or_else(|| x.clone());
    sums(client, sizes, [x, g, mean], [has_mean, false])
}

/// The sums of x - mean and of its squares.
pub(crate) fn squares(client: &Client, sizes: [usize; 2], [x, mean]: [Buffer; 2]) -> Buffer {
    sums(client, sizes, [x.clone(), x, mean], [true, true])
}

/// With a mean or without; of x - mean in place of g.
fn sums(
    client: &Client,
    [rows, channels]: [usize; 2],
    [x, g, mean]: [Buffer; 3],
    [has_mean, squares]: [bool; 2],
) -> Buffer {
    let units = channels.next_power_of_two().min(32);
    let tile = Tile { column_units: units, row_units: GATHERERS / units, ..Tile::of(channels) };
    let tiles = rows.div_ceil(TILE);
    let cubes = channels.div_ceil(units) * tiles;
    let partials = Buffer::fours(client, tiles * 2 * channels);
    let output = Buffer::fours(client, 2 * channels);
    // SAFETY: the kernels stay within lengths that the callers keep to.
    unsafe {
        tiles_kernel::launch_unchecked(
            client,
            CubeCount::Static(cubes.min(CUBES) as u32, cubes.div_ceil(CUBES) as u32, 1),
            CubeDim::new_1d(GATHERERS as u32),
            x.argument(),
            g.argument(),
            mean.argument(),
            partials.clone().argument(),
            rows as u32,
            channels,
            tile,
            has_mean,
            squares,
        );
        total_kernel::launch_unchecked(
            client,
            CubeCount::Static(2 * channels as u32, 1, 1),
            CubeDim::new_1d(JOINERS as u32),
            partials.argument(),
            output.clone().argument(),
            tiles as u32,
            channels,
        );
    }
    output
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel takes its buffers one by one")]
fn tiles_kernel(
    x: &[V],
    g: &[V],
    mean: &[V],
    partials: &mut [V],
    rows: u32,
    #[comptime] channels: usize,
    #[comptime] tile: Tile,
    #[comptime] has_mean: bool,
    #[comptime] squares: bool,
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
    let mut sum = V::new(0.0);
    let mut products = V::new(0.0);
    if is_there {
        let mut middle = V::new(0.0);
        if comptime!(has_mean) {
            middle = mean[channel];
        }
        let count = min(rows - first, TILE);
        for row in range_stepped(my_row, count, tile.row_units) {
            let at = (first + row) * channels + channel;
            let centred = x[at] - middle;
            let mut factor = g[at];
            if comptime!(squares) {
                factor = centred;
            }
            sum += factor;
            products = fma(factor, centred, products);
        }
    }
    let sum = over_rows(&mut shared, sum, my_row, my_column, tile);
    let products = over_rows(&mut shared, products, my_row, my_column, tile);
    if my_row == 0 && is_there {
        let tile = cube / columns;
        partials[tile * comptime!(2 * channels) + channel] = sum;
        partials[tile * comptime!(2 * channels) + channels + channel] = products;
    }
}

#[cube(launch_unchecked)]
fn total_kernel(partials: &[V], output: &mut [V], tiles: u32, #[comptime] channels: usize) {
    let mut shared = Shared::<[V]>::new_slice(JOINERS);
    let (column, unit) = (CUBE_POS_X as usize, UNIT_POS as usize);
    let mut sum = V::new(0.0);
    for tile in range_stepped(unit, tiles as usize, JOINERS) {
        sum += partials[tile * comptime!(2 * channels) + column];
    }
    let sum = total(&mut shared, sum, unit);
    if unit == 0 {
        output[column] = sum;
    }
}

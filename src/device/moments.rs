//! Sums over the rows of a batch, channel by channel: in tiles of rows, then over tiles.

use cubecl::prelude::*;

use super::norm::{GATHERERS, JOINERS, TILE, total};
use super::tile::{Tile, over_rows};
use super::{Buffer, CUBES, V};

/// A factor g and what it is multiplied with, both [rows, channels].
#[derive(Debug, Clone)]
pub(crate) struct Weighed {
    pub x: Buffer,
    /// Is taken off x.
    pub mean: Option<Buffer>,
    /// x - mean if it is not given.
    pub factor: Option<Buffer>,
}

/// The sums over rows of g and of g (x - mean), [2 N, channels], channels in fours, for each of one or two
/// pairs.
pub(crate) fn moments<const N: usize>(
    client: &Client,
    [rows, channels]: [usize; 2],
    pairs: [Weighed; N],
    output: Buffer,
) {
    let units = channels.next_power_of_two().min(32);
    let tile = Tile { column_units: units, row_units: GATHERERS / units, ..Tile::of(channels) };
    let tiles = rows.div_ceil(TILE);
    let cubes = channels.div_ceil(units) * tiles;
    let partials = Buffer::fours(client, tiles * 2 * N * channels);
    let forms = [&pairs[0], &pairs[N - 1]].map(|Weighed { mean, factor, .. }| Form {
        has_mean: mean.is_some(),
        has_factor: factor.is_some(),
    });
    let [first, second] = [&pairs[0], &pairs[N - 1]].map(|Weighed { x, mean, factor }| {
        let or_x = |buffer: &Option<Buffer>| buffer.clone().unwrap_or_else(|| x.clone());
        [x.clone(), or_x(factor), or_x(mean)]
    });
    let ([x, g, mean], [x1, g1, mean1]) = (first, second);
    // SAFETY: the kernel stays within lengths that the callers keep to.
    unsafe {
        tiles_kernel::launch_unchecked(
            client,
            CubeCount::Static(cubes.min(CUBES) as u32, cubes.div_ceil(CUBES) as u32, N as u32),
            CubeDim::new_1d(GATHERERS as u32),
            x.argument(),
            g.argument(),
            mean.argument(),
            x1.argument(),
            g1.argument(),
            mean1.argument(),
            partials.clone().argument(),
            rows as u32,
            channels,
            tile,
            forms,
            N,
        );
        total_kernel::launch_unchecked(
            client,
            CubeCount::Static((2 * N * channels) as u32, 1, 1),
            CubeDim::new_1d(JOINERS as u32),
            partials.argument(),
            output.argument(),
            tiles as u32,
            N * channels,
        );
    }
}

/// What a pair has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Form {
    has_mean: bool,
    has_factor: bool,
}

#[cube(launch_unchecked)]
#[expect(clippy::too_many_arguments, reason = "a kernel takes its buffers one by one")]
fn tiles_kernel(
    x: &[V],
    g: &[V],
    mean: &[V],
    x1: &[V],
    g1: &[V],
    mean1: &[V],
    partials: &mut [V],
    rows: u32,
    #[comptime] channels: usize,
    #[comptime] tile: Tile,
    #[comptime] forms: [Form; 2],
    #[comptime] pairs: usize,
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
    let pair = CUBE_POS_Z as usize;
    let mut sums = Array::<V>::new(2usize);
    sums[0] = V::new(0.0);
    sums[1] = V::new(0.0);
    if is_there {
        let start = first * channels + channel;
        let rows = min(rows - first, TILE);
        if pair == 0 {
            add_up(&mut sums, x, g, mean, start, my_row, rows, channels, tile, forms[0]);
        } else {
            add_up(&mut sums, x1, g1, mean1, start, my_row, rows, channels, tile, forms[1]);
        }
    }
    let sum = over_rows(&mut shared, sums[0], my_row, my_column, tile);
    let products = over_rows(&mut shared, sums[1], my_row, my_column, tile);
    if my_row == 0 && is_there {
        let row = cube / columns * comptime!(2 * pairs) + 2 * pair;
        partials[row * channels + channel] = sum;
        partials[(row + 1) * channels + channel] = products;
    }
}

/// Adds a unit's rows of a tile of so many, which begins at `start`, to the sums of g and of g (x - mean).
#[cube]
#[expect(clippy::too_many_arguments, reason = "it stands for a part of a kernel")]
fn add_up(
    sums: &mut Array<V>,
    x: &[V],
    g: &[V],
    mean: &[V],
    start: usize,
    my_row: usize,
    rows: usize,
    #[comptime] channels: usize,
    #[comptime] tile: Tile,
    #[comptime] form: Form,
) {
    let mut middle = V::new(0.0);
    if comptime!(form.has_mean) {
        middle = mean[start % channels];
    }
    for row in range_stepped(my_row, rows, tile.row_units) {
        let centred = x[start + row * channels] - middle;
        let mut factor = centred;
        if comptime!(form.has_factor) {
            factor = g[start + row * channels];
        }
        sums[0] += factor;
        sums[1] = fma(factor, centred, sums[1]);
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

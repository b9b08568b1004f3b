//! The three stages, a group of tiles at a time, so that what is between them stays in the cache.

#![expect(
    unsafe_code,
    reason = "a look at every place of a tile would take as long as the transforms"
)]

use super::super::gather::Gathered;
use super::super::pack::{Block, PackedWeights};
use super::super::scratch::Scratch;
use super::super::shape::ConvolutionShape;
use super::super::simd::{Kernel, Lanes};
use super::super::source::Source;
use super::super::split::{parts, whole_parts};
use super::super::target::{Target, Writer};
use super::super::tile::{Fetch, Operands, Places, multiply_places};
use super::Scheme;
use super::tiles::{Grid, Input, Planes, transform};

use std::marker::PhantomData;
use std::ops::Range;

/// Bytes of transformed inputs, so that they stay in the second-level cache beside the sums.
const GROUP_BYTES: usize = 256 << 10;

/// Bytes of images, at most, that are fetched of one kind while others are multiplied.
const COMING_BYTES: usize = 128 << 10;

/// Bytes of transformed weights from which on they come from memory for every group again. Then a group is
/// large, and it is the inputs that come from a third-level cache for every block.
const LARGE_WEIGHTS: usize = 16 << 20;

/// Bytes of transformed inputs of a large group.
const LARGE_GROUP_BYTES: usize = 8 << 20;

/// Length of a chain of additions.
const CHAIN: usize = 128;

/// All channels of a tile side by side.
fn planes(tiles: usize, channels: usize) -> Planes {
    Planes { tiles, channels, block: channels }
}

/// What some of all tiles read or write of images, about; nothing if it is much.
fn of_tiles(images: &[f32], all: usize, tiles: Range<usize>) -> &[f32] {
    let [start, end] = [tiles.start, tiles.end].map(|tile| images.len() * tile.min(all) / all);
    let part = &images[start..end];
    if size_of_val(part) > COMING_BYTES { &[] } else { part }
}

/// One call.
pub(in super::super) struct Winograd<'a, 'b, S, const M: usize, const K: usize, const N: usize> {
    pub(in super::super) scheme: PhantomData<S>,
    pub(in super::super) shape: ConvolutionShape,
    pub(in super::super) weights: &'a PackedWeights<'a>,
    pub(in super::super) bias: Option<&'a [f32]>,
    pub(in super::super) source: Source<'a>,
    pub(in super::super) target: Target<'a>,
    /// If only the largest or smallest of each 2x2 outputs are written: the sign of each channel. The image is then in
    /// whole tiles.
    pub(in super::super) windows: Option<&'a [f32]>,
    pub(in super::super) scratch: &'b mut Scratch,
}

impl<S: Scheme<M, K, N>, const M: usize, const K: usize, const N: usize> Kernel
    for Winograd<'_, '_, S, M, K, N>
{
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let samples = self.source.pixels.len() / self.shape.input_len();
        let image = Gathered::whole([self.shape.height, self.shape.width], self.shape.inputs);
        let grid = Grid::new::<L>(image, M, K);
        let (least, tiles) = self.group_tiles::<L>(grid);
        let group = least.div_ceil(grid.tiles);
        self.scratch.images.of_len(group * grid.image.len()).fill(0.0);
        for range in parts(samples, group) {
            for (i, sample) in range.clone().enumerate() {
                let image = &mut self.scratch.images[i * grid.image.len()..];
                grid.image.fill(lanes, self.source, sample, image);
            }
            for tiles in whole_parts(range.len() * grid.tiles, tiles) {
                self.inputs(lanes, grid, tiles.clone());
                let first = range.start * grid.tiles;
                let group = first + tiles.start..first + tiles.end;
                for block in self.weights.blocks() {
                    self.products(lanes, (grid, range.len()), block, group.clone());
                    self.outputs(lanes, grid, block, range.start, tiles.clone());
                }
            }
        }
    }
}

impl<S: Scheme<M, K, N>, const M: usize, const K: usize, const N: usize>
    Winograd<'_, '_, S, M, K, N>
{
    /// Tiles whose images are copied together, at least, and of a group, a multiple of the register tile's
    /// rows.
    fn group_tiles<L: Lanes>(&self, grid: Grid) -> (usize, usize) {
        let place_bytes = N * N * size_of::<f32>();
        let rows_bytes = place_bytes * grid.image.pixel * L::ROWS;
        if place_bytes * self.shape.inputs * self.shape.outputs < LARGE_WEIGHTS {
            return (2 * L::ROWS, L::ROWS * (GROUP_BYTES / rows_bytes).clamp(1, 8));
        }
        let tiles = L::ROWS * (LARGE_GROUP_BYTES / rows_bytes).max(1);
        (tiles, tiles)
    }

    /// Bᵀ d B of some tiles, as [place, tile, channel].
    #[inline(always)]
    fn inputs<L: Lanes>(&mut self, lanes: L, grid: Grid, tiles: Range<usize>) {
        let Scratch { images, transformed, .. } = &mut *self.scratch;
        let planes = planes(tiles.len(), grid.image.pixel);
        let to = transformed.of_len(N * N * planes.plane());
        transform::<L, Input<S, M>, K, N>(lanes, (images, grid), tiles, (planes, 0), to);
    }

    /// Their products with a block of weights, as [place, tile, output]; on the way what is read and written next is
    /// fetched, of so many images that are copied at once.
    #[inline(always)]
    fn products<L: Lanes>(
        &mut self,
        lanes: L,
        (grid, images): (Grid, usize),
        block: Block<'_>,
        group: Range<usize>,
    ) {
        let (tiles, width) = (group.len(), block.vectors * L::WIDTH);
        let Self { shape, source, target, scratch, .. } = &mut *self;
        let all = source.pixels.len() / shape.input_len() * grid.tiles;
        let mut coming: [&[f32]; 3] = [&[]; 3];
        if block.first == 0 {
            let shortcut = target.shortcut.unwrap_or_default();
            coming[0] = of_tiles(target.pixels, all, group.clone());
            coming[1] = of_tiles(shortcut, all, group.clone());
        }
        if block.first + width >= shape.outputs {
            let next = images * grid.tiles;
            coming[2] = of_tiles(source.pixels, all, group.start + next..group.end + next);
        }
        let Scratch { transformed, sums, .. } = &mut **scratch;
        let (pixel, channels) = (grid.image.pixel, grid.image.channels);
        let planes = [pixel, width].map(|channels| planes(tiles, channels).plane());
        let sums = sums.of_len(N * N * planes[1]);
        let operands = Operands {
            source: transformed,
            step: pixel,
            channels,
            weights: block.weights,
            chain: CHAIN,
            adds: false,
        };
        let apart = [planes[0], channels * width, planes[1]];
        let places = Places {
            count: N * N,
            rows: tiles,
            apart,
            weight_step: width,
            fetch: Fetch::default(),
            coming,
        };
        multiply_places(lanes, (places, block.vectors), operands, sums);
    }

    /// Aᵀ p A of the products, written to the target.
    #[inline(always)]
    fn outputs<L: Lanes>(
        &mut self,
        lanes: L,
        grid: Grid,
        block: Block<'_>,
        first: usize,
        tiles: Range<usize>,
    ) {
        let ConvolutionShape { height, width, outputs, .. } = self.shape;
        let sums = &self.scratch.sums[..];
        let stride = block.vectors * L::WIDTH;
        let plane = planes(tiles.len(), stride).plane();
        assert_eq!(sums.len(), N * N * plane, "sums of a block");
        let mut columns = [[lanes.splat(0.0); M]; N];
        for channel in (0..stride).step_by(L::WIDTH) {
            let start = block.first + channel;
            let channels = start..outputs.min(start + L::WIDTH);
            let signs = self.windows.map(|signs| &signs[channels.clone()]);
            let mut writer = Writer::new(lanes, &mut self.target, self.bias, channels, outputs);
            for (t, tile) in tiles.clone().enumerate() {
                let [sample, y, x] = grid.place(tile);
                let sample = first + sample;
                for (j, transformed) in columns.iter_mut().enumerate() {
                    let mut column = [lanes.splat(0.0); N];
                    for (i, value) in column.iter_mut().enumerate() {
                        let place = (i * N + j) * plane + t * stride + channel;
                        // SAFETY: within one of N² planes, for t < tiles and channel + WIDTH <= stride.
                        *value = unsafe { lanes.load_at(sums, place) };
                    }
                    *transformed = S::output(lanes, column);
                }
                writer.sample(sample);
                if let Some(signs) = signs {
                    let sign = lanes.load_part(signs);
                    for i in (0..M).step_by(2) {
                        let mut rows = [[lanes.splat(0.0); M]; 2];
                        for (i, row) in (i..).zip(&mut rows) {
                            *row = Self::row(lanes, &columns, i);
                        }
                        let pixel = (sample * height + y * M + i) * width + x * M;
                        let to = (sample * height + y * M + i) / 2 * (width / 2) + x * M / 2;
                        writer.put_windows([pixel, pixel + width], rows, sign, to);
                    }
                    continue;
                }
                for i in 0..M.min(height - y * M) {
                    let pixel = (sample * height + y * M + i) * width + x * M;
                    let values = Self::row(lanes, &columns, i);
                    if x * M + M <= width {
                        writer.put_row(pixel, values);
                    } else {
                        for (j, value) in values.into_iter().take(width - x * M).enumerate() {
                            writer.put(pixel + j, value);
                        }
                    }
                }
            }
            writer.close();
        }
    }

    /// A row of a tile's outputs, from transformed columns.
    #[inline(always)]
    fn row<L: Lanes>(lanes: L, columns: &[[L::Vector; M]; N], i: usize) -> [L::Vector; M] {
        let mut values = [lanes.splat(0.0); N];
        for (value, column) in values.iter_mut().zip(columns) {
            *value = column[i];
        }
        S::output(lanes, values)
    }
}

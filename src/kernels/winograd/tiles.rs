//! Tiles of images, and what they are transformed to.

#![expect(
    unsafe_code,
    reason = "a look at every place of a tile would take as long as the transforms"
)]

use std::marker::PhantomData;
use std::ops::Range;

use super::super::gather::Gathered;
use super::super::simd::Lanes;
use super::Scheme;

/// Numbers between the planes of two places: planes a multiple of 4096 bytes apart would share the few
/// ways of one set of the first-level cache.
const SKEW: usize = 16;

/// The tiles of an image, every `step` rows and columns.
#[derive(Clone, Copy)]
pub(in super::super) struct Grid {
    step: usize,
    columns: usize,
    /// How many there are.
    pub(in super::super) tiles: usize,
    /// The image, with what tiles reach beyond it.
    pub(in super::super) image: Gathered,
}

impl Grid {
    /// Tiles of `size` pixels in each direction, which overlap by what they exceed `step` by; the image has half of
    /// that as its border.
    pub(in super::super) fn new<L: Lanes>(image: Gathered, step: usize, size: usize) -> Self {
        let border = (size - step) / 2;
        let [rows, columns] = [image.height, image.width].map(|len| len.div_ceil(step));
        let image = Gathered {
            padded: [rows, columns].map(|count| count * step + 2 * border),
            border: [border; 2],
            pixel: image.channels.next_multiple_of(L::WIDTH),
            ..image
        };
        Self { step, columns, tiles: rows * columns, image }
    }

    /// Sample, row and column of a tile.
    #[inline(always)]
    pub(super) fn place(self, tile: usize) -> [usize; 3] {
        let (sample, tile) = (tile / self.tiles, tile % self.tiles);
        [sample, tile / self.columns, tile % self.columns]
    }
}

/// Transformed tiles: for each place [block of channels, tile, channel].
#[derive(Clone, Copy)]
pub(in super::super) struct Planes {
    pub(in super::super) tiles: usize,
    /// Channels, in whole vectors.
    pub(in super::super) channels: usize,
    /// Those of a block; the last one has what is left.
    pub(in super::super) block: usize,
}

impl Planes {
    /// From one place to the next.
    pub(in super::super) fn plane(self) -> usize {
        self.tiles * self.channels + SKEW
    }

    /// Every block's first channel, and how many it has.
    #[inline(always)]
    pub(in super::super) fn blocks(self) -> impl Iterator<Item = (usize, usize)> {
        let Self { channels, block, .. } = self;
        (0..channels).step_by(block).map(move |first| (first, block.min(channels - first)))
    }
}

/// A transform along one dimension.
pub(in super::super) trait Along<const K: usize, const N: usize> {
    fn along<L: Lanes>(lanes: L, d: [L::Vector; K]) -> [L::Vector; N];
}

/// Of inputs: Bᵀ d.
pub(in super::super) struct Input<S, const M: usize>(PhantomData<S>);

impl<S: Scheme<M, K, N>, const M: usize, const K: usize, const N: usize> Along<K, N>
    for Input<S, M>
{
    #[inline(always)]
    fn along<L: Lanes>(lanes: L, d: [L::Vector; K]) -> [L::Vector; N] {
        S::input(lanes, d)
    }
}

/// Of the gradients of outputs: A y.
pub(in super::super) struct Spread<S, const K: usize>(PhantomData<S>);

impl<S: Scheme<M, K, N>, const M: usize, const K: usize, const N: usize> Along<M, N>
    for Spread<S, K>
{
    #[inline(always)]
    fn along<L: Lanes>(lanes: L, d: [L::Vector; M]) -> [L::Vector; N] {
        S::spread(lanes, d)
    }
}

/// Some tiles of images, transformed along both dimensions, to the planes' tiles from `first` on.
#[inline(always)]
pub(in super::super) fn transform<L: Lanes, T: Along<K, N>, const K: usize, const N: usize>(
    lanes: L,
    (images, grid): (&[f32], Grid),
    tiles: Range<usize>,
    (planes, first): (Planes, usize),
    to: &mut [f32],
) {
    let (plane, pixel, row) = (planes.plane(), grid.image.pixel, grid.image.place(1, 0));
    assert!(first + tiles.len() <= planes.tiles && planes.channels == pixel, "room for tiles");
    assert!(to.len() >= N * N * plane, "room for planes");
    assert!(
        pixel.is_multiple_of(L::WIDTH) && planes.block.is_multiple_of(L::WIDTH),
        "whole vectors"
    );
    let mut columns = [[lanes.splat(0.0); N]; K];
    for (t, tile) in (first..).zip(tiles) {
        let [sample, y, x] = grid.place(tile);
        let start = sample * grid.image.len() + grid.image.place(y * grid.step, x * grid.step);
        assert!(start + (K - 1) * row + K * pixel <= images.len(), "a tile within the images");
        for (block, width) in planes.blocks() {
            for channel in (0..width).step_by(L::WIDTH) {
                for (j, transformed) in columns.iter_mut().enumerate() {
                    let mut column = [lanes.splat(0.0); K];
                    for (i, value) in column.iter_mut().enumerate() {
                        let place = start + i * row + j * pixel + block + channel;
                        // SAFETY: i, j < K and, in whole vectors, block + channel + WIDTH <= pixel, so it ends
                        // where the tile does at last.
                        *value = unsafe { lanes.load_at(images, place) };
                    }
                    *transformed = T::along(lanes, column);
                }
                for i in 0..N {
                    let mut values = [lanes.splat(0.0); K];
                    for (value, column) in values.iter_mut().zip(&columns) {
                        *value = column[i];
                    }
                    for (j, value) in T::along(lanes, values).into_iter().enumerate() {
                        let place =
                            (i * N + j) * plane + planes.tiles * block + t * width + channel;
                        // SAFETY: within one of N² planes, for t < tiles and, in whole vectors, channel + WIDTH <=
                        // width.
                        unsafe { lanes.store_at(to, place, value) };
                    }
                }
            }
        }
    }
}

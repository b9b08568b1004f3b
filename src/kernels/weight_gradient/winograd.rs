//! Convolution 3x3 at stride 1 with fewer multiplications: outer products of transformed tiles.

use std::ops::Range;

use super::{Call, add};
use crate::kernels::gather::Gathered;
use crate::kernels::outer::{Factors, Span, outer};
use crate::kernels::scratch::Scratch;
use crate::kernels::simd::Lanes;
use crate::kernels::source::Source;
use crate::kernels::split::{parts, whole_parts};
use crate::kernels::winograd::{Grid, Input, Planes, Scheme, Spread, transform, transform_back};

/// Tiles of a group of samples, about: so many products a weight are summed in registers, and those of one image
/// where it has more.
const GROUP_TILES: usize = 128;

/// Tiles of an image at a time, at most, which bounds the memory that large images take.
const MOST_TILES: usize = 512;

impl Call<'_, '_> {
    /// Computes it by a scheme.
    #[inline(always)]
    pub(super) fn winograd<
        L: Lanes,
        S: Scheme<M, K, N>,
        const M: usize,
        const K: usize,
        const N: usize,
    >(
        &mut self,
        lanes: L,
        samples: Range<usize>,
    ) {
        let shape = self.part.shape;
        let size = [shape.height, shape.width];
        let blocks = self.part.blocks;
        let channels = blocks[0].start..blocks[blocks.len() - 1].end;
        let outputs = Gathered::whole(size, shape.outputs).with_channels(channels);
        let grids = [
            Grid::new::<L>(Gathered::whole(size, shape.inputs), M, K),
            Grid::new::<L>(outputs, M, M),
        ];
        let Scratch { images, gradients, sums, .. } = &mut *self.scratch;
        for (buffer, grid) in [images, gradients].into_iter().zip(grids) {
            buffer.of_len(grid.image.len()).fill(0.0);
        }
        sums.of_len(N * N * shape.inputs * grids[1].image.pixel);
        let group = (GROUP_TILES / grids[0].tiles).max(1);
        for first in samples.clone().step_by(group) {
            let count = group.min(samples.end - first);
            for tiles in whole_parts(grids[0].tiles, MOST_TILES) {
                let adds = first > samples.start || tiles.start > 0;
                let planes =
                    self.planes::<L, S, M, K, N>(lanes, grids, first..first + count, tiles);
                self.products(lanes, N * N, planes, adds);
            }
        }
        let (mut from, mut to) = (0, 0);
        for block in blocks {
            let width = block.len().next_multiple_of(L::WIDTH);
            let row = shape.inputs * width;
            let sums = &self.scratch.sums[from..][..N * N * row];
            let numbers = &mut self.part.numbers[to..][..9 * row];
            transform_back::<S, M, K, N>(sums, (shape.inputs, width), self.part.adds, numbers);
            from += sums.len();
            to += numbers.len();
        }
    }

    /// Transforms some tiles of some samples: their inputs' planes, then their gradients', side by side.
    #[inline(always)]
    fn planes<L: Lanes, S: Scheme<M, K, N>, const M: usize, const K: usize, const N: usize>(
        &mut self,
        lanes: L,
        [of_inputs, of_outputs]: [Grid; 2],
        samples: Range<usize>,
        of_sample: Range<usize>,
    ) -> [Planes; 2] {
        let tiles = samples.len() * of_sample.len();
        let planes = [
            // A block's tiles stay in the first-level cache beside those of a block of outputs.
            Planes { tiles, channels: of_inputs.image.pixel, block: L::ROWS / 2 * L::WIDTH },
            Planes { tiles, channels: of_outputs.image.pixel, block: 2 * L::WIDTH },
        ];
        let Scratch { images, gradients, transformed, .. } = &mut *self.scratch;
        let lens = planes.map(|planes| N * N * planes.plane());
        let (inputs, outputs) = transformed.of_len(lens[0] + lens[1]).split_at_mut(lens[0]);
        let of_gradients = Source { pixels: self.gradients, normalise: None };
        for (i, sample) in samples.enumerate() {
            let at = i * of_sample.len();
            // Those of a large image are still there.
            if of_sample.start == 0 {
                of_inputs.image.fill(lanes, self.images, sample, images);
                of_outputs.image.fill(lanes, of_gradients, sample, gradients);
            }
            let (image, to) = ((&**images, of_inputs), (planes[0], at));
            transform::<L, Input<S, M>, K, N>(lanes, image, of_sample.clone(), to, inputs);
            let (image, to) = ((&**gradients, of_outputs), (planes[1], at));
            transform::<L, Spread<S, K>, M, N>(lanes, image, of_sample.clone(), to, outputs);
        }
        planes
    }

    /// The sums over tiles of outer products, for each block of outputs [place, input, output].
    #[inline(always)]
    fn products<L: Lanes>(
        &mut self,
        lanes: L,
        places: usize,
        [of_inputs, of_outputs]: [Planes; 2],
        adds: bool,
    ) {
        let inputs = self.part.shape.inputs;
        let Scratch { transformed, sums, between, .. } = &mut *self.scratch;
        let (from, gradients) = transformed.split_at(places * of_inputs.plane());
        let added = between.of_len(2 * L::ROWS * L::WIDTH);
        let tiles = of_inputs.tiles;
        for place in 0..places {
            for (input, padded) in of_inputs.blocks() {
                for (output, width) in of_outputs.blocks() {
                    let factors = Factors {
                        inputs: &from[place * of_inputs.plane() + tiles * input..],
                        input_step: padded,
                        outputs: &gradients[place * of_outputs.plane() + tiles * output..],
                        output_step: width,
                        pixels: tiles,
                    };
                    let start = places * inputs * output + (place * inputs + input) * width;
                    for rows in parts(padded.min(inputs - input), L::ROWS) {
                        let to = &mut sums[start + rows.start * width..][..rows.len() * width];
                        let size = (rows.len(), width / L::WIDTH);
                        let span = (&[Span { input: 0, output: 0 }][..], [rows.start, 0]);
                        if adds {
                            outer(lanes, size, factors, span, added);
                            add(lanes, &added[..to.len()], to);
                        } else {
                            outer(lanes, size, factors, span, to);
                        }
                    }
                }
            }
        }
    }
}

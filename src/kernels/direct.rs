//! Convolution by its definition.
//!
//! On wide maps a tile is a piece of an output row: taps above and below the image are skipped,
//! those left and right of it meet zeros. On narrow maps, and for fully connected layers, a tile is
//! one output pixel of several samples, so that every tap is real for the whole tile.

use std::ops::Range;

use super::aligned::LINE;
use super::gather::Gathered;
use super::pack::{Block, PackedWeights};
use super::scratch::Scratch;
use super::shape::ConvolutionShape;
use super::simd::{Kernel, Lanes};
use super::source::Source;
use super::split::{parts, whole_parts};
use super::target::{Target, Writer};
use super::tile::{Fetch, Operands, Places, Tap, multiply, multiply_places};

/// Output rows shorter than this are narrow.
const WIDE: usize = 8;

/// Bytes of the gathered images of a group of samples, so that they stay in the second-level cache
/// beside a block of weights.
pub(super) const GROUP_BYTES: usize = 256 << 10;

/// The same for a fully connected layer, of which only a panel's columns are read at a time.
const LINEAR_GROUP_BYTES: usize = 384 << 10;

/// Length of a chain of additions: 1 % slower than without bound, and at 256 channels a quarter of the
/// rounding error.
pub(super) const CHAIN: usize = 64;

/// Weights of a fully connected layer that are multiplied with all samples before the next: half of a
/// first-level cache. Of any vectors they are whole chains, which hence end at the same channels.
const PANEL: usize = 4096;

/// One call.
pub(super) struct Direct<'a, 'b> {
    pub(super) shape: ConvolutionShape,
    pub(super) weights: &'a PackedWeights<'a>,
    pub(super) bias: Option<&'a [f32]>,
    pub(super) source: Source<'a>,
    pub(super) target: Target<'a>,
    pub(super) scratch: &'b mut Scratch,
}

impl Kernel for Direct<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let samples = self.source.pixels.len() / self.shape.input_len();
        if self.shape.is_linear() {
            return self.linear(lanes, samples);
        }
        let wide = self.shape.output_size()[1] >= WIDE;
        let one = layout(self.shape, wide);
        let group = if wide { 1 } else { group_size::<L>(one, GROUP_BYTES) };
        self.scratch.images.of_len(Gathered { samples: group, ..one }.len()).fill(0.0);
        for range in parts(samples, group) {
            let images = Gathered { samples: range.len(), ..one };
            let buffer = self.scratch.images.of_len(images.len());
            images.fill(lanes, self.source, range.start, buffer);
            for block in self.weights.blocks() {
                if wide {
                    self.rows(lanes, images, block, range.start);
                } else {
                    self.columns(lanes, images, block, range.start);
                }
            }
        }
    }
}

/// Samples whose images take so many bytes, a multiple of the tile's rows.
pub(super) fn group_size<L: Lanes>(one: Gathered, bytes: usize) -> usize {
    L::ROWS * (bytes / (one.len() * size_of::<f32>() * L::ROWS)).clamp(1, 32)
}

/// The layout of one image; a 1x1 kernel leaves out the pixels that it strides over.
fn layout(shape: ConvolutionShape, wide: bool) -> Gathered {
    let size = [shape.height, shape.width];
    let layout = if wide {
        Gathered::whole(size, shape.inputs)
    } else {
        Gathered::interleaved(size, shape.inputs)
    };
    let every = if shape.kernel == 1 { shape.stride } else { 1 };
    layout.strided(every).with_columns(if wide { shape.padding() } else { 0 })
}

impl Direct<'_, '_> {
    /// The steps between windows over the gathered images.
    fn stride(&self) -> usize {
        if self.shape.kernel == 1 { 1 } else { self.shape.stride }
    }

    /// All output rows of one sample.
    #[inline(always)]
    fn rows<L: Lanes>(&mut self, lanes: L, images: Gathered, block: Block<'_>, sample: usize) {
        let (shape, stride) = (self.shape, self.stride());
        let [height, width] = shape.output_size();
        // Neighbouring pixels lie side by side, and so do their weights: a kernel row is one tap.
        let run = shape.kernel * shape.inputs;
        for y in 0..height {
            for columns in parts(width, L::ROWS) {
                self.scratch.taps.clear();
                self.scratch.taps.extend(shape.taps(y, shape.height).map(|i| Tap {
                    source: images.place(y * stride + i - shape.padding(), columns.start * stride),
                    weights: i * run * block.vectors * L::WIDTH,
                }));
                let pixels = Pixels {
                    first: (sample * height + y) * width + columns.start,
                    step: 1,
                    count: columns.len(),
                    sample,
                    sample_step: 0,
                };
                self.tile(lanes, (stride * images.pixel, run), block, pixels);
            }
        }
    }

    /// All output pixels of a group of samples.
    #[inline(always)]
    fn columns<L: Lanes>(&mut self, lanes: L, images: Gathered, block: Block<'_>, first: usize) {
        let (shape, stride) = (self.shape, self.stride());
        let [height, width] = shape.output_size();
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            for samples in parts(images.samples, L::ROWS) {
                let kernel_columns = shape.taps(x, shape.width);
                let taps = shape
                    .taps(y, shape.height)
                    .flat_map(|i| kernel_columns.clone().map(move |j| [i, j]));
                self.scratch.taps.clear();
                self.scratch.taps.extend(taps.map(|[i, j]| Tap {
                    source:
                        images.place(
                            y * stride + i - shape.padding(),
                            x * stride + j - shape.padding(),
                        ) + samples.start * images.pixel,
                    weights: (i * shape.kernel + j) * shape.inputs * block.vectors * L::WIDTH,
                }));
                let sample = first + samples.start;
                let pixels = Pixels {
                    first: (sample * height + y) * width + x,
                    step: height * width,
                    count: samples.len(),
                    sample,
                    sample_step: 1,
                };
                self.tile(lanes, (images.pixel, shape.inputs), block, pixels);
            }
        }
    }

    /// A fully connected layer.
    #[inline(always)]
    fn linear<L: Lanes>(&mut self, lanes: L, samples: usize) {
        let one = Gathered::interleaved([1, 1], self.shape.inputs);
        for range in parts(samples, group_size::<L>(one, LINEAR_GROUP_BYTES)) {
            let images = Gathered { samples: range.len(), ..one };
            let in_place = self.source.in_place(images, range.start);
            if in_place.is_none() {
                let buffer = self.scratch.images.of_len(images.len());
                images.fill(lanes, self.source, range.start, buffer);
            }
            for block in self.weights.blocks() {
                let width = block.vectors * L::WIDTH;
                let Scratch { images: copied, sums, .. } = &mut *self.scratch;
                let sums = sums.of_len(range.len() * width);
                let source = in_place.unwrap_or(copied);
                linear_block(lanes, (source, images), block, sums);
                self.write(lanes, block, range.clone());
            }
        }
    }

    /// Writes what a block gives to samples.
    #[inline(always)]
    fn write<L: Lanes>(&mut self, lanes: L, block: Block<'_>, samples: Range<usize>) {
        let (width, outputs) = (block.vectors * L::WIDTH, self.shape.outputs);
        for channel in (0..width).step_by(L::WIDTH) {
            let start = block.first + channel;
            let channels = start..outputs.min(start + L::WIDTH);
            let mut writer = Writer::new(lanes, &mut self.target, self.bias, channels, outputs);
            for (sample, sums) in samples.clone().zip(self.scratch.sums.chunks_exact(width)) {
                writer.sample(sample);
                writer.put(sample, lanes.load(&sums[channel..]));
            }
            writer.close();
        }
    }

    #[inline(always)]
    fn tile<L: Lanes>(
        &mut self,
        lanes: L,
        (step, channels): (usize, usize),
        block: Block<'_>,
        pixels: Pixels,
    ) {
        let Scratch { images, taps, sums, .. } = &mut *self.scratch;
        let width = block.vectors * L::WIDTH;
        let sums = sums.of_len(pixels.count * width);
        let operands = Operands {
            source: images,
            step,
            channels,
            weights: block.weights,
            chain: CHAIN,
            adds: false,
        };
        multiply(lanes, (pixels.count, block.vectors), operands, taps, sums);
        let outputs = self.shape.outputs;
        for channel in (0..width).step_by(L::WIDTH) {
            let start = block.first + channel;
            let channels = start..outputs.min(start + L::WIDTH);
            let mut writer = Writer::new(lanes, &mut self.target, self.bias, channels, outputs);
            for p in 0..pixels.count {
                writer.sample(pixels.sample + p * pixels.sample_step);
                let sums = lanes.load(&sums[p * width + channel..]);
                writer.put(pixels.first + p * pixels.step, sums);
            }
            writer.close();
        }
    }
}

/// The sums of all samples, [sample, output] of a block: so many channels at a time that their weights stay
/// in the first-level cache.
#[inline(always)]
pub(super) fn linear_block<L: Lanes>(
    lanes: L,
    (source, images): (&[f32], Gathered),
    block: Block<'_>,
    sums: &mut [f32],
) {
    const { assert!((PANEL / (2 * L::WIDTH)).is_multiple_of(CHAIN)) };
    let width = block.vectors * L::WIDTH;
    for channels in whole_parts(images.channels, PANEL / (2 * L::WIDTH)) {
        let first = channels.start * block.step;
        let next = channels.len() * block.step;
        let fetch = if block.step == width {
            // The next panel is one piece, line by line.
            let apart = [channels.len() * LINE, LINE];
            Fetch { tiles: PANEL.div_ceil(apart[0]), first: next, apart }
        } else if channels.end < images.channels {
            // It has a piece of each row, which starts and ends within lines.
            Fetch { tiles: width / LINE + 1, first: next, apart: [LINE, block.step] }
        } else {
            Fetch::default()
        };
        let operands = Operands {
            source: &source[channels.start..],
            step: images.pixel,
            channels: channels.len(),
            weights: &block.weights[first..],
            chain: CHAIN,
            adds: channels.start > 0,
        };
        let places = Places {
            count: 1,
            rows: images.samples,
            apart: [0; 3],
            weight_step: block.step,
            fetch,
            coming: [&[]; 3],
        };
        multiply_places(lanes, (places, block.vectors), operands, sums);
    }
}

/// The output pixels of a tile.
#[derive(Debug, Clone, Copy)]
struct Pixels {
    /// Index of the first one in [n, h, w].
    first: usize,
    /// From one to the next.
    step: usize,
    /// How many.
    count: usize,
    /// The sample of the first one.
    sample: usize,
    /// From one to the next: 0 within a sample.
    sample_step: usize,
}

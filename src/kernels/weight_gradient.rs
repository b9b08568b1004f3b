//! The gradient with respect to the weights of a convolution.

use super::gather::Gathered;
use super::outer::{Factors, Span, outer};
use super::scratch::Scratch;
use super::shape::ConvolutionShape;
use super::simd::{InstructionSet, Kernel, Lanes};
use super::source::Source;
use super::split::parts;

/// Products a weight that are summed in registers before they are added to the gradient, at least: else
/// reading and writing the gradient would take longer than the products.
const PRODUCTS: usize = 512;

/// Output rows shorter than this are narrow.
const WIDE: usize = 8;

/// Adds dL/dW[i, j, c, k], the sum over samples and output pixels of x[y s + i - p, x s + j - p, c] times
/// dL/dy[y, x, k], to `gradient` [k, k, inputs, outputs].
///
/// Samples are added in their order, in groups that the shape fixes, so the bits depend on the samples
/// of the call: whoever shares a batch among threads gives each part a gradient of its own, cuts the
/// parts by a rule that does not know the threads, and adds the gradients in order.
pub fn weight_gradient(
    instructions: InstructionSet,
    shape: ConvolutionShape,
    images: Source<'_>,
    outputs: Source<'_>,
    gradient: &mut [f32],
    scratch: &mut Scratch,
) {
    let samples = images.pixels.len() / shape.input_len();
    assert_eq!(outputs.pixels.len(), samples * shape.output_len(), "gradients of {shape:?}");
    assert_eq!(gradient.len(), shape.weight_len(), "weights of {shape:?}");
    instructions.run(WeightGradient { shape, images, outputs, gradient, scratch });
}

struct WeightGradient<'a, 'b> {
    shape: ConvolutionShape,
    images: Source<'a>,
    outputs: Source<'a>,
    gradient: &'a mut [f32],
    scratch: &'b mut Scratch,
}

impl Kernel for WeightGradient<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let samples = self.images.pixels.len() / self.shape.input_len();
        let [images, outputs] = layouts::<L>(self.shape);
        let ConvolutionShape { kernel, .. } = self.shape;
        let products = self.shape.needed_multiplications() / self.shape.weight_len();
        let group = PRODUCTS.div_ceil(products.max(1)).min(samples);
        let Scratch { images: to_images, transformed: to_outputs, .. } = &mut *self.scratch;
        to_images.of_len(group * images.len()).fill(0.0);
        to_outputs.of_len(group * outputs.len()).fill(0.0);
        for first in (0..samples).step_by(group) {
            let count = group.min(samples - first);
            let Scratch { images: to_images, transformed: to_outputs, .. } = &mut *self.scratch;
            for i in 0..count {
                images.fill(lanes, self.images, first + i, &mut to_images[i * images.len()..]);
                outputs.fill(lanes, self.outputs, first + i, &mut to_outputs[i * outputs.len()..]);
            }
            let columns = if images.border == [0, 0] { 1 } else { kernel };
            for i in 0..kernel {
                for j in (0..kernel).step_by(columns) {
                    self.taps(lanes, [images, outputs], count, Taps { i, j, columns });
                }
            }
        }
    }
}

/// Of one image, on wide maps with zeros left and right, and of one gradient, in whole vectors.
fn layouts<L: Lanes>(shape: ConvolutionShape) -> [Gathered; 2] {
    let images = Gathered::whole([shape.height, shape.width], shape.inputs);
    let outputs = Gathered::whole(shape.output_size(), shape.outputs);
    let columns = if outputs.width >= WIDE { shape.padding() } else { 0 };
    let pixel = shape.outputs.next_multiple_of(L::WIDTH);
    [images.with_columns(columns), Gathered { pixel, ..outputs }]
}

/// Taps side by side in row `i` of the kernel, from column `j` on; their channels lie side by side in the
/// images, too. All columns if there are zeros left and right, else one.
#[derive(Clone, Copy)]
struct Taps {
    i: usize,
    j: usize,
    columns: usize,
}

impl WeightGradient<'_, '_> {
    #[inline(always)]
    fn taps<L: Lanes>(
        &mut self,
        lanes: L,
        [images, outputs]: [Gathered; 2],
        samples: usize,
        taps: Taps,
    ) {
        let ConvolutionShape { stride, kernel, inputs, .. } = self.shape;
        let pixels = self.collect_spans([images, outputs], samples, taps);
        let Scratch { images: from_images, transformed, spans, sums, .. } = &mut *self.scratch;
        let factors = Factors {
            inputs: from_images,
            input_step: stride * images.pixel,
            outputs: transformed,
            output_step: outputs.pixel,
            pixels,
        };
        let first = (taps.i * kernel + taps.j) * inputs;
        for column in (0..outputs.pixel).step_by(2 * L::WIDTH) {
            let width = (outputs.pixel - column).min(2 * L::WIDTH);
            for rows in parts(taps.columns * inputs, L::ROWS) {
                let sums = sums.of_len(rows.len() * width);
                let at = [rows.start, column];
                outer(lanes, (rows.len(), width / L::WIDTH), factors, (spans, at), sums);
                let gradient = &mut self.gradient[(first + rows.start) * self.shape.outputs..];
                let rows = gradient.chunks_exact_mut(self.shape.outputs);
                for (row, sums) in rows.zip(sums.chunks_exact(width)) {
                    add(lanes, &mut row[column..], sums);
                }
            }
        }
    }

    /// The output rows that the taps reach, for all samples of the group; returns the pixels of each.
    fn collect_spans(
        &mut self,
        [images, outputs]: [Gathered; 2],
        samples: usize,
        Taps { i, j, .. }: Taps,
    ) -> usize {
        let shape = self.shape;
        let [rows, mut columns] = [shape.reached(i, shape.height), shape.reached(j, shape.width)];
        if images.border != [0, 0] {
            columns = 0..outputs.width;
        }
        let spans = &mut self.scratch.spans;
        spans.clear();
        for sample in 0..samples {
            spans.extend(rows.clone().map(|y| {
                let row = y * shape.stride + i - shape.padding();
                let column = columns.start * shape.stride + j + images.border[1] - shape.padding();
                Span {
                    input: sample * images.len() + images.place(row, column),
                    output: sample * outputs.len() + outputs.place(y, columns.start),
                }
            }));
        }
        columns.len()
    }
}

/// Adds as many numbers as `to` has room for.
#[inline(always)]
fn add<L: Lanes>(lanes: L, to: &mut [f32], sums: &[f32]) {
    let len = to.len().min(sums.len());
    for (to, sums) in to[..len].chunks_mut(L::WIDTH).zip(sums.chunks_exact(L::WIDTH)) {
        let sum = lanes.add(lanes.load_part(to), lanes.load(sums));
        lanes.store_part(to, sum);
    }
}

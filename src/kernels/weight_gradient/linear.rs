//! A fully connected layer: its factors, and rows of their product as they are read.
//!
//! A product that is written, read again, multiplied and written as theta has it takes a third as long again.

use std::ops::Range;

use super::cut::Cut;
use super::{BLOCK, PRODUCTS, add, outputs};
use crate::kernels::aligned::{Aligned, LINE};
use crate::kernels::gather::Gathered;
use crate::kernels::outer::{Factors, Span, outer};
use crate::kernels::shape::ConvolutionShape;
use crate::kernels::simd::{Kernel, Lanes};
use crate::kernels::source::Source;
use crate::kernels::split::{parts, whole_parts};
use crate::precision::Number;

/// Inputs whose products are computed together, from the first-level cache: whole tiles for any instruction set
/// but AVX-512.
pub(super) const PANEL: usize = 48;

/// Bytes of a cache line.
const LINE_BYTES: usize = LINE * size_of::<f32>();

/// Inputs and output gradients of a batch, or of several whose products are added up.
#[derive(Debug, Clone, Default)]
pub(super) struct LinearFactors {
    terms: Vec<Term>,
    /// How many of them there are; others are memory.
    count: usize,
}

#[derive(Debug, Clone, Default)]
struct Term {
    samples: usize,
    /// Panels [sample, input].
    inputs: Aligned,
    /// Blocks [sample, output], in whole vectors.
    outputs: Aligned,
}

/// Whole panels, or whole blocks, that are copied.
#[derive(Debug)]
pub(super) struct FactorsPart<'a> {
    pub(super) shape: ConvolutionShape,
    pub(super) samples: usize,
    side: Side,
    columns: Range<usize>,
    numbers: &'a mut [f32],
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Inputs,
    Outputs,
}

impl LinearFactors {
    /// The work on a batch, shared by so many threads; added to what is there or not.
    pub(super) fn parts(
        &mut self,
        cut: Cut,
        (samples, threads): (usize, usize),
        adds: bool,
    ) -> Vec<FactorsPart<'_>> {
        let Cut { shape, width, .. } = cut;
        self.count = if adds { self.count + 1 } else { 1 };
        self.terms.resize_with(self.count.max(self.terms.len()), Term::default);
        let term = &mut self.terms[self.count - 1];
        term.samples = samples;
        let padded = shape.outputs.next_multiple_of(width);
        let sides = [
            (Side::Inputs, (shape.inputs, shape.inputs), PANEL, &mut term.inputs),
            (Side::Outputs, (shape.outputs, padded), 2 * width, &mut term.outputs),
        ];
        let mut all = Vec::new();
        for (side, (len, padded), together, numbers) in sides {
            let columns = len.div_ceil(threads.max(1)).next_multiple_of(together);
            let numbers = numbers.of_len(samples * padded).chunks_mut(samples * columns);
            let parts = whole_parts(len, columns).zip(numbers);
            all.extend(parts.map(|(columns, numbers)| FactorsPart {
                shape,
                samples,
                side,
                columns,
                numbers,
            }));
        }
        all
    }

    /// Writes `factor` times rows of the product, from `first` on.
    #[inline(always)]
    pub(super) fn read<L: Lanes, T: Number>(
        &self,
        lanes: L,
        (shape, blocks): (ConvolutionShape, &[Range<usize>]),
        factor: f64,
        first: usize,
        gradient: &mut [T],
    ) {
        let ConvolutionShape { inputs, outputs, .. } = shape;
        assert!(self.count > 0, "a gradient of {shape:?} that was not computed");
        let last = first + gradient.len() / outputs;
        let mut sums = [[0.0; PANEL * BLOCK]; 2];
        for panel in (first / PANEL * PANEL..last).step_by(PANEL) {
            let rows = first.max(panel)..last.min(panel + PANEL);
            let panel = panel..inputs.min(panel + PANEL);
            for block in blocks {
                // What is written when the sums are done has come by then.
                for row in rows.clone() {
                    let at = (row - first) * outputs + block.start;
                    let lines = (0..block.len()).step_by(LINE_BYTES / size_of::<T>());
                    for place in lines.chain([block.len() - 1]) {
                        lanes.prefetch_far(gradient, at + place);
                    }
                }
                self.sum(lanes, [&panel, block, &rows], &mut sums);
                let width = block.len().next_multiple_of(L::WIDTH);
                for (row, sums) in rows.clone().zip(sums[0].chunks_exact(width)) {
                    let to = &mut gradient[(row - first) * outputs..][block.clone()];
                    T::scale(&sums[..to.len()], factor, L::FUSED, to);
                }
            }
        }
    }

    /// The first `sums[row, output]` of some rows of a panel and a block; the second ones are room.
    #[inline(always)]
    fn sum<L: Lanes>(
        &self,
        lanes: L,
        [panel, block, rows]: [&Range<usize>; 3],
        [sums, others]: &mut [[f32; PANEL * BLOCK]; 2],
    ) {
        let (input_step, output_step) = (panel.len(), block.len().next_multiple_of(L::WIDTH));
        let mut adds = false;
        for Term { samples, inputs, outputs } in &self.terms[..self.count] {
            let inputs = &inputs[samples * panel.start..][..samples * input_step];
            let outputs = &outputs[samples * block.start..][..samples * output_step];
            for some in whole_parts(*samples, PRODUCTS) {
                let pixels = some.len();
                let factors = Factors { inputs, input_step, outputs, output_step, pixels };
                let (input, output) = (some.start * input_step, some.start * output_step);
                let span = [Span { input, output }];
                let to = if adds { &mut *others } else { &mut *sums };
                for tile in parts(rows.len(), L::ROWS) {
                    let at = [rows.start + tile.start - panel.start, 0];
                    let size = (tile.len(), output_step / L::WIDTH);
                    outer(lanes, size, factors, (&span, at), &mut to[tile.start * output_step..]);
                }
                if adds {
                    add(lanes, &others[..rows.len() * output_step], sums);
                }
                adds = true;
            }
        }
    }
}

/// Copies a part.
pub(super) struct CopyFactors<'a, 'b> {
    pub(super) part: FactorsPart<'b>,
    pub(super) images: Source<'a>,
    pub(super) gradients: &'a [f32],
}

impl Kernel for CopyFactors<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let FactorsPart { shape, samples, side, columns, mut numbers } = self.part;
        let gradients = Source { pixels: self.gradients, normalise: None };
        let together = match side {
            Side::Inputs => PANEL,
            Side::Outputs => 2 * L::WIDTH,
        };
        for some in whole_parts(columns.len(), together) {
            let some = columns.start + some.start..columns.start + some.end;
            let (one, source) = match side {
                Side::Inputs => {
                    (Gathered::whole([1, 1], shape.inputs).with_channels(some), self.images)
                }
                Side::Outputs => (outputs::<L>(shape, some), gradients),
            };
            let layout = Gathered { samples, ..one };
            let (to, others) = numbers.split_at_mut(layout.len());
            numbers = others;
            if layout.pixel > layout.channels {
                to.fill(0.0);
            }
            layout.fill(lanes, source, 0, to);
        }
    }
}

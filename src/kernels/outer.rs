//! The register tile of weight gradients: sums of outer products over pixels.

#![expect(unsafe_code, reason = "a look at what each pixel reads would take a fifth of the time")]

use std::sync::atomic::{Ordering, compiler_fence};

use super::simd::{Kernel, Lanes};

/// A row of output pixels: where its inputs and its output gradients start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) input: usize,
    pub(super) output: usize,
}

/// Inputs and output gradients of some samples.
#[derive(Debug, Clone, Copy)]
pub(super) struct Factors<'a> {
    pub(super) inputs: &'a [f32],
    /// From the inputs of a pixel to those of the next.
    pub(super) input_step: usize,
    pub(super) outputs: &'a [f32],
    /// From the gradients of a pixel to those of the next.
    pub(super) output_step: usize,
    /// Pixels of a span.
    pub(super) pixels: usize,
}

/// `sums[input, output]` = the sum over the pixels of all spans of inputs, from `at[0]` on, times
/// gradients, from `at[1]` on, for up to `L::ROWS` inputs and 1 or 2 vectors of outputs.
#[inline(always)]
pub(super) fn outer<L: Lanes>(
    lanes: L,
    (rows, vectors): (usize, usize),
    factors: Factors<'_>,
    (spans, at): (&[Span], [usize; 2]),
    sums: &mut [f32],
) {
    if vectors == 1 {
        return outer_vectors::<L, 1>(lanes, rows, factors, (spans, at), sums);
    }
    outer_vectors::<L, 2>(lanes, rows, factors, (spans, at), sums);
}

#[inline(always)]
fn outer_vectors<L: Lanes, const V: usize>(
    lanes: L,
    rows: usize,
    factors: Factors<'_>,
    spans: (&[Span], [usize; 2]),
    sums: &mut [f32],
) {
    /// A tile of known size for each number of rows; those that `L` has no registers for vanish.
    macro_rules! of_rows {
        ($($rows:literal)*) => {
            match rows {
                $($rows if const { $rows <= L::ROWS } => lanes.run(Tile::<$rows, V> { factors, spans, sums }),)*
                _ => unreachable!("{rows} rows in a tile"),
            }
        };
    }
    of_rows!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
}

/// One tile: a function of its own, which has all registers.
struct Tile<'a, 'b, const P: usize, const V: usize> {
    factors: Factors<'a>,
    spans: (&'a [Span], [usize; 2]),
    sums: &'b mut [f32],
}

impl<const P: usize, const V: usize> Kernel for Tile<'_, '_, P, V> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        fixed::<L, P, V>(lanes, self.factors, self.spans, self.sums);
    }
}

#[inline(always)]
fn fixed<L: Lanes, const P: usize, const V: usize>(
    lanes: L,
    Factors { inputs, input_step, outputs, output_step, pixels }: Factors<'_>,
    (spans, [row, column]): (&[Span], [usize; 2]),
    sums: &mut [f32],
) {
    let mut tile = [[lanes.splat(0.0); V]; P];
    let spans = if pixels == 0 { &[] } else { spans };
    for span in spans {
        let inputs = &inputs[span.input + row..][..(pixels - 1) * input_step + P];
        let outputs = &outputs[span.output + column..][..(pixels - 1) * output_step + V * L::WIDTH];
        for pixel in 0..pixels {
            let (input, output) = (pixel * input_step, pixel * output_step);
            // SAFETY: what the last pixel reads ends where the slices end.
            let inputs = unsafe { inputs.get_unchecked(input..input + P) };
            // SAFETY: as above.
            let outputs = unsafe { outputs.get_unchecked(output..output + V * L::WIDTH) };
            let mut vectors = [lanes.splat(0.0); V];
            for (vector, outputs) in vectors.iter_mut().zip(outputs.chunks_exact(L::WIDTH)) {
                *vector = lanes.load(outputs);
            }
            for (sums, &input) in tile.iter_mut().zip(inputs) {
                let factor = lanes.splat(input);
                for (sum, &vector) in sums.iter_mut().zip(&vectors) {
                    *sum = lanes.mul_add(factor, vector, *sum);
                }
                // The compiler would load all factors first and spill the sums.
                compiler_fence(Ordering::SeqCst);
            }
        }
    }
    let places = sums[..P * V * L::WIDTH].chunks_exact_mut(L::WIDTH);
    for (place, &sum) in places.zip(tile.as_flattened()) {
        lanes.store(place, sum);
    }
}

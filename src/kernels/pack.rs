//! Weights in the order that the register tile reads them.

use super::aligned::Aligned;
use super::simd::{InstructionSet, Kernel, Lanes};

/// Rows that are copied together, so that those of all blocks are read once.
const ROWS: usize = 16;

/// Rows and columns of a square that is turned around.
const TURNED: usize = 8;

/// Blocks of outputs, each [tap, channel, output], of two vectors or, the last one, as few as hold
/// the rest; zeros fill it up. Blocks of two vectors may stand in weights [row, output] that are not packed.
#[derive(Debug, Clone)]
pub(super) struct PackedWeights<'a> {
    numbers: Aligned,
    width: usize,
    rows: usize,
    outputs: usize,
    /// Those that blocks stand in.
    standing: Option<&'a [f32]>,
}

/// One block of outputs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    /// [tap, channel, output].
    pub(super) weights: &'a [f32],
    /// From a channel's outputs to the next one's: the width or, where it stands, all outputs.
    pub(super) step: usize,
    /// The first output.
    pub(super) first: usize,
    /// Vectors of outputs.
    pub(super) vectors: usize,
    /// Outputs, in whole vectors.
    pub(super) width: usize,
}

impl<'a> PackedWeights<'a> {
    /// Room for `rows` rows of `outputs`, in vectors of `width`; a row for each tap and channel.
    pub(super) fn zeros(rows: usize, outputs: usize, width: usize) -> Self {
        let numbers = Aligned::zeros(rows * outputs.next_multiple_of(width));
        Self { numbers, width, rows, outputs, standing: None }
    }

    /// The memory alone, for other weights.
    pub(super) fn emptied<'b>(self) -> PackedWeights<'b> {
        let Self { numbers, width, rows, outputs, .. } = self;
        PackedWeights { numbers, width, rows, outputs, standing: None }
    }

    /// Outputs of the blocks that stand.
    fn standing_outputs(&self) -> usize {
        let block = 2 * self.width;
        self.standing.map_or(0, |_| self.outputs / block * block)
    }

    /// Calls `write` with each block and its first output; none stands any more.
    #[inline(always)]
    pub(super) fn fill(&mut self, write: impl FnMut(usize, &mut [f32])) {
        self.standing = None;
        self.fill_packed(write);
    }

    #[inline(always)]
    fn fill_packed(&mut self, mut write: impl FnMut(usize, &mut [f32])) {
        let &mut Self { width, rows, outputs, .. } = self;
        for first in (self.standing_outputs()..outputs).step_by(2 * width) {
            let block = (outputs - first).min(2 * width).next_multiple_of(width);
            write(first, &mut self.numbers[rows * first..][..rows * block]);
        }
    }

    /// Has blocks stand in weights [rows, outputs], and packs what is left of each row.
    pub(super) fn stand(&mut self, weights: &'a [f32]) {
        self.standing = Some(weights);
        self.copy_rows(weights);
    }

    /// Packs weights [rows, outputs].
    pub(super) fn copy(&mut self, weights: &[f32]) {
        self.standing = None;
        self.copy_rows(weights);
    }

    fn copy_rows(&mut self, weights: &[f32]) {
        let &mut Self { rows, outputs, .. } = self;
        for first_row in (0..rows).step_by(ROWS) {
            let count = ROWS.min(rows - first_row);
            let from = &weights[first_row * outputs..][..count * outputs];
            self.fill_packed(|first, block| {
                let width = block.len() / rows;
                let to = &mut block[first_row * width..][..count * width];
                match width {
                    32 if first + 32 <= outputs => copy_columns::<32>(from, (first, outputs), to),
                    16 if first + 16 <= outputs => copy_columns::<16>(from, (first, outputs), to),
                    _ => {
                        let some = width.min(outputs - first);
                        let rows = from.chunks_exact(outputs);
                        for (to, from) in to.chunks_exact_mut(width).zip(rows) {
                            to[..some].copy_from_slice(&from[first..][..some]);
                        }
                    }
                }
            });
        }
    }

    /// Packs weights [tap, output, row] for rows [tap, row], the taps in reverse order if so asked.
    pub(super) fn copy_transposed(
        &mut self,
        instructions: InstructionSet,
        (weights, taps): (&[f32], usize),
        reverses: bool,
    ) {
        instructions.run(CopyTransposed { packed: self, weights, taps, reverses });
    }

    /// The blocks, in the order of outputs.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Block<'_>> {
        let (&Self { width, rows, outputs, standing, .. }, stand) = (self, self.standing_outputs());
        (0..outputs).step_by(2 * width).map(move |first| {
            let vectors = (outputs - first).min(2 * width).div_ceil(width);
            let width = vectors * width;
            let packed = &self.numbers[rows * first..][..rows * width];
            let (weights, step) = match standing {
                Some(weights) if first < stand => (&weights[first..], outputs),
                _ => (packed, width),
            };
            Block { weights, step, first, vectors, width }
        })
    }
}

/// Some columns of [rows, `all`] from `first` on.
fn copy_columns<const N: usize>(from: &[f32], (first, all): (usize, usize), to: &mut [f32]) {
    for (to, from) in to.as_chunks_mut::<N>().0.iter_mut().zip(from.chunks_exact(all)) {
        if let Some(from) = from[first..].first_chunk() {
            *to = *from;
        }
    }
}

/// One call of [`PackedWeights::copy_transposed`].
struct CopyTransposed<'a, 'b> {
    packed: &'a mut PackedWeights<'b>,
    weights: &'a [f32],
    taps: usize,
    reverses: bool,
}

impl Kernel for CopyTransposed<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { packed, weights, taps, reverses } = self;
        let &mut PackedWeights { rows, outputs, .. } = packed;
        let length = rows / taps;
        packed.fill(
            #[inline(always)]
            |first, block| {
                let width = block.len() / rows;
                let columns = first..outputs.min(first + width);
                for (tap, to) in block.chunks_exact_mut(length * width).enumerate() {
                    let tap = if reverses { taps - 1 - tap } else { tap };
                    let from = &weights[tap * outputs * length..];
                    let from = &from[first * length..][..columns.len() * length];
                    transpose(lanes, (from, length), (to, width));
                }
            },
        );
    }
}

/// Columns of `length` numbers, one after the other, side by side in rows of `width`.
#[inline(always)]
fn transpose<L: Lanes>(
    lanes: L,
    (from, length): (&[f32], usize),
    (to, width): (&mut [f32], usize),
) {
    let whole = [length, from.len() / length].map(|len| len / TURNED * TURNED);
    for row in (0..whole[0]).step_by(TURNED) {
        for column in (0..whole[1]).step_by(TURNED) {
            let place = column * length + row;
            lanes.turn((&from[place..], length), (&mut to[row * width + column..], width));
        }
    }
    for (column, numbers) in from.chunks_exact(length).enumerate() {
        let first = if column < whole[1] { whole[0] } else { 0 };
        for (row, &x) in numbers.iter().enumerate().skip(first) {
            to[row * width + column] = x;
        }
    }
}

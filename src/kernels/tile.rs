//! The register tile: sums of products for a few rows (pixels or samples) and two vectors of outputs.

#![expect(unsafe_code, reason = "a row's length is looked at once")]

use std::array;
use std::hint::black_box;
use std::slice;
use std::sync::atomic::{Ordering, compiler_fence};

use super::aligned::LINE;
use super::simd::{Kernel, Lanes};
use super::split::{parts, whole_parts};

/// Channels from one look at whether they end to the next: with a look at each, layers took some percent longer.
const UNROLL: usize = 4;

/// Where one tap of the kernel reads: its first row, and its weights [channel, output].
#[derive(Debug, Clone, Copy)]
pub(super) struct Tap {
    pub(super) source: usize,
    pub(super) weights: usize,
}

/// The operands of one tile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operands<'a> {
    /// Holds all rows.
    pub(super) source: &'a [f32],
    /// From one row of the tile to the next.
    pub(super) step: usize,
    /// Numbers of a row to be multiplied.
    pub(super) channels: usize,
    /// [channel, output], of each channel 1 or 2 vectors of outputs.
    pub(super) weights: &'a [f32],
    /// About so many products are added up in a register before their sum is added to others: rounding
    /// errors grow with the square root of it, not of all products.
    pub(super) chain: usize,
    /// To what stands in the sums.
    pub(super) adds: bool,
}

/// `sums[row, output]` = (or, if `adds`, +=) the sum over taps and channels of row times weight, for up to `L::ROWS` rows
/// and 1 or 2 vectors of outputs. The order of additions does not depend on the number of rows.
#[inline(always)]
pub(super) fn multiply<L: Lanes>(
    lanes: L,
    (rows, vectors): (usize, usize),
    operands: Operands<'_>,
    taps: &[Tap],
    sums: &mut [f32],
) {
    if vectors == 1 {
        return lanes.run(Multiply::<1> { rows, operands, taps, sums });
    }
    lanes.run(Multiply::<2> { rows, operands, taps, sums });
}

/// Any number of rows at each of some places.
pub(super) struct Places<'a> {
    pub(super) count: usize,
    /// Of a place.
    pub(super) rows: usize,
    /// How far the rows, weights and sums of a place are from those of the one before.
    pub(super) apart: [usize; 3],
    /// From one channel's weights to the next one's: as many as a block has, or more where two vectors are read of wider
    /// rows.
    pub(super) weight_step: usize,
    /// What the first tiles of a place fetch ahead.
    pub(super) fetch: Fetch,
    /// Numbers that are read or written soon: between tiles a part of them is fetched into the second-level cache, while
    /// the products leave the way from memory free.
    pub(super) coming: [&'a [f32]; 3],
}

/// Numbers that are fetched a part at a time.
struct Coming<'a> {
    numbers: &'a [f32],
    next: usize,
    each: usize,
}

impl<'a> Coming<'a> {
    /// In so many parts.
    #[inline(always)]
    fn new(numbers: &'a [f32], parts: usize) -> Self {
        Self { numbers, next: 0, each: numbers.len().div_ceil(LINE * parts.max(1)) * LINE }
    }

    /// Apart from the tiles, whose loops it would be compiled into.
    #[inline(never)]
    fn fetch<L: Lanes>(&mut self, lanes: L) {
        let end = self.numbers.len().min(self.next + self.each);
        while self.next < end {
            lanes.prefetch_far(self.numbers, self.next);
            self.next += LINE;
        }
    }
}

/// Weights that are fetched into the second-level cache, a line for each channel of a tile.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fetch {
    /// How many tiles do so.
    pub(super) tiles: usize,
    /// Where the first tile's first line is.
    pub(super) first: usize,
    /// How far a tile's lines are from those of the one before, and a channel's line from the one before.
    pub(super) apart: [usize; 2],
}

impl Fetch {
    /// Of a tile.
    #[inline(always)]
    fn of(self, tile: usize) -> Option<Ahead> {
        let [of_tile, of_channel] = self.apart;
        (tile < self.tiles)
            .then_some(Ahead { first: self.first + tile * of_tile, apart: of_channel })
    }
}

/// Lines that one tile fetches, the first one and how far the next is.
#[derive(Clone, Copy)]
struct Ahead {
    first: usize,
    apart: usize,
}

/// How a tile goes over weights.
#[derive(Clone, Copy)]
struct Course {
    /// From one channel's to the next one's.
    step: usize,
    ahead: Option<Ahead>,
}

/// The products of [`multiply`], at each place.
#[inline(always)]
pub(super) fn multiply_places<L: Lanes>(
    lanes: L,
    (places, vectors): (Places<'_>, usize),
    operands: Operands<'_>,
    sums: &mut [f32],
) {
    // The step is known where tiles are compiled but in this case: else ResNet-56's line took 10.1 s for 9.2.
    if places.weight_step != vectors * L::WIDTH {
        assert_eq!(vectors, 2, "vectors of wider rows");
        return lanes.run(MultiplyPlaces::<2, true> { places, operands, sums });
    }
    if vectors == 1 {
        return lanes.run(MultiplyPlaces::<1, false> { places, operands, sums });
    }
    lanes.run(MultiplyPlaces::<2, false> { places, operands, sums });
}

/// A function of its own, as the next: inlined wherever they are called, tiles took longer to compile than all else.
struct Multiply<'a, const V: usize> {
    rows: usize,
    operands: Operands<'a>,
    taps: &'a [Tap],
    sums: &'a mut [f32],
}

impl<const V: usize> Kernel for Multiply<'_, V> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { rows, operands, taps, sums } = self;
        let course = Course { step: V * L::WIDTH, ahead: None };
        multiply_vectors::<L, V, false>(lanes, (rows, course), operands, taps, sums);
    }
}

/// Of many tiles, because one of few channels takes little longer than a call; `APART` says that weights are read of wider
/// rows than they fill.
struct MultiplyPlaces<'a, const V: usize, const APART: bool> {
    places: Places<'a>,
    operands: Operands<'a>,
    sums: &'a mut [f32],
}

impl<const V: usize, const APART: bool> Kernel for MultiplyPlaces<'_, V, APART> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { places, operands, sums } = self;
        let Places { count, rows, apart, weight_step, fetch, coming } = places;
        let [source, weights, sum] = apart;
        let all = parts(rows, L::ROWS);
        let tiles = count * rows.div_ceil(L::ROWS);
        let mut coming = coming.map(|numbers| Coming::new(numbers, tiles));
        for place in 0..count {
            for (tile, rows) in all.clone().enumerate() {
                let source = place * source + rows.start * operands.step;
                let tap = Tap { source, weights: place * weights };
                for coming in coming.iter_mut().filter(|coming| coming.next < coming.numbers.len())
                {
                    coming.fetch(lanes);
                }
                let sums = &mut sums[place * sum + rows.start * V * L::WIDTH..];
                let course = Course { step: weight_step, ahead: fetch.of(tile) };
                let size = (rows.len(), course);
                multiply_vectors::<L, V, APART>(lanes, size, operands, &[tap], sums);
            }
        }
    }
}

#[inline(always)]
fn multiply_vectors<L: Lanes, const V: usize, const APART: bool>(
    lanes: L,
    (rows, course): (usize, Course),
    operands: Operands<'_>,
    taps: &[Tap],
    sums: &mut [f32],
) {
    /// A tile of known size for each number of rows; those that `L` has no registers for vanish.
    macro_rules! of_rows {
        ($($rows:literal)*) => {
            match rows {
                $($rows if const { $rows <= L::ROWS } => {
                    fixed::<L, $rows, V, APART>(lanes, operands, (taps, course), sums);
                })*
                _ => unreachable!("{rows} rows in a tile"),
            }
        };
    }
    of_rows!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
}

#[inline(always)]
fn fixed<L: Lanes, const P: usize, const V: usize, const APART: bool>(
    lanes: L,
    Operands { source, step, channels, weights, chain, adds }: Operands<'_>,
    (taps, Course { step: weight_step, ahead }): (&[Tap], Course),
    sums: &mut [f32],
) {
    let block = V * L::WIDTH;
    let weight_step = if APART { weight_step } else { block };
    let sums = &mut sums[..P * block];
    let mut tile = [[lanes.splat(0.0); V]; P];
    let (mut length, mut flushed) = (0, adds);
    for tap in taps {
        let weights = &weights[tap.weights..];
        let ends = channels.checked_sub(1).map_or(0, |last| last * weight_step + block);
        assert!(ends <= weights.len(), "weights of all channels");
        let (rows, first) = pointers::<P>(&source[tap.source..], step, channels, weights);
        // Whole chains first, so that their ends do not depend on what a call has of all channels.
        for part in whole_parts(channels, chain) {
            if length >= chain {
                flush(lanes, tile.as_flattened(), flushed, sums);
                tile = [[lanes.splat(0.0); V]; P];
                (length, flushed) = (0, true);
            }
            length += part.len();
            // Counted up: worked out from an index, they would have the compiler load all factors of a group first.
            let mut channel = part.start;
            let mut own = first.wrapping_add(channel * weight_step);
            while channel + UNROLL <= part.end {
                if let Some(Ahead { first, apart }) = ahead {
                    for next in channel..channel + UNROLL {
                        lanes.prefetch_far(weights, first + next * apart);
                    }
                }
                for _ in 0..UNROLL {
                    // SAFETY: `pointers` looked at the rows, and the assertion at the last channel's weights.
                    unsafe { add_products(lanes, &mut tile, &rows, channel, own) };
                    channel += 1;
                    own = own.wrapping_add(weight_step);
                }
            }
            while channel < part.end {
                // SAFETY: as above.
                unsafe { add_products(lanes, &mut tile, &rows, channel, own) };
                channel += 1;
                own = own.wrapping_add(weight_step);
            }
        }
    }
    flush(lanes, tile.as_flattened(), flushed, sums);
}

/// Adds the products of a channel's weights.
///
/// # Safety
/// The rows have that channel, and V vectors of weights are there.
#[inline(always)]
unsafe fn add_products<L: Lanes, const P: usize, const V: usize>(
    lanes: L,
    tile: &mut [[L::Vector; V]; P],
    rows: &[*const f32; P],
    channel: usize,
    weights: *const f32,
) {
    let mut vectors = [lanes.splat(0.0); V];
    // SAFETY: as above.
    let weights = unsafe { slice::from_raw_parts(weights, V * L::WIDTH) };
    for (vector, weights) in vectors.iter_mut().zip(weights.chunks_exact(L::WIDTH)) {
        *vector = lanes.load(weights);
    }
    for (sums, row) in tile.iter_mut().zip(rows) {
        // SAFETY: as above.
        let factor = lanes.splat(unsafe { *row.add(channel) });
        for (sum, &vector) in sums.iter_mut().zip(&vectors) {
            *sum = lanes.mul_add(factor, vector, *sum);
        }
        // The compiler would load all factors first and spill the sums.
        compiler_fence(Ordering::SeqCst);
    }
}

/// P rows of at least so many numbers, and where weights start. The compiler, if it knew that rows are a step apart,
/// would work out the address of each from the one before, for every channel; and it holds to fences only in memory
/// unknown to it.
#[inline(always)]
fn pointers<const P: usize>(
    source: &[f32],
    step: usize,
    numbers: usize,
    weights: &[f32],
) -> ([*const f32; P], *const f32) {
    assert!((P - 1) * step + numbers <= source.len(), "rows of a tile");
    let (first, [one, three, five, seven], weights) =
        black_box((source.as_ptr(), [step, 3 * step, 5 * step, 7 * step], weights.as_ptr()));
    let offsets = [0, one, 2 * one, three, 4 * one, five, 2 * three];
    let rows = array::from_fn(
        #[inline(always)]
        |row| first.wrapping_add(offsets[row % 7] + if row < 7 { 0 } else { seven }),
    );
    (rows, weights)
}

/// Writes the tile, or adds it to what was written before.
#[inline(always)]
fn flush<L: Lanes>(lanes: L, tile: &[L::Vector], add: bool, sums: &mut [f32]) {
    for (place, &sum) in sums.chunks_exact_mut(L::WIDTH).zip(tile) {
        let sum = if add { lanes.add(lanes.load(place), sum) } else { sum };
        lanes.store(place, sum);
    }
}

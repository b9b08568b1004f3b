//! Weights transformed in f64, rounded once, and packed.

use std::marker::PhantomData;
use std::ops::Range;

use super::super::pack::PackedWeights;
use super::super::simd::{InstructionSet, Kernel, Lanes};
use super::Scheme;

/// Outputs that are transformed together.
const LANES: usize = 16;

/// Inputs whose weights are read together: as many numbers as a line of the cache holds, for weights that are
/// turned around.
const INPUTS: usize = 16;

/// Writes G g Gᵀ for each input and output to `packed`, which has N² taps. `weights` is [3, 3, inputs, outputs];
/// if `turned`, it is [3, 3, outputs, inputs] with the taps in reverse order.
pub(in super::super) fn pack<S: Scheme<M, K, N>, const M: usize, const K: usize, const N: usize>(
    instructions: InstructionSet,
    inputs: usize,
    (weights, turned): (&[f32], bool),
    packed: &mut PackedWeights<'_>,
) {
    let weights =
        Weights { numbers: weights, turned, inputs, outputs: weights.len() / (9 * inputs) };
    instructions.run(Pack { scheme: PhantomData::<S>, weights, packed });
}

/// Plain loops over f64, which the compiler turns into vectors of the instruction set.
struct Pack<'a, 'b, S, const M: usize, const K: usize, const N: usize> {
    scheme: PhantomData<S>,
    weights: Weights<'a>,
    packed: &'a mut PackedWeights<'b>,
}

impl<S: Scheme<M, K, N>, const M: usize, const K: usize, const N: usize> Kernel
    for Pack<'_, '_, S, M, K, N>
{
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Self { weights, packed, .. } = self;
        let Weights { inputs, outputs, .. } = weights;
        packed.fill(
            #[inline(always)]
            |first, block| {
                let wide = block.len() / (N * N * inputs);
                for lane in (0..wide).step_by(LANES) {
                    let columns = outputs.min(first + lane)..outputs.min(first + lane + LANES);
                    let mut taps = [[[0.0; LANES]; INPUTS]; 9];
                    for group in (0..inputs).step_by(INPUTS) {
                        let channels = group..inputs.min(group + INPUTS);
                        weights.read(channels.clone(), columns.clone(), &mut taps);
                        for (i, channel) in channels.enumerate() {
                            let row = |place| (place * inputs + channel) * wide;
                            transform::<S, M, K, N>(
                                taps.each_ref().map(|tap| &tap[i]),
                                |place, values| {
                                    let to = &mut block[row(place)..][lane..wide];
                                    for (to, &value) in to.iter_mut().zip(values) {
                                        *to = value as f32;
                                    }
                                },
                            );
                        }
                    }
                }
            },
        );
    }
}

/// Weights of 3 x 3 taps, in either order.
#[derive(Clone, Copy)]
struct Weights<'a> {
    numbers: &'a [f32],
    turned: bool,
    inputs: usize,
    outputs: usize,
}

impl Weights<'_> {
    /// Those of some inputs and outputs, as [tap, input, output].
    #[inline(always)]
    fn read(
        self,
        channels: Range<usize>,
        columns: Range<usize>,
        taps: &mut [[[f32; LANES]; INPUTS]; 9],
    ) {
        let Self { numbers, turned, inputs, outputs } = self;
        for (tap, to) in taps.iter_mut().enumerate() {
            if turned {
                let from = &numbers[(8 - tap) * inputs * outputs..];
                for (lane, column) in columns.clone().enumerate() {
                    let row = &from[column * inputs..][channels.clone()];
                    for (to, &weight) in to.iter_mut().zip(row) {
                        to[lane] = weight;
                    }
                }
            } else {
                for (to, channel) in to.iter_mut().zip(channels.clone()) {
                    let row = &numbers[(tap * inputs + channel) * outputs..][columns.clone()];
                    to[..row.len()].copy_from_slice(row);
                }
            }
        }
    }
}

/// Calls `write` with each place's values: transformed along one dimension, then along the other.
#[inline(always)]
fn transform<S: Scheme<M, K, N>, const M: usize, const K: usize, const N: usize>(
    taps: [&[f32; LANES]; 9],
    mut write: impl FnMut(usize, &[f64; LANES]),
) {
    let mut columns = [[[0.0; LANES]; N]; 3];
    for (j, column) in columns.iter_mut().enumerate() {
        let mut double = [[0.0; LANES]; 3];
        for (i, double) in double.iter_mut().enumerate() {
            double.iter_mut().zip(taps[3 * i + j]).for_each(|(to, &x)| *to = f64::from(x));
        }
        lanewise(double.each_ref(), column, S::weights);
    }
    let mut places = [[0.0; LANES]; N];
    let [a, b, c] = &columns;
    for (y, ((a, b), c)) in a.iter().zip(b).zip(c).enumerate() {
        lanewise([a, b, c], &mut places, S::weights);
        places.iter().enumerate().for_each(|(x, values)| write(N * y + x, values));
    }
}

/// A transform along one dimension, in every lane.
#[inline(always)]
fn lanewise<const K: usize, const N: usize>(
    from: [&[f64; LANES]; K],
    to: &mut [[f64; LANES]; N],
    transform: impl Fn([f64; K]) -> [f64; N],
) {
    for lane in 0..LANES {
        let values = transform(from.map(|from| from[lane]));
        to.iter_mut().zip(values).for_each(|(to, value)| to[lane] = value);
    }
}

/// Gᵀ p G for each input of a block of outputs, from sums [place, input, output] to [3, 3, input, output], in
/// f64 and rounded once; added to what is there, or written over it.
#[inline(always)]
pub(in super::super) fn transform_back<
    S: Scheme<M, K, N>,
    const M: usize,
    const K: usize,
    const N: usize,
>(
    sums: &[f32],
    (inputs, width): (usize, usize),
    adds: bool,
    to: &mut [f32],
) {
    let mut places = [[[0.0; LANES]; N]; N];
    let mut columns = [[[0.0; LANES]; 3]; N];
    for (input, first) in
        (0..inputs).flat_map(|input| (0..width).step_by(LANES).map(move |first| (input, first)))
    {
        let lanes = first..width.min(first + LANES);
        for (place, values) in places.as_flattened_mut().iter_mut().enumerate() {
            let row = &sums[(place * inputs + input) * width..][lanes.clone()];
            values.iter_mut().zip(row).for_each(|(to, &sum)| *to = f64::from(sum));
        }
        // Down the columns: what is [row, column] becomes [column, tap].
        for (x, column) in columns.iter_mut().enumerate() {
            lanewise(places.each_ref().map(|row| &row[x]), column, S::taps);
        }
        let mut taps = [[0.0; LANES]; 3];
        for i in 0..3 {
            lanewise(columns.each_ref().map(|column| &column[i]), &mut taps, S::taps);
            for (j, values) in taps.iter().enumerate() {
                let row = &mut to[((3 * i + j) * inputs + input) * width..][lanes.clone()];
                for (to, &value) in row.iter_mut().zip(values) {
                    *to = if adds { (f64::from(*to) + value) as f32 } else { value as f32 };
                }
            }
        }
    }
}

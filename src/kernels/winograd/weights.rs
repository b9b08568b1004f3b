//! Weights transformed in f64, rounded once, and packed.

use std::marker::PhantomData;

use super::super::pack::PackedWeights;
use super::super::simd::{InstructionSet, Kernel, Lanes};
use super::Scheme;

/// Outputs that are transformed together: two vectors of f32 on AVX2, two of f64 on AVX-512.
const LANES: usize = 16;

/// Writes G g Gᵀ for each input and output to `packed`, which has N² taps; `weights` is [3, 3, inputs,
/// outputs].
pub(in super::super) fn pack<S: Scheme<M, N>, const M: usize, const N: usize>(
    instructions: InstructionSet,
    inputs: usize,
    weights: &[f32],
    packed: &mut PackedWeights,
) {
    instructions.run(Pack { scheme: PhantomData::<S>, inputs, weights, packed });
}

/// Plain loops over f64, which the compiler turns into vectors of the instruction set.
struct Pack<'a, S, const M: usize, const N: usize> {
    scheme: PhantomData<S>,
    inputs: usize,
    weights: &'a [f32],
    packed: &'a mut PackedWeights,
}

impl<S: Scheme<M, N>, const M: usize, const N: usize> Kernel for Pack<'_, S, M, N> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Self { inputs, weights, packed, .. } = self;
        let outputs = weights.len() / (9 * inputs);
        packed.fill(
            #[inline(always)]
            |first, block| {
                let wide = block.len() / (N * N * inputs);
                for (channel, lane) in starts(inputs, wide) {
                    let columns = outputs.min(first + lane)..outputs.min(first + lane + LANES);
                    let mut taps = [[[0.0; LANES]; 3]; 3];
                    for (tap, values) in taps.as_flattened_mut().iter_mut().enumerate() {
                        let row = &weights[(tap * inputs + channel) * outputs..][columns.clone()];
                        for (value, &weight) in values.iter_mut().zip(row) {
                            *value = f64::from(weight);
                        }
                    }
                    let places = transform::<S, M, N>(&taps);
                    for (place, values) in places.as_flattened().iter().enumerate() {
                        let row = &mut block[(place * inputs + channel) * wide..][lane..wide];
                        for (to, &value) in row.iter_mut().zip(values) {
                            *to = value as f32;
                        }
                    }
                }
            },
        );
    }
}

/// Every channel with the lanes of a block from which on outputs are transformed.
#[inline(always)]
fn starts(inputs: usize, wide: usize) -> impl Iterator<Item = (usize, usize)> {
    let parts = wide.div_ceil(LANES);
    (0..inputs * parts).map(move |i| (i / parts, i % parts * LANES))
}

/// Along one dimension, then along the other.
#[inline(always)]
fn transform<S: Scheme<M, N>, const M: usize, const N: usize>(
    taps: &[[[f64; LANES]; 3]; 3],
) -> [[[f64; LANES]; N]; N] {
    let mut places = [[[0.0; LANES]; N]; N];
    for lane in 0..LANES {
        let columns = [0, 1, 2].map(|j| S::weights([0, 1, 2].map(|i| taps[i][j][lane])));
        for (y, row) in places.iter_mut().enumerate() {
            let values = S::weights([0, 1, 2].map(|j| columns[j][y]));
            for (place, value) in row.iter_mut().zip(values) {
                place[lane] = value;
            }
        }
    }
    places
}

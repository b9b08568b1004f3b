//! The speed limit of one core: fused multiplications and additions from registers alone.

use std::hint::black_box;
use std::time::Instant;

use super::simd::{InstructionSet, Kernel, Lanes};

/// Independent sums: enough to hide the latency of two units.
const CHAINS: usize = 12;
const ROUNDS: usize = 200_000;

/// Floating-point operations a second of the calling thread at its best, a fused multiplication and
/// addition counted as two. Takes about 20 milliseconds; the best of three tries.
pub fn peak_flops(instructions: InstructionSet) -> f64 {
    let operations = (2 * CHAINS * ROUNDS * instructions.width()) as f64;
    let rate = |_| {
        let start = Instant::now();
        black_box(instructions.run(Chains));
        operations / start.elapsed().as_secs_f64()
    };
    (0..3).map(rate).fold(0.0, f64::max)
}

struct Chains;

impl Kernel for Chains {
    type Output = f32;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> f32 {
        let [factor, term] = black_box([0.5, 1.0]).map(|x| lanes.splat(x));
        let mut sums = [term; CHAINS];
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = lanes.mul_add(*sum, factor, term);
            }
        }
        let mut total = term;
        for sum in sums {
            total = lanes.add(total, sum);
        }
        let mut numbers = [0.0; 16];
        lanes.store(&mut numbers, total);
        numbers[0]
    }
}

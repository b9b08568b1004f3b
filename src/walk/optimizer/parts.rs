//! A step in parts that threads share.

use rayon::prelude::*;

use super::rule::Rule;
use crate::attention::attended;
use crate::kernels::{InstructionSet, Kernel, Lanes};
use crate::precision::Precision;

/// Entries of a part.
const PART: usize = 1 << 13;

/// What a rule works on, entry by entry.
pub(super) struct Parts<'a, const N: usize> {
    /// To be written: theta_{t+1}.
    pub theta: &'a mut [f64],
    /// g.
    pub gradient: &'a mut [f64],
    /// theta_t.
    pub from: &'a [f64],
    /// What the rule carries along.
    pub carried: [&'a mut [f64]; N],
}

impl<'a> Parts<'a, 0> {
    /// The same with what a rule carries along.
    pub fn with<const N: usize>(self, carried: [&'a mut Vec<f64>; N]) -> Parts<'a, N> {
        let Self { theta, gradient, from, .. } = self;
        Parts { theta, gradient, from, carried: carried.map(Vec::as_mut_slice) }
    }
}

impl<const N: usize> Parts<'_, N> {
    /// Moves all entries by a rule, on all threads.
    pub fn follow(self, rule: impl Rule<N>, precision: Precision) {
        let follow =
            |parts: Parts<'_, N>| InstructionSet::detect().run(Move { parts, rule, precision });
        if self.theta.len() <= PART {
            return follow(self);
        }
        let Self { theta, gradient, from, carried } = self;
        let mut carried = carried.map(|all| all.chunks_mut(PART));
        let chunks = theta.chunks_mut(PART).zip(gradient.chunks_mut(PART)).zip(from.chunks(PART));
        let part = |((theta, gradient), from)| {
            let carried = carried.each_mut().map(|chunks| chunks.next().unwrap_or_default());
            Parts { theta, gradient, from, carried }
        };
        let parts: Vec<_> = chunks.map(part).collect();
        attended(|| parts.into_par_iter().for_each(follow));
    }
}

/// The entries of a part, one after the other: simple arithmetic on numbers side by side, which the compiler
/// turns into that on vectors.
struct Move<'a, R, const N: usize> {
    parts: Parts<'a, N>,
    rule: R,
    precision: Precision,
}

impl<R: Rule<N>, const N: usize> Kernel for Move<'_, R, N> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Self { parts: Parts { theta, gradient, from, carried }, rule, precision } = self;
        let carried = carried.map(|all| &mut all[..theta.len()]);
        let entries = theta.iter_mut().zip(gradient).zip(from);
        for (i, ((theta, gradient), &from)) in entries.enumerate() {
            *gradient = precision.rounded(*gradient);
            let mut own = [0.0; N];
            for k in 0..N {
                own[k] = carried[k][i];
            }
            let (next, own) = rule.step(from, *gradient, own);
            *theta = precision.rounded(next);
            for k in 0..N {
                carried[k][i] = own[k];
            }
        }
    }
}

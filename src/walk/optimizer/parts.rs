//! A step in parts that threads share.

use rayon::prelude::*;

use super::rule::Rule;
use crate::attention::attended;
use crate::kernels::{InstructionSet, Kernel, Lanes};
use crate::precision::Number;

/// Entries of a part.
const PART: usize = 1 << 13;

/// What a rule works on, entry by entry.
pub(super) struct Parts<'a, T, const N: usize> {
    /// To be written: theta_{t+1}.
    pub theta: &'a mut [T],
    /// g.
    pub gradient: &'a [T],
    /// theta_t.
    pub from: &'a [T],
    /// What the rule carries along.
    pub carried: [&'a mut [T]; N],
}

impl<'a, T> Parts<'a, T, 0> {
    /// The same with what a rule carries along.
    pub fn with<const N: usize>(self, carried: [&'a mut Vec<T>; N]) -> Parts<'a, T, N> {
        let Self { theta, gradient, from, .. } = self;
        Parts { theta, gradient, from, carried: carried.map(Vec::as_mut_slice) }
    }
}

impl<T: Number, const N: usize> Parts<'_, T, N> {
    /// Moves all entries by a rule, on all threads.
    pub fn follow(self, rule: impl Rule<N>) {
        let follow = |parts: Parts<'_, T, N>| InstructionSet::detect().run(Move { parts, rule });
        if self.theta.len() <= PART {
            return follow(self);
        }
        let Self { theta, gradient, from, carried } = self;
        let mut carried = carried.map(|all| all.chunks_mut(PART));
        let chunks = theta.chunks_mut(PART).zip(gradient.chunks(PART)).zip(from.chunks(PART));
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
struct Move<'a, T, R, const N: usize> {
    parts: Parts<'a, T, N>,
    rule: R,
}

impl<T: Number, R: Rule<N>, const N: usize> Kernel for Move<'_, T, R, N> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Self { parts: Parts { theta, gradient, from, carried }, rule } = self;
        let carried = carried.map(|all| &mut all[..theta.len()]);
        let entries = theta.iter_mut().zip(gradient).zip(from);
        for (i, ((theta, &gradient), &from)) in entries.enumerate() {
            let mut own = [0.0; N];
            for k in 0..N {
                own[k] = carried[k][i].into();
            }
            let (next, own) = rule.step(from.into(), gradient.into(), own);
            *theta = T::nearest(next);
            for k in 0..N {
                carried[k][i] = T::nearest(own[k]);
            }
        }
    }
}

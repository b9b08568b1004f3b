//! Numbers for all parameters, computed as they are packed.

use std::ops::Range;

use rayon::prelude::*;

use crate::kernels::{InstructionSet, Kernel, Lanes};
use crate::linalg::Numbers;
use crate::precision::Number;

/// Numbers that a thread converts at once.
const CHUNK: usize = 1 << 14;

/// A place in the space of parameters, or a direction.
#[derive(Debug, Clone, Copy)]
pub enum Theta<'a> {
    /// A multiple of these.
    Multiple(Numbers<'a>, f64),
    /// (1 - alpha) from + alpha to, exact at both ends.
    Between {
        /// alpha = 0.
        from: &'a [f64],
        /// alpha = 1.
        to: &'a [f64],
        /// Where between them.
        alpha: f64,
    },
    /// to - from.
    Difference {
        /// Is subtracted.
        from: &'a [f64],
        /// From this.
        to: &'a [f64],
    },
}

impl Theta<'_> {
    /// Some of them, in single precision.
    pub(super) fn single(self, range: Range<usize>) -> Vec<f32> {
        let mut single = vec![0.0; range.len()];
        self.write(range.start, &mut single, |x| x as f32);
        single
    }

    /// Some of them.
    pub(super) fn double(self, range: Range<usize>) -> Vec<f64> {
        let mut double = vec![0.0; range.len()];
        self.write(range.start, &mut double, |x| x);
        double
    }

    /// All of them in single precision, on all threads.
    pub(super) fn narrow(self, single: &mut Vec<f32>) {
        single.resize(self.len(), 0.0);
        let chunks = single.par_chunks_mut(CHUNK).enumerate();
        let narrow = |(index, out)| Narrow { theta: self, start: index * CHUNK, out };
        chunks.for_each(|chunk| InstructionSet::detect().run(narrow(chunk)));
    }

    /// Writes those from `start` on.
    #[inline(always)]
    pub(super) fn write<T>(self, start: usize, out: &mut [T], convert: impl Fn(f64) -> T) {
        let range = start..start + out.len();
        match self {
            Self::Multiple(Numbers::Single([vector]), factor) => {
                multiply(factor, &vector[range], out, convert);
            }
            Self::Multiple(Numbers::Double([vector]), factor) => {
                multiply(factor, &vector[range], out, convert);
            }
            Self::Between { from, to, alpha } => {
                let ends = from[range.clone()].iter().zip(&to[range]);
                let mixed = ends.map(|(a, b)| (1.0 - alpha) * a + alpha * b);
                out.iter_mut().zip(mixed).for_each(|(out, x)| *out = convert(x));
            }
            Self::Difference { from, to } => {
                let ends = from[range.clone()].iter().zip(&to[range]);
                out.iter_mut().zip(ends).for_each(|(out, (a, b))| *out = convert(b - a));
            }
        }
    }

    fn len(self) -> usize {
        match self {
            Self::Multiple(Numbers::Single([vector]), _) => vector.len(),
            Self::Multiple(Numbers::Double([vector]), _) => vector.len(),
            Self::Between { from, .. } | Self::Difference { from, .. } => from.len(),
        }
    }
}

#[inline(always)]
fn multiply<T>(factor: f64, vector: &[impl Number], out: &mut [T], convert: impl Fn(f64) -> T) {
    for (out, &x) in out.iter_mut().zip(vector) {
        *out = convert(factor * x.into());
    }
}

/// Numbers in single precision from `start` on.
struct Narrow<'a> {
    theta: Theta<'a>,
    start: usize,
    out: &'a mut [f32],
}

impl Kernel for Narrow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        self.theta.write(self.start, self.out, |x| x as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_part_has_the_bits_of_the_whole_vector() {
        let vector = |salt: usize| -> Vec<f64> {
            (0..2 * CHUNK + 5).map(|i| ((i * 37 + salt) as f64).sin()).collect()
        };
        let (a, b) = (vector(1), vector(2));
        let (from, to) = (&a[..], &b[..]);
        let single: Vec<f32> = a.iter().map(|&x| x as f32).collect();
        let of_both = |number: fn(f64, f64) -> f64| -> Vec<f64> {
            from.iter().zip(to).map(|(&a, &b)| number(a, b)).collect()
        };
        let cases = [
            (Theta::Multiple(Numbers::Double([from]), 0.5), of_both(|a, _| a / 2.0)),
            (
                Theta::Multiple(Numbers::Single([&single]), 0.5),
                of_both(|a, _| f64::from(a as f32) / 2.0),
            ),
            (Theta::Between { from, to, alpha: 0.25 }, of_both(|a, b| 0.75 * a + 0.25 * b)),
            (Theta::Difference { from, to }, of_both(|a, b| b - a)),
        ];
        for (theta, expected) in cases {
            let single: Vec<f32> = expected.iter().map(|&x| x as f32).collect();
            let mut narrowed = vec![7.0; 3];
            theta.narrow(&mut narrowed);
            assert!(narrowed == single);
            let part = CHUNK - 2..CHUNK + 3;
            assert_eq!(theta.single(part.clone()), single[part.clone()]);
            assert_eq!(theta.double(part.clone()), expected[part]);
        }
    }
}

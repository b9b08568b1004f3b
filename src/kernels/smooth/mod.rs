//! Smooth non-linearities, entry by entry: computed in f64, rounded once.

mod jet;

use jet::{Gelu, Jet, Softplus, Tanh};

use super::simd::{InstructionSet, Kernel, Lanes};

/// A smooth function of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Smooth {
    /// tanh(x).
    Tanh,
    /// x Phi(x), with the distribution function Phi of the standard normal distribution.
    Gelu,
    /// ln(1 + exp(x)).
    Softplus,
}

impl Smooth {
    /// Puts f(x) in the place of each x.
    pub fn apply(self, instructions: InstructionSet, numbers: &mut [f32]) {
        instructions.run(Values { function: self, numbers });
    }

    /// Writes, or adds to what is there, f'(x) a and, of a second order, f''(x) b c: how f(x) passes a gradient a back, and
    /// how what it passes moves where x moves by b and the gradient is c.
    pub fn gradient(
        self,
        instructions: InstructionSet,
        at: &[f32],
        (gradient, second): (&[f32], Option<[&[f32]; 2]>),
        adds: bool,
        to: &mut [f32],
    ) {
        let [b, c] = second.unwrap_or([&[]; 2]);
        assert_eq!([at.len(), gradient.len()], [to.len(); 2], "gradients of numbers");
        assert!(second.is_none() || [b.len(), c.len()] == [to.len(); 2], "factors of f''");
        instructions.run(Gradient { function: self, at, gradient, second, adds, to });
    }

    /// Writes how f(x) moves where x moves by a tangent, f'(x) x1. Returns the sum of 1/2 f''(x) x1² times the adjoint of
    /// f(x), if there is one.
    pub fn tangent(
        self,
        instructions: InstructionSet,
        at: &[f32],
        (tangent, adjoint): (&[f32], Option<&[f32]>),
        to: &mut [f32],
    ) -> f64 {
        assert_eq!([at.len(), tangent.len()], [to.len(); 2], "tangents of numbers");
        assert_eq!(adjoint.map_or(to.len(), <[f32]>::len), to.len(), "adjoints of numbers");
        instructions.run(Tangent { function: self, at, tangent, adjoint, to })
    }
}

/// Runs a method of a kernel for the type of its function.
macro_rules! of_function {
    ($self:ident, $lanes:ty, $method:ident) => {
        match $self.function {
            Smooth::Tanh => $self.$method::<$lanes, Tanh>(),
            Smooth::Gelu => $self.$method::<$lanes, Gelu>(),
            Smooth::Softplus => $self.$method::<$lanes, Softplus>(),
        }
    };
}

struct Values<'a> {
    function: Smooth,
    numbers: &'a mut [f32],
}

impl Values<'_> {
    #[inline(always)]
    fn of<L: Lanes, F: Jet>(self) {
        for x in self.numbers {
            *x = F::jet::<L>(f64::from(*x))[0] as f32;
        }
    }
}

impl Kernel for Values<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        of_function!(self, L, of);
    }
}

struct Gradient<'a> {
    function: Smooth,
    at: &'a [f32],
    gradient: &'a [f32],
    second: Option<[&'a [f32]; 2]>,
    adds: bool,
    to: &'a mut [f32],
}

impl Gradient<'_> {
    #[inline(always)]
    fn of<L: Lanes, F: Jet>(self) {
        let Self { at, gradient, second, adds, to, .. } = self;
        if !adds {
            to.fill(0.0);
        }
        let all = to.iter_mut().zip(at.iter().zip(gradient));
        let Some([b, c]) = second else {
            for (to, (&x, &a)) in all {
                let [_, slope, _] = F::jet::<L>(f64::from(x));
                *to = (slope * f64::from(a) + f64::from(*to)) as f32;
            }
            return;
        };
        for ((to, (&x, &a)), (&b, &c)) in all.zip(b.iter().zip(c)) {
            let [_, slope, curvature] = F::jet::<L>(f64::from(x));
            let moved = curvature * f64::from(b) * f64::from(c);
            *to = (slope * f64::from(a) + moved + f64::from(*to)) as f32;
        }
    }
}

impl Kernel for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        of_function!(self, L, of);
    }
}

struct Tangent<'a> {
    function: Smooth,
    at: &'a [f32],
    tangent: &'a [f32],
    adjoint: Option<&'a [f32]>,
    to: &'a mut [f32],
}

/// Sums side by side, in an order that no vector's width decides.
const SUMS: usize = 16;

impl Tangent<'_> {
    #[inline(always)]
    fn of<L: Lanes, F: Jet>(self) -> f64 {
        let Self { at, tangent, adjoint, to, .. } = self;
        let Some(adjoint) = adjoint else {
            for (to, (&x, &x1)) in to.iter_mut().zip(at.iter().zip(tangent)) {
                *to = (F::jet::<L>(f64::from(x))[1] * f64::from(x1)) as f32;
            }
            return 0.0;
        };
        let mut sums = [0.0; SUMS];
        let (rows, rest) = to.as_chunks_mut::<SUMS>();
        let (at, last) = at.as_chunks::<SUMS>();
        let (tangent, last_tangent) = tangent.as_chunks::<SUMS>();
        let (adjoint, last_adjoint) = adjoint.as_chunks::<SUMS>();
        for (((to, at), tangent), adjoint) in rows.iter_mut().zip(at).zip(tangent).zip(adjoint) {
            weigh::<L, F>([at, tangent, adjoint], to, &mut sums);
        }
        weigh::<L, F>([last, last_tangent, last_adjoint], rest, &mut sums);
        0.5 * sums.iter().sum::<f64>()
    }
}

/// Some tangents, and what they add to the sums side by side.
#[inline(always)]
fn weigh<L: Lanes, F: Jet>(
    [at, tangent, adjoint]: [&[f32]; 3],
    to: &mut [f32],
    sums: &mut [f64; SUMS],
) {
    let numbers = at.iter().zip(tangent).zip(adjoint);
    for ((to, sum), ((&x, &x1), &adjoint)) in to.iter_mut().zip(sums).zip(numbers) {
        let [_, slope, curvature] = F::jet::<L>(f64::from(x));
        let x1 = f64::from(x1);
        *to = (slope * x1) as f32;
        *sum += curvature * x1 * x1 * f64::from(adjoint);
    }
}

impl Kernel for Tangent<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) -> f64 {
        of_function!(self, L, of)
    }
}

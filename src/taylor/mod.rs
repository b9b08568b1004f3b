//! Truncated Taylor series of tensors (jets), and the few operations that networks are made of.
//!
//! A network written over [`Series`] yields its value at order 0, directional derivatives at order 1
//! and u'Hu at order 2, along any number of directions at once, from one definition. Source: Griewank & Walther, *Evaluating Derivatives*,
//! 2nd ed. 2008, chapter 13.

mod arithmetic;
mod functions;
mod series;
mod spatial;

pub use series::Series;
pub use spatial::convolve2d;

//! Long vectors in the format that they were computed in.

use std::ops::Deref;
use std::sync::OnceLock;

use rayon::prelude::*;

use super::vector::{norm, products};
use crate::precision::{Number, Precision};

/// Entries that a thread converts at once.
const CONVERTED: usize = 1 << 14;

/// A number of a format that vectors are kept in.
pub trait Element: Number {
    /// A vector's entries, if it is kept in this format, to be changed.
    fn kept(vector: &mut Vector) -> Option<&mut Vec<Self>>;

    /// A vector of these entries.
    fn vector(entries: Vec<Self>) -> Vector;
}

/// A vector of 32-bit or of 64-bit floats that reads as `[f64]`: theta, or a gradient.
///
/// What a walk in 32 bits does with it at every step ([`Vector::alike`], [`Vector::norm`]) goes over half the
/// bytes. Dereferenced, a vector of 32 bits is copied into 64 once, and the copy stays with it: fast enough for
/// what goes over the training set, and not meant for every step.
///
/// ```
/// use losswalk::linalg::Vector;
/// use losswalk::precision::Precision;
///
/// let exact = Vector::from(vec![0.5, 0.1]);
/// let single = exact.clone().rounded(Precision::F32);
/// assert_eq!((single[0], single[1]), (0.5, f64::from(0.1f32)));
/// assert!(single != exact);
/// ```
#[derive(Debug, Default)]
pub struct Vector {
    entries: Entries,
    wide: OnceLock<Vec<f64>>,
}

#[derive(Debug, Clone)]
enum Entries {
    Single(Vec<f32>),
    Double(Vec<f64>),
}

/// Vectors side by side, all of one format.
#[derive(Debug, Clone, Copy)]
pub enum Numbers<'a, const K: usize = 1> {
    /// 32 bits.
    Single([&'a [f32]; K]),
    /// 64 bits.
    Double([&'a [f64]; K]),
}

impl Vector {
    /// The number of entries.
    pub fn len(&self) -> usize {
        match &self.entries {
            Entries::Single(entries) => entries.len(),
            Entries::Double(entries) => entries.len(),
        }
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries as they are kept.
    pub fn numbers(&self) -> Numbers<'_> {
        Self::alike([self])
    }

    /// The entries of vectors in the format that all are kept in; in 64 bits if they differ in it.
    pub fn alike<const K: usize>(vectors: [&Self; K]) -> Numbers<'_, K> {
        let mut single = [&[][..]; K];
        for (single, vector) in single.iter_mut().zip(vectors) {
            let Entries::Single(entries) = &vector.entries else {
                return Numbers::Double(vectors.map(|vector| &**vector));
            };
            *single = entries;
        }
        Numbers::Single(single)
    }

    /// The vector in this format, every entry the nearest number of it.
    pub fn rounded(self, precision: Precision) -> Self {
        match precision {
            Precision::F32 => f32::vector(self.into_entries()),
            Precision::F64 => f64::vector(self.into_entries()),
        }
    }

    /// The entries, each the nearest number of this format; no copy if they are kept in it.
    pub fn into_entries<T: Element>(mut self) -> Vec<T> {
        if let Some(entries) = T::kept(&mut self) {
            return std::mem::take(entries);
        }
        match &self.entries {
            Entries::Single(entries) => converted(entries),
            Entries::Double(entries) => converted(entries),
        }
    }

    /// A copy of the entries, of which the vector keeps none.
    pub fn to_f64(&self) -> Vec<f64> {
        match &self.entries {
            Entries::Single(entries) => converted(entries),
            Entries::Double(entries) => entries.clone(),
        }
    }

    /// ‖a‖, with the bits of [`norm`](super::norm).
    pub fn norm(&self) -> f64 {
        match self.numbers() {
            Numbers::Single([a]) => norm(a),
            Numbers::Double([a]) => norm(a),
        }
    }

    /// a·a, a·b and b·b, with the bits of [`products`](super::products).
    pub fn products(a: &Self, b: &Self) -> [f64; 3] {
        match Self::alike([a, b]) {
            Numbers::Single([a, b]) => products(a, b),
            Numbers::Double([a, b]) => products(a, b),
        }
    }
}

/// In another format, on all threads.
fn converted<A: Number, B: Number>(entries: &[A]) -> Vec<B> {
    let nearest = |&entry: &A| B::nearest(entry.into());
    entries.par_iter().with_min_len(CONVERTED).map(nearest).collect()
}

impl Deref for Vector {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        match &self.entries {
            Entries::Single(entries) => self.wide.get_or_init(|| converted(entries)),
            Entries::Double(entries) => entries,
        }
    }
}

impl<'a> IntoIterator for &'a Vector {
    type Item = &'a f64;
    type IntoIter = std::slice::Iter<'a, f64>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Clone for Vector {
    /// Without the copy in 64 bits.
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), wide: OnceLock::new() }
    }
}

/// Of their values, whatever they are kept in.
impl PartialEq for Vector {
    fn eq(&self, other: &Self) -> bool {
        match Self::alike([self, other]) {
            Numbers::Single([a, b]) => a == b,
            Numbers::Double([a, b]) => a == b,
        }
    }
}

impl Default for Entries {
    fn default() -> Self {
        Self::Double(Vec::new())
    }
}

impl<T: Element> From<Vec<T>> for Vector {
    fn from(entries: Vec<T>) -> Self {
        T::vector(entries)
    }
}

impl FromIterator<f64> for Vector {
    fn from_iter<I: IntoIterator<Item = f64>>(entries: I) -> Self {
        Self::from(entries.into_iter().collect::<Vec<f64>>())
    }
}

impl Element for f32 {
    fn kept(vector: &mut Vector) -> Option<&mut Vec<Self>> {
        vector.wide.take();
        match &mut vector.entries {
            Entries::Single(entries) => Some(entries),
            Entries::Double(_) => None,
        }
    }

    fn vector(entries: Vec<Self>) -> Vector {
        Vector { entries: Entries::Single(entries), wide: OnceLock::new() }
    }
}

impl Element for f64 {
    fn kept(vector: &mut Vector) -> Option<&mut Vec<Self>> {
        match &mut vector.entries {
            Entries::Single(_) => None,
            Entries::Double(entries) => Some(entries),
        }
    }

    fn vector(entries: Vec<Self>) -> Vector {
        Vector { entries: Entries::Double(entries), wide: OnceLock::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector() -> Vector {
        (0..2 * CONVERTED + 3).map(|i| (i as f64).sin()).collect()
    }

    #[test]
    fn entries_of_32_bits_read_and_add_up_as_their_values() {
        let (exact, single) = (vector(), vector().rounded(Precision::F32));
        assert!(matches!(single.numbers(), Numbers::Single(_)) && single != exact);
        let values: Vec<f64> = exact.iter().map(|&x| f64::from(x as f32)).collect();
        assert!(single[..] == values && single.to_f64() == values);
        assert!(single == Vector::from(values.clone()), "whatever they are kept in");
        assert_eq!(single.norm(), norm(&values));
        assert_eq!(Vector::products(&single, &exact), products(&values, &exact));
        assert!(matches!(Vector::alike([&single, &exact]), Numbers::Double(_)));
        assert!(matches!(Vector::alike([&single, &single]), Numbers::Single(_)));
        assert!(single.into_entries::<f64>() == values);
    }

    #[test]
    fn entries_are_handed_over_where_they_lie() {
        let mut single: Vec<f32> = vector().into_entries();
        let place = single.as_ptr();
        single[0] = 7.0;
        let kept = Vector::from(single);
        assert_eq!(kept[0], 7.0);
        let back: Vec<f32> = kept.rounded(Precision::F32).into_entries();
        assert_eq!(back.as_ptr(), place);
    }
}

//! An orthonormal basis V of a Krylov space of a symmetric operator A, with V'AV beside it.
//!
//! Every new vector is orthogonalised against all others, twice, which is enough (Parlett 1998,
//! section 6.9). Entries of V'AV off its diagonal are taken from the recurrence, where they are 0 but
//! for one vector: measured ones would hold the operator's rounding, and residuals predicted from
//! them could not fall below it. Sums over long vectors are split among threads in an order that
//! does not depend on their number, so equal input gives equal bits.

use std::mem;

use rayon::prelude::*;
use thiserror::Error;

use super::{axpy, dot, norm, scale};

/// The part of a product outside the basis, relative to the largest product, that is rounding.
const INVARIANT: f64 = 1e-13;
/// Entries of the long vectors that one thread works on at a time: a few fit into its cache.
const PIECE: usize = 4096;

/// The operator's result has entries that are not finite, or so large that its norm is not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("product {product} of the operator with a vector of norm 1 is not finite")]
pub struct NotFinite {
    /// The product's number, counted from 1.
    pub product: usize,
}

/// The basis, and the operator that it grows by.
pub(super) struct Krylov<F> {
    apply: F,
    /// v_1 .. v_j, orthonormal, each multiplied by A already.
    pub basis: Vec<Vec<f64>>,
    /// Column i holds v_1'Av_i .. v_i'Av_i.
    columns: Vec<Vec<f64>>,
    /// v_{j+1}; of no use when the basis is complete.
    next: Vec<f64>,
    /// v_i'Av_{j+1} for i <= j: a Ritz vector V s has the residual |s · couplings|.
    pub couplings: Vec<f64>,
    /// Products taken so far.
    pub products: usize,
    largest_product: f64,
    turns: u64,
}

impl<F> Krylov<F> {
    /// An empty basis whose first vector is going to be `start`, normalised, unless it is zero.
    pub fn new(apply: F, next: Vec<f64>) -> Self {
        let (basis, columns, couplings) = (Vec::new(), Vec::new(), Vec::new());
        let (products, largest_product, turns) = (0, 0.0, 0);
        let mut krylov =
            Self { apply, basis, columns, next, couplings, products, largest_product, turns };
        let length = norm(&krylov.next);
        if length == 0.0 {
            krylov.turn();
        } else {
            scale(1.0 / length, &mut krylov.next);
        }
        krylov
    }

    /// The basis as [`Krylov::state`] had it; none if that is of no basis of `n` entries a vector.
    pub fn restored(
        apply: F,
        state: &mut impl Iterator<Item = Vec<f64>>,
        n: usize,
    ) -> Option<Self> {
        let [products, turns, largest_product] = state.next()?.try_into().ok()?;
        let (values, couplings, next) = (state.next()?, state.next()?, state.next()?);
        let basis: Vec<_> = state.collect();
        let is_one = next.len() == n && basis.iter().all(|vector| vector.len() == n);
        let is_whole = [values.len(), couplings.len()] == [basis.len(); 2];
        (is_one && is_whole).then(|| Self {
            apply,
            basis,
            columns: diagonal(&values),
            next,
            couplings,
            products: products as usize,
            largest_product,
            turns: turns as u64,
        })
    }

    /// All there is behind [`Krylov::rotate`], where V'AV is diagonal: three counts, V'AV, the
    /// couplings, v_{j+1}, and the basis.
    pub fn state<'a>(&'a self, buffers: &'a mut [Vec<f64>; 2]) -> Vec<&'a [f64]> {
        let [counts, values] = buffers;
        *counts = vec![self.products as f64, self.turns as f64, self.largest_product];
        *values = self.columns.iter().filter_map(|column| column.last().copied()).collect();
        let basis = self.basis.iter().map(Vec::as_slice);
        [&counts[..], values, &self.couplings, &self.next].into_iter().chain(basis).collect()
    }

    /// True when the basis spans the whole space, so that no further step is possible.
    pub fn is_complete(&self) -> bool {
        self.basis.len() >= self.next.len()
    }

    /// Replaces the next direction by a pseudo-random one that is orthogonal to the basis.
    pub fn turn(&mut self) {
        self.turns += 1;
        self.next = pseudo_random(self.turns, self.next.len());
        remove(&self.basis, &mut self.next);
        let length = norm(&self.next);
        scale(1.0 / length, &mut self.next);
        self.couplings.fill(0.0);
    }

    /// V'AV, row-major.
    pub fn projected(&self) -> Vec<f64> {
        let indices = 0..self.basis.len();
        let row = |i: usize| indices.clone().map(move |j| self.columns[i.max(j)][i.min(j)]);
        indices.clone().flat_map(row).collect()
    }

    /// Replaces the basis by Ritz vectors: V s for each row s of eigenvectors of V'AV, with `values`
    /// its eigenvalues. In place, piece by piece.
    pub fn rotate(&mut self, values: &[f64], rows: &[Vec<f64>]) {
        let mut pieces: Vec<Vec<&mut [f64]>> = Vec::new();
        pieces.resize_with(self.next.len().div_ceil(PIECE), Vec::new);
        for vector in &mut self.basis {
            vector.chunks_mut(PIECE).zip(&mut pieces).for_each(|(part, piece)| piece.push(part));
        }
        pieces.into_par_iter().for_each(|mut parts| {
            let combine = |row: &Vec<f64>| {
                let mut sum = vec![0.0; parts[0].len()];
                row.iter().zip(&parts).for_each(|(s, part)| axpy(*s, part, &mut sum));
                sum
            };
            let sums: Vec<_> = rows.iter().map(combine).collect();
            parts.iter_mut().zip(&sums).for_each(|(part, sum)| part.copy_from_slice(sum));
        });
        self.basis.truncate(rows.len());
        self.columns = diagonal(values);
        self.couplings = rows.iter().map(|row| dot(row, &self.couplings)).collect();
    }

    /// Av, counted and checked.
    pub fn product<E>(&mut self, vector: &[f64]) -> Result<Vec<f64>, E>
    where
        F: FnMut(&[f64]) -> Result<Vec<f64>, E>,
        E: From<NotFinite>,
    {
        self.products += 1;
        let image = (self.apply)(vector)?;
        assert_eq!(image.len(), vector.len(), "the operator changed the length of a vector");
        let length = norm(&image);
        self.largest_product = self.largest_product.max(length);
        let finite = length.is_finite().then_some(image);
        finite.ok_or_else(|| NotFinite { product: self.products }.into())
    }

    /// Adds v_{j+1} to the basis; returns v'Av for it, and the norm of the part of Av outside the
    /// basis, which gives the direction after it. If that part is nothing but rounding, the basis
    /// spans an invariant subspace: the norm is returned as 0 and the basis turns elsewhere.
    pub fn step<E>(&mut self) -> Result<(f64, f64), E>
    where
        F: FnMut(&[f64]) -> Result<Vec<f64>, E>,
        E: From<NotFinite>,
    {
        let vector = mem::take(&mut self.next);
        self.next = self.product(&vector)?;
        let diagonal = dot(&vector, &self.next);
        self.basis.push(vector);
        remove(&self.basis, &mut self.next);
        let outside = norm(&self.next);
        self.couplings.push(diagonal);
        self.columns.push(self.couplings.clone());
        self.couplings.fill(0.0);
        if outside <= INVARIANT * self.largest_product {
            self.turn();
            return Ok((diagonal, 0.0));
        }
        scale(1.0 / outside, &mut self.next);
        self.couplings[self.basis.len() - 1] = outside;
        Ok((diagonal, outside))
    }
}

/// The columns of a diagonal matrix.
fn diagonal(values: &[f64]) -> Vec<Vec<f64>> {
    let column = |(i, &value)| [vec![0.0; i], vec![value]].concat();
    values.iter().enumerate().map(column).collect()
}

/// Subtracts from `vector` its projection on the basis.
fn remove(basis: &[Vec<f64>], vector: &mut [f64]) {
    for _ in 0..2 {
        let along: Vec<f64> = basis.par_iter().map(|unit| dot(unit, vector)).collect();
        vector.par_chunks_mut(PIECE).enumerate().for_each(|(piece, target)| {
            for (unit, along) in basis.iter().zip(&along) {
                axpy(-along, &unit[piece * PIECE..][..target.len()], target);
            }
        });
    }
}

/// Numbers evenly distributed in [-1, 1), the same for the same seed (Steele et al. 2014,
/// SplitMix64). For directions that only have to be unlike any other, not for statistics.
pub(super) fn pseudo_random(seed: u64, n: usize) -> Vec<f64> {
    let entry = |i: u64| {
        let mut z = (seed << 40).wrapping_add(i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 * 2f64.powi(-52) - 1.0
    };
    (0..n as u64).map(entry).collect()
}

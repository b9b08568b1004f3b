//! Second derivatives from one adjoint for all directions.
//!
//! Along theta + e u the second coefficient of an activation y is a linear function of those of the
//! layers below, plus a term of first coefficients that the layer itself adds. The second coefficient
//! of the summed loss is therefore the sum over layers of <dL/dy, the layer's own term> and of the
//! loss's own term. The adjoints dL/dy do not depend on the direction. With them given, no second
//! coefficient is passed on: a product takes three multiplications for a direction instead of four.
//! Source: Griewank & Walther, *Evaluating Derivatives*, 2nd ed. 2008, chapters 5 and 13.

use burn::tensor::{Gradients, Tensor};

use crate::taylor::Series;

/// What a batch leaves behind for all directions: the products of its activations with parameters,
/// and the loss's derivatives with respect to the outputs of layers, both in the order of the pass.
#[derive(Debug, Default)]
pub struct Primal {
    products: Vec<Tensor<4>>,
    adjoints: Vec<Tensor<4>>,
}

/// A layer that computed other products or outputs while derivatives were contracted than while they
/// were recorded, so that no entry of the tape can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a layer calls Pass::product and Pass::contract otherwise for one order of the series than for another: it must call them alike, whatever the order"
)]
pub struct TapeError;

/// What a pass does beside computing activations.
#[derive(Debug, Default)]
pub(super) enum Tape<'a> {
    /// Nothing.
    #[default]
    None,
    /// Keeps products, and adds a zero to the output of layers, whose gradient is the adjoint.
    Record { products: Vec<Tensor<4>>, zeros: Vec<Tensor<4>> },
    /// Takes products as they are known, and weighs second coefficients with the adjoints.
    Contract {
        products: &'a [Tensor<4>],
        adjoints: &'a [Tensor<4>],
        sums: Vec<Vec<Tensor<1>>>,
        /// Every call so far had its entry.
        is_matched: bool,
    },
}

impl<'a> Tape<'a> {
    pub fn record() -> Self {
        Self::Record { products: Vec::new(), zeros: Vec::new() }
    }

    pub fn contract(primal: &'a Primal) -> Self {
        let Primal { products, adjoints } = primal;
        Self::Contract { products, adjoints, sums: Vec::new(), is_matched: true }
    }

    /// A product as `compute` gives it, with c_0 where that is known.
    pub fn product(&mut self, compute: impl FnOnce(Option<Tensor<4>>) -> Series<4>) -> Series<4> {
        match self {
            Self::None => compute(None),
            Self::Record { products, .. } => {
                let product = compute(None);
                products.push(product.value().clone().inner());
                product
            }
            Self::Contract { products, is_matched, .. } => {
                let known = products.split_off_first();
                let dims = known.map(Tensor::dims);
                let product = compute(known.cloned());
                *is_matched &= dims == Some(product.dims());
                product
            }
        }
    }

    /// What [`Pass::contract`](super::Pass::contract) does.
    pub fn contract_output(&mut self, mut output: Series<4>) -> Series<4> {
        match self {
            Self::None => output,
            Self::Record { zeros, .. } => {
                let zero = output.value().zeros_like().require_grad();
                zeros.push(zero.clone());
                output + Series::constant(zero)
            }
            Self::Contract { adjoints, sums, is_matched, .. } => {
                let adjoint = adjoints.split_off_first();
                let Some(adjoint) = adjoint.filter(|adjoint| adjoint.dims() == output.dims())
                else {
                    *is_matched = false;
                    return output;
                };
                for (direction, higher) in output.split_off(2).into_iter().enumerate() {
                    let Some(second) = higher.into_iter().next() else { continue };
                    // A dimension at a time keeps rounding errors small.
                    let sum = (second * adjoint.clone()).sum_dim(3).sum_dim(2).sum_dim(1);
                    sums.resize(sums.len().max(direction + 1), Vec::new());
                    sums[direction].push(sum.flatten(0, 3));
                }
                output
            }
        }
    }

    /// What [`Pass::contracted`](super::Pass::contracted) does.
    pub fn contracted(&self, direction: usize) -> Result<Option<Tensor<1>>, TapeError> {
        let Self::Contract { products, adjoints, sums, is_matched } = self else { return Ok(None) };
        if !is_matched || !products.is_empty() || !adjoints.is_empty() {
            return Err(TapeError);
        }
        let terms = sums.get(direction).filter(|terms| !terms.is_empty());
        Ok(terms.map(|terms| Tensor::cat(terms.clone(), 0)))
    }

    /// The primal of a pass that recorded, from the gradients of the summed loss.
    pub fn into_primal(self, mut gradients: Gradients) -> Primal {
        let Self::Record { products, zeros } = self else { return Primal::default() };
        let adjoint = |zero: Tensor<4>| {
            let adjoint = zero.grad_remove(&mut gradients);
            adjoint.unwrap_or_else(|| zero.zeros_like().inner())
        };
        Primal { products, adjoints: zeros.into_iter().map(adjoint).collect() }
    }
}

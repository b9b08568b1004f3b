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

/// What a pass does beside computing activations.
#[derive(Debug, Default)]
pub(super) enum Trace<'a> {
    /// Nothing.
    #[default]
    None,
    /// Keeps products, and adds a zero to the output of layers, whose gradient is the adjoint.
    Record { products: Vec<Tensor<4>>, zeros: Vec<Tensor<4>> },
    /// Takes products as they are known, and weighs second coefficients with the adjoints.
    Contract { products: &'a [Tensor<4>], adjoints: &'a [Tensor<4>], sums: Vec<Vec<Tensor<1>>> },
}

impl<'a> Trace<'a> {
    pub fn record() -> Self {
        Self::Record { products: Vec::new(), zeros: Vec::new() }
    }

    pub fn contract(primal: &'a Primal) -> Self {
        let Primal { products, adjoints } = primal;
        Self::Contract { products, adjoints, sums: Vec::new() }
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
            Self::Contract { products, .. } => compute(products.split_off_first().cloned()),
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
            Self::Contract { adjoints, sums, .. } => {
                let Some(adjoint) = adjoints.split_off_first() else { return output };
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
    pub fn contracted(&self, direction: usize) -> Option<Tensor<1>> {
        let Self::Contract { sums, .. } = self else { return None };
        let terms = sums.get(direction).filter(|terms| !terms.is_empty())?;
        Some(Tensor::cat(terms.clone(), 0))
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

//! The series itself: coefficients, truncation, and maps that act on every coefficient alike.

use burn::tensor::{DType, Tensor};

/// x(e) = c_0 + c_1 e + ... + c_k e^k + O(e^(order + 1)), with normalised coefficients
/// c_j = x^(j)(0) / j!.
///
/// Trailing coefficients that are zero may be missing, so a constant of any order is one tensor and
/// costs what one tensor costs.
#[derive(Debug, Clone)]
pub struct Series<const D: usize> {
    pub(super) coefficients: Vec<Tensor<D>>,
    pub(super) order: usize,
}

impl<const D: usize> Series<D> {
    /// A tensor that does not depend on e; exact at every order.
    pub fn constant(value: Tensor<D>) -> Self {
        Self { coefficients: vec![value], order: usize::MAX }
    }

    /// `value` + e `direction`, truncated at `order` >= 1.
    pub fn line(value: Tensor<D>, direction: Tensor<D>, order: usize) -> Self {
        debug_assert!(order >= 1, "a direction needs an order of at least 1");
        Self { coefficients: vec![value, direction], order }
    }

    /// c_0.
    pub fn value(&self) -> &Tensor<D> {
        &self.coefficients[0]
    }

    /// c_0, giving up the rest.
    pub fn into_value(mut self) -> Tensor<D> {
        self.coefficients.swap_remove(0)
    }

    /// c_j; `None` stands for zero.
    pub fn coefficient(&self, j: usize) -> Option<&Tensor<D>> {
        self.coefficients.get(j)
    }

    /// The polynomial c_0 + c_1 e + ... at e = `alpha`, as a constant.
    ///
    /// Exact where the series is a polynomial of at most its order: behind layers that are linear.
    pub fn at(&self, alpha: f64) -> Self {
        let mut terms = self.coefficients.iter().rev().cloned();
        // Horner's rule from the highest coefficient down.
        let value = terms.next().map(|last| {
            terms.fold(last, |sum, coefficient| sum.mul_scalar(alpha).add(coefficient))
        });
        Self::constant(value.unwrap_or_else(|| self.value().clone()))
    }

    /// Applies a linear map, which acts on every coefficient alike.
    pub fn map_linear<const E: usize>(self, map: impl Fn(Tensor<D>) -> Tensor<E>) -> Series<E> {
        let coefficients = self.coefficients.into_iter().map(map).collect();
        Series { coefficients, order: self.order }
    }

    /// Sizes of the dimensions.
    pub fn dims(&self) -> [usize; D] {
        self.value().dims()
    }

    /// The same entries in another shape.
    pub fn reshape<const E: usize>(self, shape: [usize; E]) -> Series<E> {
        self.map_linear(|coefficient| coefficient.reshape(shape))
    }

    /// The same numbers in another precision.
    pub fn cast(self, dtype: DType) -> Self {
        self.map_linear(|coefficient| coefficient.cast(dtype))
    }

    /// Mean over one dimension, which stays with size 1.
    pub fn mean_dim(self, dim: usize) -> Self {
        self.map_linear(|coefficient| coefficient.mean_dim(dim))
    }

    /// Sum over one dimension, which stays with size 1.
    pub fn sum_dim(self, dim: usize) -> Self {
        self.map_linear(|coefficient| coefficient.sum_dim(dim))
    }
}

//! Sums and products. Products are Cauchy products cut at the lower of the two orders.

use std::ops::{Add, Mul, Sub};

use burn::tensor::Tensor;

use super::Series;

impl<const D: usize> Series<D> {
    fn combine(
        self,
        other: Self,
        both: impl Fn(Tensor<D>, Tensor<D>) -> Tensor<D>,
        only_other: impl Fn(Tensor<D>) -> Tensor<D>,
    ) -> Self {
        let order = self.order.min(other.order);
        let length = self.coefficients.len().max(other.coefficients.len());
        let (mut left, mut right) = (self.coefficients.into_iter(), other.coefficients.into_iter());
        let terms = std::iter::from_fn(|| match (left.next(), right.next()) {
            (Some(a), Some(b)) => Some(both(a, b)),
            (Some(a), None) => Some(a),
            (None, Some(b)) => Some(only_other(b)),
            (None, None) => None,
        });
        Self { coefficients: terms.take(order.saturating_add(1).min(length)).collect(), order }
    }

    /// The Cauchy product under any bilinear map.
    pub(super) fn product<const E: usize, const F: usize>(
        &self,
        other: &Series<E>,
        bilinear: impl Fn(Tensor<D>, Tensor<E>) -> Tensor<F>,
    ) -> Series<F> {
        let (a, b) = (&self.coefficients, &other.coefficients);
        let order = self.order.min(other.order);
        let length = order.saturating_add(1).min(a.len() + b.len() - 1);
        let coefficients = (0..length)
            .filter_map(|k| {
                let first = (k + 1).saturating_sub(b.len());
                (first..=k.min(a.len() - 1))
                    .map(|j| bilinear(a[j].clone(), b[k - j].clone()))
                    .reduce(Tensor::add)
            })
            .collect();
        Series { coefficients, order }
    }

    /// Adds a number to c_0.
    pub fn add_scalar(mut self, number: f64) -> Self {
        self.coefficients[0] = self.coefficients[0].clone().add_scalar(number);
        self
    }

    /// Multiplies by a number.
    pub fn scale(self, number: f64) -> Self {
        self.map_linear(|coefficient| coefficient.mul_scalar(number))
    }
}

impl<const D: usize> Add for Series<D> {
    type Output = Self;

    /// Coefficient by coefficient; dimensions of size 1 are broadcast, in the term with more
    /// coefficients too, which must have the full shape.
    fn add(self, other: Self) -> Self {
        self.combine(other, Tensor::add, |b| b)
    }
}

impl<const D: usize> Sub for Series<D> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.combine(other, Tensor::sub, Tensor::neg)
    }
}

impl<const D: usize> Mul for Series<D> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        self.product(&other, Tensor::mul)
    }
}

impl Series<2> {
    /// Matrix product, [n, a] times [a, b].
    pub fn matmul(&self, other: &Self) -> Self {
        self.product(other, Tensor::matmul)
    }
}

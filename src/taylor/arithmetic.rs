//! Sums and products. Products are Cauchy products cut at the lower of the two orders.

use std::ops::{Add, Mul, Sub};

use burn::tensor::Tensor;

use super::Series;

impl<const D: usize> Series<D> {
    /// Coefficient by coefficient; one that only one side has goes through `left` or `right`.
    fn combine(
        self,
        other: Self,
        both: impl Fn(Tensor<D>, Tensor<D>) -> Tensor<D>,
        right: impl Fn(Tensor<D>) -> Tensor<D>,
    ) -> Self {
        let order = self.order.min(other.order);
        let value = both(self.value, other.value);
        let shape = value.dims();
        // A term of the smaller shape that stands alone is brought to the full one.
        let full = |x: Tensor<D>| if x.dims() == shape { x } else { x.expand(shape) };
        let directions = self.tails.len().max(other.tails.len());
        let (mut ours, mut theirs) = (self.tails.into_iter(), other.tails.into_iter());
        let tail = |_| {
            let mut ours = ours.next().unwrap_or_default().into_iter();
            let mut theirs = theirs.next().unwrap_or_default().into_iter();
            let terms = std::iter::from_fn(|| match (ours.next(), theirs.next()) {
                (Some(a), Some(b)) => Some(both(a, b)),
                (Some(a), None) => Some(full(a)),
                (None, Some(b)) => Some(full(right(b))),
                (None, None) => None,
            });
            terms.take(order).collect()
        };
        Self { value, tails: (0..directions).map(tail).collect(), order }
    }

    /// The Cauchy product under any bilinear map.
    pub fn product<const E: usize, const F: usize>(
        &self,
        other: &Series<E>,
        bilinear: impl Fn(Tensor<D>, Tensor<E>) -> Tensor<F>,
    ) -> Series<F> {
        self.product_of(bilinear(self.value.clone(), other.value.clone()), other, bilinear)
    }

    /// The Cauchy product whose c_0, `value`, is known.
    pub fn product_of<const E: usize, const F: usize>(
        &self,
        value: Tensor<F>,
        other: &Series<E>,
        bilinear: impl Fn(Tensor<D>, Tensor<E>) -> Tensor<F>,
    ) -> Series<F> {
        let order = self.order.min(other.order);
        let tail = |i: usize| {
            let (a, b) = (self.along(i), other.along(i));
            let length = order.min(a.tail.len() + b.tail.len());
            let term = |k| a.convolve(b, k, 0..=k, |_, a, b| bilinear(a, b));
            (1..=length).filter_map(term).collect()
        };
        let directions = self.tails.len().max(other.tails.len());
        Series { value, tails: (0..directions).map(tail).collect(), order }
    }

    /// Adds a number to c_0.
    pub fn add_scalar(mut self, number: f64) -> Self {
        self.value = self.value.add_scalar(number);
        self
    }

    /// Multiplies by a number.
    pub fn scale(self, number: f64) -> Self {
        self.map_linear(|coefficient| coefficient.mul_scalar(number))
    }
}

impl<const D: usize> Add for Series<D> {
    type Output = Self;

    /// Coefficient by coefficient; dimensions of size 1 are broadcast.
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

//! The series itself: coefficients, truncation, and maps that act on every coefficient alike.

use burn::tensor::{DType, Tensor};

/// Truncated Taylor series along one or several directions that share their point:
/// x(e; i) = c_0 + c_{i,1} e + ... + c_{i,k} e^k + O(e^(order + 1)) along direction i, with
/// normalised coefficients c_{i,j} = x^(j)(0; i) / j!.
///
/// What depends on c_0 alone is computed once for all directions. Trailing coefficients that are
/// zero may be missing, so a constant of any order is one tensor and costs what one tensor costs.
#[derive(Debug, Clone)]
pub struct Series<const D: usize> {
    /// c_0.
    pub(super) value: Tensor<D>,
    /// c_{i,1}, c_{i,2}, ... for every direction i; a constant has no directions.
    pub(super) tails: Vec<Vec<Tensor<D>>>,
    pub(super) order: usize,
}

impl<const D: usize> Series<D> {
    /// A tensor that does not depend on e; exact at every order and along every direction.
    pub fn constant(value: Tensor<D>) -> Self {
        Self { value, tails: Vec::new(), order: usize::MAX }
    }

    /// `value` + e `direction`, truncated at `order` >= 1.
    pub fn line(value: Tensor<D>, direction: Tensor<D>, order: usize) -> Self {
        Self::with_tails(value, vec![vec![direction]], order)
    }

    /// A series from its coefficients: c_0, and c_{i,1}, c_{i,2}, ... for every direction i. Those
    /// that are left out are zero up to `order`.
    pub fn with_tails(value: Tensor<D>, tails: Vec<Vec<Tensor<D>>>, order: usize) -> Self {
        debug_assert!(
            tails.iter().all(|tail| tail.len() <= order),
            "more coefficients than orders"
        );
        Self { value, tails, order }
    }

    /// c_0.
    pub fn value(&self) -> &Tensor<D> {
        &self.value
    }

    /// c_0, giving up the rest.
    pub fn into_value(self) -> Tensor<D> {
        self.value
    }

    /// c_{i,j} of direction i, for j >= 1; `None` stands for zero.
    pub fn coefficient(&self, i: usize, j: usize) -> Option<&Tensor<D>> {
        self.tails.get(i)?.get(j.checked_sub(1)?)
    }

    /// Takes the coefficients c_{i,j} with j >= `order` >= 1 out, direction by direction; they count
    /// as zero from then on.
    pub fn split_off(&mut self, order: usize) -> Vec<Vec<Tensor<D>>> {
        let higher = |tail: &mut Vec<_>| tail.split_off(tail.len().min(order - 1));
        self.tails.iter_mut().map(higher).collect()
    }

    /// The polynomial c_0 + c_{0,1} e + ... along the first direction at e = `alpha`, as a constant.
    ///
    /// Exact where the series is a polynomial of at most its order: behind layers that are linear.
    pub fn at(&self, alpha: f64) -> Self {
        let tail = self.tails.first().map_or(&[][..], Vec::as_slice);
        // Horner's rule from the highest coefficient down.
        let mut terms = tail.iter().rev().chain([&self.value]).cloned();
        let value = terms.next().map(|last| {
            terms.fold(last, |sum, coefficient| sum.mul_scalar(alpha).add(coefficient))
        });
        Self::constant(value.unwrap_or_else(|| self.value.clone()))
    }

    /// Applies a linear map, which acts on every coefficient alike.
    pub fn map_linear<const E: usize>(self, map: impl Fn(Tensor<D>) -> Tensor<E>) -> Series<E> {
        let tails = self.tails.into_iter().map(|tail| tail.into_iter().map(&map).collect());
        Series { value: map(self.value), tails: tails.collect(), order: self.order }
    }

    /// Sizes of the dimensions.
    pub fn dims(&self) -> [usize; D] {
        self.value.dims()
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

    /// The series along direction i.
    pub(super) fn along(&self, i: usize) -> Jet<'_, D> {
        Jet { value: &self.value, tail: self.tails.get(i).map_or(&[], Vec::as_slice) }
    }

    /// A series over the same directions, whose tails `tail` computes one by one.
    pub(super) fn derive<const E: usize>(
        &self,
        value: Tensor<E>,
        tail: impl Fn(Jet<'_, D>) -> Vec<Tensor<E>>,
    ) -> Series<E> {
        let tails = (0..self.tails.len()).map(|i| tail(self.along(i))).collect();
        Series { value, tails, order: self.order }
    }
}

/// A series along one direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Jet<'a, const D: usize> {
    pub value: &'a Tensor<D>,
    pub tail: &'a [Tensor<D>],
}

impl<'a, const D: usize> Jet<'a, D> {
    /// c_j; `None` stands for zero.
    pub fn get(self, j: usize) -> Option<&'a Tensor<D>> {
        if j == 0 { Some(self.value) } else { self.tail.get(j - 1) }
    }

    /// sum over j in `terms` of bilinear(x_j, y_{k-j}); `None` stands for zero.
    pub fn convolve<const E: usize, const F: usize>(
        self,
        other: Jet<'_, E>,
        k: usize,
        terms: std::ops::RangeInclusive<usize>,
        bilinear: impl Fn(usize, Tensor<D>, Tensor<E>) -> Tensor<F>,
    ) -> Option<Tensor<F>> {
        let term = |j: usize| Some(bilinear(j, self.get(j)?.clone(), other.get(k - j)?.clone()));
        terms.filter_map(term).reduce(Tensor::add)
    }
}

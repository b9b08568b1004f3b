//! Elementary functions of series, by the recurrences that their differential equations give.

use burn::tensor::{Tensor, activation};

use super::Series;

impl<const D: usize> Series<D> {
    /// Coefficients that a function's result has: all up to the order, or one for a constant.
    fn result_length(&self) -> usize {
        if self.coefficients.len() == 1 { 1 } else { self.order.saturating_add(1) }
    }

    /// sum over j = 1..=k of weight(j) x_j y_{k-j}, skipping the zero x_j; `None` stands for zero.
    fn convolve(
        &self,
        y: &[Tensor<D>],
        k: usize,
        weight: impl Fn(usize) -> f64,
    ) -> Option<Tensor<D>> {
        let last = k.min(self.coefficients.len() - 1);
        let terms = (1..=last)
            .filter(|j| k - j < y.len())
            .map(|j| (self.coefficients[j].clone() * y[k - j].clone()).mul_scalar(weight(j)));
        terms.reduce(Tensor::add)
    }

    /// y' = f-recurrence: y_0 given, `next(k, y)` yields y_k.
    fn recur(&self, y_0: Tensor<D>, next: impl Fn(usize, &[Tensor<D>]) -> Tensor<D>) -> Self {
        let mut coefficients = vec![y_0];
        for k in 1..self.result_length() {
            let y_k = next(k, &coefficients);
            coefficients.push(y_k);
        }
        Self { coefficients, order: self.order }
    }

    /// exp(x): k y_k = sum_j j x_j y_{k-j}.
    pub fn exp(self) -> Self {
        self.recur(self.value().clone().exp(), |k, y| {
            let sum = self.convolve(y, k, |j| j as f64 / k as f64);
            sum.unwrap_or_else(|| y[0].zeros_like())
        })
    }

    /// x^p for x_0 > 0: k x_0 y_k = sum_j (p j - (k - j)) x_j y_{k-j}.
    pub fn powf(self, p: f64) -> Self {
        self.recur(self.value().clone().powf_scalar(p), |k, y| {
            let weight = |j: usize| (p * j as f64 - (k - j) as f64) / k as f64;
            let sum = self.convolve(y, k, weight);
            sum.map_or_else(|| y[0].zeros_like(), |sum| sum / self.value().clone())
        })
    }

    /// Natural logarithm for x_0 > 0: k x_0 y_k = k x_k - sum over j < k of (k - j) x_j y_{k-j}.
    pub fn ln(self) -> Self {
        self.recur(self.value().clone().log(), |k, y| {
            // The term j = k would need y_0 with weight 0: x_k itself takes its place.
            let sum = self.convolve(y, k, |j| -((k - j) as f64) / k as f64);
            let sum = sum.unwrap_or_else(|| y[0].zeros_like());
            let x_k = self.coefficient(k).cloned().unwrap_or_else(|| y[0].zeros_like());
            (x_k + sum) / self.value().clone()
        })
    }

    /// max(x, 0). At the kink x_0 = 0 the derivative is 0, as in PyTorch.
    pub fn relu(mut self) -> Self {
        let value = self.coefficients[0].clone();
        if self.coefficients.len() > 1 {
            let positive = value.clone().greater_elem(0.0).float().cast(value.dtype());
            for coefficient in &mut self.coefficients[1..] {
                *coefficient = coefficient.clone() * positive.clone();
            }
        }
        self.coefficients[0] = activation::relu(value);
        self
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, Device, TensorData};
    use proptest::prelude::*;

    use super::*;

    fn series(coefficients: &[f64], order: usize) -> Series<1> {
        let device = Device::flex();
        let tensor =
            |&c: &f64| Tensor::from_data(TensorData::new(vec![c], [1]), (&device, DType::F64));
        Series { coefficients: coefficients.iter().map(tensor).collect(), order }
    }

    /// The series' value at e.
    fn sum(series: &Series<1>, e: f64) -> f64 {
        series.at(e).into_value().into_scalar::<f64>()
    }

    /// Checks that f's series agrees with f along the polynomial `x` up to O(e^(order + 1)): halving
    /// e divides the difference by 2^(order + 1).
    fn check(x: &Series<1>, order: usize, f: impl Fn(f64) -> f64, y: &Series<1>) {
        let error = |e: f64| (sum(y, e) - f(sum(x, e))).abs();
        let (coarse, fine) = (error(2e-2), error(1e-2));
        let expected = 2f64.powi(order as i32 + 1);
        assert!(error(0.0) < 1e-15);
        assert!(fine < 1e-13 || coarse / fine > 0.6 * expected, "{coarse:e} / {fine:e}");
    }

    proptest! {
        #[test]
        fn functions_agree_with_their_values_along_a_line(
            x in 0.5f64..2.0, v in -1.0f64..1.0, p in -2.0f64..2.0, order in 1usize..5,
        ) {
            let line = series(&[x, v], order);
            check(&line, order, f64::exp, &line.clone().exp());
            check(&line, order, f64::ln, &line.clone().ln());
            check(&line, order, |x| x.powf(p), &line.clone().powf(p));
            check(&line, order, |x| x * x.exp(), &(line.clone() * line.clone().exp()));
            check(&line, order, |x| (x.exp()).ln() - x, &(line.clone().exp().ln() - line.clone()));
        }
    }

    #[test]
    fn relu_passes_derivatives_where_positive_and_none_at_the_kink() {
        for (value, slope) in [(2.0, 3.0), (-2.0, 0.0), (0.0, 0.0)] {
            let y = series(&[value, 3.0], 1).relu();
            let found = y.coefficient(1).map(|c| c.clone().into_scalar::<f64>());
            assert_eq!(found, Some(slope));
        }
    }

    #[test]
    fn a_constant_stays_one_tensor() {
        let y = series(&[2.0], 4).exp() * series(&[3.0], usize::MAX);
        assert_eq!(y.coefficients.len(), 1);
    }
}

//! Elementary functions of series, by the recurrences that their differential equations give.

use std::cell::LazyCell;
use std::f64::consts::{FRAC_1_SQRT_2, TAU};

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

    /// The y with y(x_0) = y_0 and dy/dx = slope(y): k y_k = sum_j j x_j slope(y)_{k-j}.
    fn solve(&self, y_0: Tensor<D>, slope: impl Fn(Self) -> Self) -> Self {
        self.recur(y_0, |k, y| {
            let slope = slope(Self { coefficients: y.to_vec(), order: k - 1 });
            let sum = self.convolve(&slope.coefficients, k, |j| j as f64 / k as f64);
            sum.unwrap_or_else(|| y[0].zeros_like())
        })
    }

    /// tanh(x): dy/dx = 1 - y².
    pub fn tanh(self) -> Self {
        let y_0 = self.value().clone().tanh();
        self.solve(y_0, |y| (y.clone() * y).scale(-1.0).add_scalar(1.0))
    }

    /// 1 / (1 + exp(-x)): dy/dx = y - y².
    pub fn sigmoid(self) -> Self {
        let y_0 = activation::sigmoid(self.value().clone());
        self.solve(y_0, |y| y.clone() - y.clone() * y)
    }

    /// ln(1 + exp(x)): dy/dx = sigmoid(x).
    pub fn softplus(self) -> Self {
        // With m = max(x, 0) it is m + ln(exp(x - m) + exp(-m)), where nothing overflows. As m
        // cancels, holding it fixed leaves reverse mode the right derivative at x = 0 too.
        let x = self.value().clone();
        let m = activation::relu(x.clone().detach());
        let rest = m.clone().neg().exp().sub_scalar(1.0);
        let y_0 = m.clone() + ((x - m).exp() + rest).log1p();
        let slope = LazyCell::new(|| self.clone().sigmoid());
        self.solve(y_0, |_| LazyCell::force(&slope).clone())
    }

    /// x Phi(x), the Gaussian error linear unit (Hendrycks & Gimpel 2016), with the normal
    /// distribution Phi(x) = (1 + erf(x / sqrt 2)) / 2: dPhi/dx = exp(-x²/2) / sqrt(2 pi).
    pub fn gelu(self) -> Self {
        let erf = self.value().clone().mul_scalar(FRAC_1_SQRT_2).erf();
        let density = LazyCell::new(|| {
            (self.clone() * self.clone()).scale(-0.5).exp().scale(TAU.sqrt().recip())
        });
        let distribution =
            self.solve(erf.mul_scalar(0.5).add_scalar(0.5), |_| LazyCell::force(&density).clone());
        self.clone() * distribution
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

    type Function = fn(Series<1>) -> Series<1>;

    /// The series' value at e.
    fn sum(series: &Series<1>, e: f64) -> f64 {
        series.at(e).into_value().into_scalar::<f64>()
    }

    /// Checks that f's series agrees with f along the polynomial `x` up to O(e^(order + 1)): halving
    /// e divides the difference by 2^(order + 1), where it is not 0 to a ten-thousandth of what the
    /// last coefficient contributes.
    fn check(x: &Series<1>, order: usize, f: impl Fn(f64) -> f64, y: &Series<1>) {
        let error = |e: f64| (sum(y, e) - f(sum(x, e))).abs();
        let (coarse, fine) = (error(2e-2), error(1e-2));
        let expected = 2f64.powi(order as i32 + 1);
        assert!(error(0.0) < 1e-15);
        let is_none = fine < 1e-13 + 1e-4 * 1e-2f64.powi(order as i32);
        assert!(is_none || coarse / fine > 0.6 * expected, "{coarse:e} / {fine:e}");
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

    /// Phi(x) = 1/2 + density(x) (x + x³/3 + x⁵/(3 5) + ...).
    fn normal_distribution(x: f64) -> f64 {
        let mut term = x;
        let mut sum = 0.0;
        for odd in (3..200).step_by(2) {
            sum += term;
            term *= x * x / f64::from(odd);
        }
        0.5 + sum * (-x * x / 2.0).exp() / TAU.sqrt()
    }

    proptest! {
        #[test]
        fn activations_agree_with_their_values_along_a_line(
            x in -2.0f64..2.0, v in -1.0f64..1.0, order in 1usize..5,
        ) {
            let line = series(&[x, v], order);
            check(&line, order, f64::tanh, &line.clone().tanh());
            check(&line, order, |x| 1.0 / (1.0 + (-x).exp()), &line.clone().sigmoid());
            check(&line, order, |x| x.exp().ln_1p(), &line.clone().softplus());
            check(&line, order, |x| x * normal_distribution(x), &line.clone().gelu());
        }
    }

    #[test]
    fn activations_neither_overflow_nor_lose_the_small_end() {
        // f(x) and f'(x) at both far ends; softplus(-30) = exp(-30) to rounding.
        let ends = |f: Function, x: f64| {
            let y = f(series(&[x, 1.0], 1));
            [0, 1].map(|j| y.coefficient(j).map(|c| c.clone().into_scalar::<f64>()))
        };
        let cases: [(Function, f64, f64, f64); 7] = [
            (Series::tanh, 50.0, 1.0, 0.0),
            (Series::tanh, -50.0, -1.0, 0.0),
            (Series::softplus, 1000.0, 1000.0, 1.0),
            (Series::softplus, -1000.0, 0.0, 0.0),
            (Series::gelu, 1000.0, 1000.0, 1.0),
            (Series::gelu, -1000.0, 0.0, 0.0),
            (Series::sigmoid, -1000.0, 0.0, 0.0),
        ];
        for (f, x, value, slope) in cases {
            assert_eq!(ends(f, x), [Some(value), Some(slope)], "at {x}");
        }
        let [small, _] = ends(Series::softplus, -30.0);
        assert!(small.is_some_and(|small| (small / (-30f64).exp() - 1.0).abs() < 1e-12));
    }

    #[test]
    fn reverse_mode_through_an_activation_agrees_with_the_series() {
        let functions: [Function; 3] = [Series::tanh, Series::softplus, Series::gelu];
        let device = Device::flex().autodiff();
        for (f, x) in functions.into_iter().flat_map(|f| [-1.5, 0.0, 0.7].map(|x| (f, x))) {
            let data = TensorData::new(vec![x], [1]);
            let leaf = Tensor::<1>::from_data(data, (&device, DType::F64)).require_grad();
            let gradients = f(Series::constant(leaf.clone())).into_value().backward();
            let reverse = leaf.grad(&gradients).map(|gradient| gradient.into_scalar::<f64>());
            let forward = f(series(&[x, 1.0], 1));
            let forward = forward.coefficient(1).map(|c| c.clone().into_scalar::<f64>());
            let difference = reverse.zip(forward).map(|(a, b)| (a - b).abs());
            assert!(difference.is_some_and(|d| d < 1e-14), "{reverse:?} {forward:?} at {x}");
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

//! Elementary functions of series, by the recurrences that their differential equations give.

use std::cell::LazyCell;
use std::f64::consts::{FRAC_1_SQRT_2, TAU};
use std::ops::RangeInclusive;

use burn::tensor::{Tensor, activation};

use super::Series;
use super::series::Jet;

impl<const D: usize> Series<D> {
    /// y with y_0 given, of which `next(k, x, y)` yields y_k along each direction from the
    /// coefficients before; `None` stands for zero.
    fn recur(
        &self,
        y_0: Tensor<D>,
        next: impl Fn(usize, Jet<'_, D>, Jet<'_, D>) -> Option<Tensor<D>>,
    ) -> Self {
        self.derive(y_0.clone(), |x| {
            let mut tail = Vec::new();
            let length = if x.tail.is_empty() { 0 } else { self.order };
            for k in 1..=length {
                let y_k = next(k, x, Jet { value: &y_0, tail: &tail });
                tail.push(y_k.unwrap_or_else(|| y_0.zeros_like()));
            }
            tail
        })
    }

    /// x²: y_k = 2 x_0 x_k + sum over 0 < j < k of x_j x_{k-j}.
    pub fn square(self) -> Self {
        let twice = LazyCell::new(|| self.value.clone().mul_scalar(2.0));
        self.recur(self.value.clone().square(), |k, x, _| {
            let ends = x.get(k).map(|x_k| x_k.clone() * LazyCell::force(&twice).clone());
            let inner = x.convolve(x, k, 1..=k - 1, |_, a, b| a * b);
            [ends, inner].into_iter().flatten().reduce(Tensor::add)
        })
    }

    /// exp(x): k y_k = sum_j j x_j y_{k-j}.
    pub fn exp(self) -> Self {
        self.recur(self.value.clone().exp(), |k, x, y| {
            weighted(x, y, k, 1..=k, |j| j as f64 / k as f64)
        })
    }

    /// x^p for x_0 > 0: k x_0 y_k = sum_j (p j - (k - j)) x_j y_{k-j}.
    pub fn powf(self, p: f64) -> Self {
        let inverse = LazyCell::new(|| self.value.clone().recip());
        self.recur(self.value.clone().powf_scalar(p), |k, x, y| {
            let weight = |j: usize| (p * j as f64 - (k - j) as f64) / k as f64;
            Some(weighted(x, y, k, 1..=k, weight)? * LazyCell::force(&inverse).clone())
        })
    }

    /// Natural logarithm for x_0 > 0: k x_0 y_k = k x_k - sum over j < k of (k - j) x_j y_{k-j}.
    pub fn ln(self) -> Self {
        let inverse = LazyCell::new(|| self.value.clone().recip());
        self.recur(self.value.clone().log(), |k, x, y| {
            // The term j = k would need y_0 with weight 0: x_k itself takes its place.
            let sum = weighted(x, y, k, 1..=k - 1, |j| -((k - j) as f64) / k as f64);
            let terms = [x.get(k).cloned(), sum];
            Some(
                terms.into_iter().flatten().reduce(Tensor::add)?
                    * LazyCell::force(&inverse).clone(),
            )
        })
    }

    /// The y with y(x_0) = y_0 and dy/dx = slope(y): k y_k = sum_j j x_j slope(y)_{k-j}.
    fn solve(&self, y_0: Tensor<D>, slope: impl Fn(Self) -> Self) -> Self {
        self.recur(y_0, |k, x, y| {
            let known = Self { value: y.value.clone(), tails: vec![y.tail.to_vec()], order: k - 1 };
            let slope = slope(known);
            weighted(x, slope.along(0), k, 1..=k, |j| j as f64 / k as f64)
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

    /// The y with y(x_0) = y_0 and dy/dx = `slope`: k y_k = sum_j j x_j slope_{k-j}.
    fn integrate(&self, y_0: Tensor<D>, slope: impl FnOnce() -> Self) -> Self {
        if self.tails.is_empty() {
            return Self { value: y_0, ..self.clone() };
        }
        let slope = slope();
        let tail = |i| {
            let (x, slope) = (self.along(i), slope.along(i));
            let term = |k| weighted(x, slope, k, 1..=k, |j| j as f64 / k as f64);
            (1..=self.order).map_while(term).collect()
        };
        Self { value: y_0, tails: (0..self.tails.len()).map(tail).collect(), order: self.order }
    }

    /// ln(1 + exp(x)): dy/dx = sigmoid(x).
    pub fn softplus(self) -> Self {
        // With m = max(x, 0) it is m + ln(exp(x - m) + exp(-m)), where nothing overflows. As m
        // cancels, holding it fixed leaves reverse mode the right derivative at x = 0 too.
        let x = self.value.clone();
        let m = activation::relu(x.clone().detach());
        let rest = m.clone().neg().exp().sub_scalar(1.0);
        let y_0 = m.clone() + ((x - m).exp() + rest).log1p();
        self.integrate(y_0, || self.clone().sigmoid())
    }

    /// x Phi(x), the Gaussian error linear unit (Hendrycks & Gimpel 2016), with the normal
    /// distribution Phi(x) = (1 + erf(x / sqrt 2)) / 2: dPhi/dx = exp(-x²/2) / sqrt(2 pi).
    pub fn gelu(self) -> Self {
        let erf = self.value.clone().mul_scalar(FRAC_1_SQRT_2).erf();
        let density = || (self.clone() * self.clone()).scale(-0.5).exp().scale(TAU.sqrt().recip());
        let distribution = self.integrate(erf.mul_scalar(0.5).add_scalar(0.5), density);
        self * distribution
    }

    /// max(x, 0). At the kink x_0 = 0 the derivative is 0, as in PyTorch.
    pub fn relu(self) -> Self {
        let positive =
            LazyCell::new(|| self.value.clone().greater_elem(0.0).float().cast(self.value.dtype()));
        self.derive(activation::relu(self.value.clone()), |x| {
            let pass = |c: &Tensor<D>| c.clone() * LazyCell::force(&positive).clone();
            x.tail.iter().map(pass).collect()
        })
    }
}

/// sum over j in `terms` of weight(j) x_j y_{k-j}; `None` stands for zero.
fn weighted<const D: usize>(
    x: Jet<'_, D>,
    y: Jet<'_, D>,
    k: usize,
    terms: RangeInclusive<usize>,
    weight: impl Fn(usize) -> f64,
) -> Option<Tensor<D>> {
    x.convolve(y, k, terms, |j, x, y| (x * y).mul_scalar(weight(j)))
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
        let tail: Vec<_> = coefficients[1..].iter().map(tensor).collect();
        let tails = if tail.is_empty() { Vec::new() } else { vec![tail] };
        Series { value: tensor(&coefficients[0]), tails, order }
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
            check(&line, order, |x| x * x, &line.clone().square());
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
            [Some(y.value()), y.coefficient(0, 1)]
                .map(|c| c.map(|c| c.clone().into_scalar::<f64>()))
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
            let forward = forward.coefficient(0, 1).map(|c| c.clone().into_scalar::<f64>());
            let difference = reverse.zip(forward).map(|(a, b)| (a - b).abs());
            assert!(difference.is_some_and(|d| d < 1e-14), "{reverse:?} {forward:?} at {x}");
        }
    }

    #[test]
    fn relu_passes_derivatives_where_positive_and_none_at_the_kink() {
        for (value, slope) in [(2.0, 3.0), (-2.0, 0.0), (0.0, 0.0)] {
            let y = series(&[value, 3.0], 1).relu();
            let found = y.coefficient(0, 1).map(|c| c.clone().into_scalar::<f64>());
            assert_eq!(found, Some(slope));
        }
    }

    #[test]
    fn a_constant_stays_one_tensor() {
        let y = series(&[2.0], 4).exp() * series(&[3.0], usize::MAX);
        assert!(y.tails.is_empty());
    }
}

//! The floating-point formats that numbers are computed in.

use crate::choice::choice;

choice! {
    /// Floating-point format.
    Precision {
        /// 32 bits.
        F32 = "f32",
        /// 64 bits.
        F64 = "f64",
    }
}

/// A number of one of the formats.
pub trait Number: Copy + Default + Send + Sync + Into<f64> + PartialEq + 'static {
    /// The nearest number of this format.
    fn nearest(value: f64) -> Self;

    /// Writes `factor` times sums: the nearest numbers, or once in some millions a neighbour, and infinite sums perhaps
    /// no number. `fused` says that the CPU has fused operations.
    fn scale(sums: &[f32], factor: f64, fused: bool, to: &mut [Self]);
}

impl Number for f32 {
    #[inline(always)]
    fn nearest(value: f64) -> Self {
        value as Self
    }

    /// Where it can, by the factor as two numbers of 32 bits: twice as many of them fill a vector.
    #[inline(always)]
    fn scale(sums: &[f32], factor: f64, fused: bool, to: &mut [Self]) {
        let high = factor as Self;
        let low = (factor - f64::from(high)) as Self;
        for (to, &sum) in to.iter_mut().zip(sums) {
            *to = if fused {
                sum.mul_add(high, sum * low)
            } else {
                Self::nearest(factor * f64::from(sum))
            };
        }
    }
}

impl Number for f64 {
    #[inline(always)]
    fn nearest(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn scale(sums: &[f32], factor: f64, _: bool, to: &mut [Self]) {
        for (to, &sum) in to.iter_mut().zip(sums) {
            *to = factor * f64::from(sum);
        }
    }
}

impl Precision {
    /// Bytes of a number.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => size_of::<f32>(),
            Self::F64 => size_of::<f64>(),
        }
    }

    /// The nearest number of this format.
    #[inline(always)]
    pub fn rounded(self, value: f64) -> f64 {
        match self {
            Self::F32 => f32::nearest(value).into(),
            Self::F64 => value,
        }
    }

    /// Makes every entry a number of this format.
    pub fn round(self, values: &mut [f64]) {
        values.iter_mut().for_each(|value| *value = self.rounded(*value));
    }
}

#[cfg(test)]
mod tests {
    use super::Number;

    #[test]
    fn scaled_sums_are_the_nearest_numbers() {
        let sums: Vec<f32> = (1..10_000).map(|i| i as f32 / 7.0).collect();
        for factor in [0.01, 1.0 / 3.0, 0.25, 1e-30] {
            let expected: Vec<f32> = sums.iter().map(|&x| (factor * f64::from(x)) as f32).collect();
            for fused in [false, true] {
                let mut found = vec![f32::NAN; sums.len()];
                f32::scale(&sums, factor, fused, &mut found);
                assert_eq!(found, expected, "{factor}, fused: {fused}");
            }
        }
    }
}

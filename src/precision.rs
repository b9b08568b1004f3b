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

    /// Writes `factor` times sums: the nearest numbers, or once in some millions a neighbour.
    fn scale(sums: &[f32], factor: f64, to: &mut [Self]);
}

impl Number for f32 {
    #[inline(always)]
    fn nearest(value: f64) -> Self {
        value as Self
    }

    /// By the factor as two numbers of 32 bits, as more of them fill a vector.
    #[inline(always)]
    fn scale(sums: &[f32], factor: f64, to: &mut [Self]) {
        let high = factor as Self;
        let low = (factor - f64::from(high)) as Self;
        for (to, &sum) in to.iter_mut().zip(sums) {
            *to = sum.mul_add(high, sum * low);
        }
    }
}

impl Number for f64 {
    #[inline(always)]
    fn nearest(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn scale(sums: &[f32], factor: f64, to: &mut [Self]) {
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

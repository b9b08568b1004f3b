//! Matrices for the tests, with eigenvalues known beforehand.

use super::krylov::pseudo_random;
use super::{axpy, dot, norm, scale};

/// A square matrix, row-major.
#[derive(Debug, Clone)]
pub struct Dense {
    pub n: usize,
    pub entries: Vec<f64>,
}

impl Dense {
    /// Q diag(spectrum) Q' with Q the product of three reflections.
    pub fn with_spectrum(spectrum: &[f64]) -> Self {
        let n = spectrum.len();
        let reflect = |vector: &mut [f64]| {
            for seed in 101..104 {
                let mut normal = pseudo_random(seed, n);
                scale(1.0 / norm(&normal), &mut normal);
                axpy(-2.0 * dot(&normal, vector), &normal, vector);
            }
        };
        let mut matrix = Self { n, entries: vec![0.0; n * n] };
        for (i, value) in spectrum.iter().enumerate() {
            let mut column = vec![0.0; n];
            column[i] = 1.0;
            reflect(&mut column);
            for (row, entry) in matrix.entries.chunks_mut(n).zip(&column) {
                axpy(value * entry, &column, row);
            }
        }
        matrix
    }

    /// X'X / rows, where the entries of X are independent with mean 0 and variance 1.
    pub fn wishart(rows: usize, n: usize) -> Self {
        let mut matrix = Self { n, entries: vec![0.0; n * n] };
        for seed in 200..200 + rows {
            let mut sample = pseudo_random(seed as u64, n);
            scale((3.0 / rows as f64).sqrt(), &mut sample);
            for (row, entry) in matrix.entries.chunks_mut(n).zip(&sample) {
                axpy(*entry, &sample, row);
            }
        }
        matrix
    }

    pub fn times(&self, vector: &[f64]) -> Vec<f64> {
        self.entries.chunks(self.n.max(1)).map(|row| dot(row, vector)).collect()
    }
}

/// n simple eigenvalues in (-1, 1), their squares evenly spaced.
pub fn spread(n: usize) -> Vec<f64> {
    (0..n).map(|i| ((i as f64 + 0.5) / n as f64).sqrt() * [1.0, -1.0][i % 2]).collect()
}

//! All eigenvalues of a small symmetric matrix, dense or tridiagonal.
//!
//! Householder reflections make the matrix tridiagonal, implicitly shifted QR steps make that one
//! diagonal (Golub & Van Loan, 4th edition, 2013, sections 8.3.1 and 8.3.3). Errors are about a
//! rounding unit of the largest eigenvalue, so much smaller ones have few correct digits. Meant for
//! a few hundred rows: nothing is blocked and no half of the matrix is spared.

use super::{axpy, dot, norm, scale};

/// QR steps allowed for each eigenvalue; two or three are usual, a NaN would use any number.
const STEPS_PER_VALUE: usize = 30;

/// Eigenvalues in descending order, each with a row that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigen {
    /// The eigenvalues.
    pub values: Vec<f64>,
    /// For each eigenvalue its normalised eigenvector, of either sign, or a part of it.
    pub vectors: Vec<Vec<f64>>,
}

/// Eigenvalues and eigenvectors of a symmetric matrix: n² entries, row-major.
///
/// All entries must be finite, otherwise the values mean nothing. Cost: about 10 n³ operations.
///
/// # Panics
/// If the number of entries is not a square.
///
/// ```
/// let eigen = losswalk::linalg::symmetric(&[2.0, 1.0, 1.0, 2.0]);
/// assert!((eigen.values[0] - 3.0).abs() < 1e-15 && (eigen.values[1] - 1.0).abs() < 1e-15);
/// ```
pub fn symmetric(entries: &[f64]) -> Eigen {
    let n = entries.len().isqrt();
    assert_eq!(n * n, entries.len(), "a square matrix");
    let mut rows: Vec<Vec<f64>> = (0..n).map(|i| entries[i * n..(i + 1) * n].to_vec()).collect();
    let mut vectors: Vec<Vec<f64>> = (0..n).map(|i| unit_vector(n, i)).collect();
    for k in 0..n.saturating_sub(2) {
        reflect(&mut rows, &mut vectors, k);
    }
    let diagonal = (0..n).map(|i| rows[i][i]).collect();
    let beside = (1..n).map(|i| rows[i - 1][i]).collect();
    diagonalise(diagonal, beside, vectors)
}

/// Eigenvalues of the symmetric tridiagonal matrix with `diagonal` (n) and `beside` it (n - 1), and
/// the first entry of each eigenvector: a Gauss rule's nodes and the roots of its weights (Golub &
/// Welsch 1969). Cost: about 30 n² operations.
///
/// # Panics
/// If the lengths do not fit.
pub fn tridiagonal(diagonal: Vec<f64>, beside: Vec<f64>) -> Eigen {
    assert_eq!(diagonal.len(), beside.len() + usize::from(!diagonal.is_empty()), "lengths");
    let first = unit_vector(diagonal.len(), 0).into_iter().map(|entry| vec![entry]).collect();
    diagonalise(diagonal, beside, first)
}

fn unit_vector(n: usize, i: usize) -> Vec<f64> {
    (0..n).map(|j| f64::from(u8::from(i == j))).collect()
}

/// Row k becomes tridiagonal by the reflection H = I - 2vv', which acts on the rows below k only:
/// HAH = A - 2vw' - 2wv' with w = Av - (v'Av)v, and `vectors` becomes H · `vectors`.
fn reflect(rows: &mut [Vec<f64>], vectors: &mut [Vec<f64>], k: usize) {
    let mut v = rows[k][k + 1..].to_vec();
    if v[1..].iter().all(|&entry| entry == 0.0) {
        return;
    }
    let beside = -norm(&v).copysign(v[0]);
    v[0] -= beside;
    scale(1.0 / norm(&v), &mut v);
    rows[k][k + 1] = beside;
    let below = &mut rows[k + 1..];
    let mut w: Vec<f64> = below.iter().map(|row| dot(&row[k + 1..], &v)).collect();
    axpy(-dot(&v, &w), &v, &mut w);
    for (i, row) in below.iter_mut().enumerate() {
        axpy(-2.0 * v[i], &w, &mut row[k + 1..]);
        axpy(-2.0 * w[i], &v, &mut row[k + 1..]);
    }
    let mut along = vec![0.0; vectors[0].len()];
    vectors[k + 1..].iter().zip(&v).for_each(|(row, v)| axpy(*v, row, &mut along));
    vectors[k + 1..].iter_mut().zip(&v).for_each(|(row, v)| axpy(-2.0 * v, &along, row));
}

/// Diagonalises T = Q diag(values) Q'; `vectors` becomes Q' · `vectors`.
fn diagonalise(mut diagonal: Vec<f64>, mut beside: Vec<f64>, mut vectors: Vec<Vec<f64>>) -> Eigen {
    let size = diagonal.iter().chain(&beside).fold(0.0f64, |size, entry| size.max(entry.abs()));
    let negligible = f64::EPSILON * size;
    let mut last = diagonal.len().saturating_sub(1);
    let mut steps = STEPS_PER_VALUE * diagonal.len();
    while last > 0 && steps > 0 {
        if beside[last - 1].abs() <= negligible {
            last -= 1;
            continue;
        }
        let cut = beside[..last].iter().rposition(|entry| entry.abs() <= negligible);
        qr_step(&mut diagonal, &mut beside, &mut vectors, cut.map_or(0, |cut| cut + 1), last);
        steps -= 1;
    }
    let mut pairs: Vec<_> = diagonal.into_iter().zip(vectors).collect();
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (values, vectors) = pairs.into_iter().unzip();
    Eigen { values, vectors }
}

/// One implicit QR step with Wilkinson's shift on rows first..=last: rotations of neighbouring rows
/// and columns, each of which moves the entry outside the three diagonals down by one.
fn qr_step(d: &mut [f64], e: &mut [f64], vectors: &mut [Vec<f64>], first: usize, last: usize) {
    let corner = e[last - 1];
    let half = (d[last - 1] - d[last]) / 2.0;
    let shift = d[last] - corner / (half + half.hypot(corner).copysign(half)) * corner;
    let (mut keep, mut clear) = (d[first] - shift, e[first]);
    for k in first..last {
        let length = keep.hypot(clear);
        let (c, s) = if length == 0.0 { (1.0, 0.0) } else { (keep / length, clear / length) };
        if k > first {
            e[k - 1] = length;
        }
        let (a, b, g) = (d[k], e[k], d[k + 1]);
        d[k] = c * c * a + 2.0 * c * s * b + s * s * g;
        d[k + 1] = s * s * a - 2.0 * c * s * b + c * c * g;
        e[k] = c * s * (g - a) + (c * c - s * s) * b;
        if k + 1 < last {
            (keep, clear) = (e[k], s * e[k + 1]);
            e[k + 1] *= c;
        }
        let (upper, lower) = vectors.split_at_mut(k + 1);
        for (x, y) in upper[k].iter_mut().zip(&mut lower[0]) {
            (*x, *y) = (c * *x + s * *y, c * *y - s * *x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::known_spectrum::{Dense, spread};
    use super::*;

    /// The largest entry of |A v - λ v| and |V'V - I| over all pairs, over the largest |λ|.
    fn error(matrix: &Dense, eigen: &Eigen) -> f64 {
        let size = eigen.values.iter().fold(f64::MIN_POSITIVE, |size, value| size.max(value.abs()));
        let mut worst = 0.0f64;
        for (i, vector) in eigen.vectors.iter().enumerate() {
            let mut residual = matrix.times(vector);
            axpy(-eigen.values[i], vector, &mut residual);
            worst = worst.max(norm(&residual) / size);
            for (j, other) in eigen.vectors.iter().enumerate() {
                worst = worst.max((dot(vector, other) - f64::from(u8::from(i == j))).abs());
            }
        }
        worst
    }

    #[test]
    fn recovers_spectra_that_are_spread_repeated_graded_or_deficient() {
        let graded = (0..40).map(|i| 10f64.powi(-i)).collect();
        let repeated = (0..60).map(|i| f64::from(i / 7) - 4.0).collect();
        let deficient = (0..50).map(|i| if i < 3 { 1.0 } else { 0.0 }).collect();
        for spectrum in [spread(120), graded, repeated, deficient, vec![-2.0], vec![], vec![0.0; 5]]
        {
            let matrix = Dense::with_spectrum(&spectrum);
            let eigen = symmetric(&matrix.entries);
            let mut expected = spectrum.clone();
            expected.sort_by(|a, b| b.total_cmp(a));
            let off = expected.iter().zip(&eigen.values).map(|(a, b)| (a - b).abs());
            assert!(off.fold(0.0, f64::max) < 1e-13, "{spectrum:?} {:?}", eigen.values);
            assert!(error(&matrix, &eigen) < 1e-13, "{spectrum:?}");
        }
    }

    #[test]
    fn diagonal_matrices_are_sorted_and_exact() {
        let eigen = symmetric(&[1.0, 0.0, 0.0, 0.0, -3.0, 0.0, 0.0, 0.0, 2.0]);
        assert_eq!(eigen.values, [2.0, 1.0, -3.0]);
        assert_eq!(eigen.vectors, [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
    }

    /// Eigenvalues 2 - 2cos(kπ/(n+1)), first entries sqrt(2/(n+1)) sin(kπ/(n+1)).
    #[test]
    fn tridiagonal_second_difference_has_its_closed_form() {
        let n = 50;
        let eigen = tridiagonal(vec![2.0; n], vec![-1.0; n - 1]);
        for (i, (value, vector)) in eigen.values.iter().zip(&eigen.vectors).enumerate() {
            let angle = (n - i) as f64 * std::f64::consts::PI / (n + 1) as f64;
            assert!((value - (2.0 - 2.0 * angle.cos())).abs() < 1e-14);
            let first = (2.0 / (n + 1) as f64).sqrt() * angle.sin();
            assert!((vector[0].abs() - first).abs() < 1e-14);
        }
    }

    #[test]
    fn a_nan_ends() {
        assert!(symmetric(&[f64::NAN; 25]).values.iter().any(|value| value.is_nan()));
    }
}

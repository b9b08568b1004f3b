//! The density of all eigenvalues and the trace, from a few random probes: stochastic Lanczos
//! quadrature.
//!
//! For a probe z with independent entries ±1, v = z/‖z‖ and f any function, v'f(A)v has the mean
//! trace f(A) / n, and m steps of Lanczos from v give the Gauss rule Σ w_i f(θ_i) for it, exact for
//! polynomials of degree below 2m. Sources: Lin, Saad & Yang 2016 (SIAM Review 58, 34); Ghorbani,
//! Krishnan & Xiao 2019 (arXiv 1901.10159), section 2. A density of width σ needs m of about the
//! spectrum's width over σ; single eigenvalues away from the bulk are placed exactly, but weigh
//! about 1/n and so may be lost in a drawing.

use std::f64::consts::TAU;

use super::krylov::{Krylov, NotFinite};
use super::tridiagonal;

/// A Gauss rule for the spectral density that one probe sees.
#[derive(Debug, Clone, PartialEq)]
pub struct Quadrature {
    /// θ_i, descending.
    pub nodes: Vec<f64>,
    /// w_i >= 0, with sum 1.
    pub weights: Vec<f64>,
    /// n, the length of the probe.
    pub dimension: usize,
}

impl Quadrature {
    /// Σ w_i θ_i^power, which estimates trace(A^power) / n; for power 1 it is z'Az / z'z.
    pub fn moment(&self, power: i32) -> f64 {
        self.nodes.iter().zip(&self.weights).map(|(node, weight)| weight * node.powi(power)).sum()
    }
}

/// The rule for one probe, of `steps` nodes, or fewer if v spans an invariant subspace with them.
///
/// Memory: `steps` + 2 vectors of the probe's length n. Cost: `steps` products, and 4 n `steps`²
/// operations to keep the basis orthogonal. No nodes if `steps` or n is 0. A probe of zeros is
/// replaced by another direction.
///
/// # Errors
/// The operator's own, and [`NotFinite`] at the first product with NaN or infinity.
///
/// # Panics
/// If the operator returns a vector of another length.
///
/// ```
/// use losswalk::linalg::{NotFinite, quadrature};
/// let twice = |v: &[f64]| Ok::<_, NotFinite>(v.iter().map(|v| 2.0 * v).collect());
/// let rule = quadrature(twice, vec![1.0, -1.0, -1.0, 1.0], 10)?;
/// assert_eq!((rule.nodes, rule.weights), (vec![2.0], vec![1.0]));
/// # Ok::<_, NotFinite>(())
/// ```
pub fn quadrature<E: From<NotFinite>>(
    apply: impl FnMut(&[f64]) -> Result<Vec<f64>, E>,
    probe: Vec<f64>,
    steps: usize,
) -> Result<Quadrature, E> {
    let dimension = probe.len();
    let mut krylov = Krylov::new(apply, probe);
    let (mut diagonal, mut beside) = (Vec::new(), Vec::new());
    while diagonal.len() < steps.min(dimension) {
        let (entry, outside) = krylov.step()?;
        diagonal.push(entry);
        beside.push(outside);
        if outside == 0.0 {
            break;
        }
    }
    beside.pop();
    let eigen = tridiagonal(diagonal, beside);
    let weights = eigen.vectors.iter().map(|first| first[0] * first[0]).collect();
    Ok(Quadrature { nodes: eigen.values, weights, dimension })
}

/// The spectral density at each point of `grid`: the rules' mean, smoothed by a Gaussian of
/// standard deviation `width`. Its integral over the line is 1; so is its sum times the spacing of
/// an even grid no coarser than `width` that leaves 6 widths on both sides of the nodes.
pub fn density(rules: &[Quadrature], width: f64, grid: &[f64]) -> Vec<f64> {
    let factor = 1.0 / (rules.len() as f64 * width * TAU.sqrt());
    let at = |x: f64| {
        let nodes = rules.iter().flat_map(|rule| rule.nodes.iter().zip(&rule.weights));
        nodes.map(|(node, w)| w * (-((x - node) / width).powi(2) / 2.0).exp()).sum::<f64>()
    };
    grid.iter().map(|&x| factor * at(x)).collect()
}

/// An estimate of the trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trace {
    /// n times the mean first moment (NaN for no probes).
    pub estimate: f64,
    /// The standard deviation over the probes divided by the root of their number; none for fewer
    /// than two.
    pub standard_error: Option<f64>,
}

/// The trace from probes with independent entries ±1 (Hutchinson 1990).
pub fn trace(rules: &[Quadrature]) -> Trace {
    let count = rules.len() as f64;
    let traces = rules.iter().map(|rule| rule.dimension as f64 * rule.moment(1));
    let estimate = traces.clone().sum::<f64>() / count;
    let squares: f64 = traces.map(|trace| (trace - estimate).powi(2)).sum();
    let standard_error = (rules.len() > 1).then(|| (squares / (count - 1.0) / count).sqrt());
    Trace { estimate, standard_error }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::known_spectrum::{Dense, spread};
    use super::super::{dot, krylov::pseudo_random};
    use super::*;

    fn rule(matrix: &Dense, seed: u64, steps: usize) -> Quadrature {
        let probe = pseudo_random(seed, matrix.n).iter().map(|x| x.signum()).collect();
        quadrature(|v| Ok::<_, NotFinite>(matrix.times(v)), probe, steps).unwrap()
    }

    #[test]
    fn all_moments_below_twice_the_steps_are_exact() {
        let matrix = Dense::with_spectrum(&spread(12));
        for steps in [1, 4, 12, 20] {
            let rule = rule(&matrix, 5, steps);
            assert_eq!(rule.nodes.len(), steps.min(12));
            let probe: Vec<f64> = pseudo_random(5, 12).iter().map(|x| x.signum()).collect();
            let mut power = probe.clone();
            for degree in 0..2 * steps as i32 {
                let expected = dot(&probe, &power) / 12.0;
                assert!((rule.moment(degree) - expected).abs() < 1e-14, "{steps} {degree}");
                power = matrix.times(&power);
            }
        }
    }

    #[test]
    fn multiples_of_the_identity_are_exact() {
        let rules = [1, 2, 3].map(|seed| rule(&Dense::with_spectrum(&[1.5; 40]), seed, 10));
        assert!((trace(&rules).estimate - 60.0).abs() < 1e-12);
        assert!(trace(&rules).standard_error.unwrap() < 1e-12);
        assert_eq!(trace(&rules[..1]).standard_error, None);
    }

    #[test]
    fn trace_of_random_matrices_lies_within_four_standard_errors() {
        for rows in [20, 100, 400] {
            let matrix = Dense::wishart(rows, 100);
            let rules: Vec<_> = (1000..1030).map(|seed| rule(&matrix, seed, 3)).collect();
            let exact: f64 = (0..100).map(|i| matrix.entries[101 * i]).sum();
            let Trace { estimate, standard_error } = trace(&rules);
            let error = standard_error.unwrap();
            assert!((estimate - exact).abs() < 4.0 * error && error < 0.1 * exact);
        }
    }

    /// Over the rows of a Hadamard matrix, which are orthogonal, the mean of z'f(A)z / n is exact.
    #[test]
    fn density_over_orthogonal_probes_is_exact_and_integrates_to_one() {
        let spectrum = spread(64);
        let matrix = Dense::with_spectrum(&spectrum);
        let probe =
            |i: u32| (0..64).map(move |j: u32| [1.0, -1.0][(i & j).count_ones() as usize % 2]);
        let apply = |v: &[f64]| Ok::<_, NotFinite>(matrix.times(v));
        let rules: Vec<_> =
            (0..64).map(|i| quadrature(apply, probe(i).collect(), 64).unwrap()).collect();
        let grid: Vec<f64> = (0..80).map(|i| f64::from(i) * 0.05 - 2.0).collect();
        let density = density(&rules, 0.1, &grid);
        assert!((density.iter().sum::<f64>() * 0.05 - 1.0).abs() < 1e-8);
        for (x, density) in grid.iter().zip(&density) {
            let bump = |value: &f64| (-((x - value) / 0.1).powi(2) / 2.0).exp();
            let exact = spectrum.iter().map(bump).sum::<f64>() / (64.0 * 0.1 * TAU.sqrt());
            assert!((density - exact).abs() < 1e-12, "{x} {density} {exact}");
        }
        assert!(rules.iter().all(|rule| (rule.moment(0) - 1.0).abs() < 1e-13));
    }

    #[test]
    fn nan_is_an_error() {
        let result = quadrature(|_| Ok(vec![f64::NAN; 4]), vec![1.0; 4], 3);
        assert_eq!(result, Err(NotFinite { product: 1 }));
    }
}

//! The largest and smallest eigenvalues of a symmetric operator, with eigenvectors: Lanczos with
//! thick restart.
//!
//! Source: Wu & Simon 2000 (SIAM J. Matrix Anal. Appl. 22, 602), with full reorthogonalisation. A
//! Krylov space meets one vector of each eigenspace, so a repeated eigenvalue would be found once
//! only. When the wanted pairs have converged, the search therefore starts anew in a pseudo-random
//! direction orthogonal to them, until the pair that follows them at each end has a residual below
//! sqrt(tolerance) max |λ|; if the wanted values have changed by then, all this is done again. It
//! takes some ten products; eigenvalues closer than that residual may still stand in for each other.

use super::krylov::{Krylov, NotFinite};
use super::{Eigen, axpy, dot, norm, scale, symmetric};

/// Vectors that the basis needs beyond the wanted pairs: a following pair at each end, and room.
const SPARE: usize = 6;

/// How many eigenvalues at each end of the spectrum, by algebraic order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Of the largest eigenvalues.
    pub largest: usize,
    /// Of the smallest (most negative) eigenvalues.
    pub smallest: usize,
}

/// When the iteration ends, and how much memory it takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Every residual is to be at most this times the largest |λ|.
    pub tolerance: f64,
    /// Products with the operator in all; one for each wanted pair is kept for its residual.
    pub max_products: usize,
    /// Vectors in the basis, at least six more than the wanted pairs (raised if it is not).
    pub max_basis: usize,
}

/// An eigenvalue, its eigenvector and how exactly they fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigenpair {
    /// λ, a Ritz value.
    pub value: f64,
    /// v with ‖v‖ = 1; its entry of largest size (the first of them) is positive.
    pub vector: Vec<f64>,
    /// ‖A v - λ v‖, from a product of its own: some eigenvalue is no further than this from λ.
    pub residual: f64,
}

/// What `eigenpairs` found.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigenpairs {
    /// The largest eigenvalues, descending.
    pub largest: Vec<Eigenpair>,
    /// The smallest eigenvalues, descending: the very smallest is last.
    pub smallest: Vec<Eigenpair>,
    /// Products with the operator that were used.
    pub products: usize,
    /// Whether every wanted pair has a residual within the tolerance, and the search for missed
    /// ones came to its end.
    pub converged: bool,
}

/// The largest and smallest eigenvalues of the symmetric operator v -> A v, from a start vector of
/// length n (random, say; if it is zero another one is chosen).
///
/// Where n or the number of products is too small for all wanted pairs, both ends have what there
/// is and may overlap. An operator whose own rounding exceeds the tolerance is searched as if it had
/// none; then `converged` is false, and the residuals show the rounding.
///
/// Memory: `max_basis` + 2 vectors of length n. Cost: at most `max_products` products, and for each
/// of them 8 n j + 10 j³ operations where the basis has j vectors.
///
/// # Errors
/// The operator's own, and [`NotFinite`] at the first product with NaN or infinity.
///
/// # Panics
/// If the operator returns a vector of another length.
///
/// ```
/// use losswalk::linalg::{Limits, NotFinite, Wanted, eigenpairs};
/// let diagonal = [3.0, -1.0, 2.0, 0.5];
/// let apply = |v: &[f64]| Ok::<_, NotFinite>(diagonal.iter().zip(v).map(|(d, v)| d * v).collect());
/// let limits = Limits { tolerance: 1e-10, max_products: 100, max_basis: 20 };
/// let found = eigenpairs(apply, vec![1.0; 4], Wanted { largest: 1, smallest: 1 }, limits)?;
/// assert!((found.largest[0].value - 3.0).abs() < 1e-12 && found.converged);
/// assert!((found.smallest[0].value + 1.0).abs() < 1e-12);
/// # Ok::<_, NotFinite>(())
/// ```
pub fn eigenpairs<E: From<NotFinite>>(
    apply: impl FnMut(&[f64]) -> Result<Vec<f64>, E>,
    start: Vec<f64>,
    wanted: Wanted,
    limits: Limits,
) -> Result<Eigenpairs, E> {
    resumed_eigenpairs(apply, start, Vec::new(), |_| Ok(()), wanted, limits)
}

/// As [`eigenpairs`]; whenever the search has shrunk its basis, `keep` is given its state. Another
/// search of the same operator goes on from such a `state`, with the bits that this one would have; it
/// begins at the start where there is none.
///
/// What a search takes between two states are at most `limits.max_basis` products. Their results and
/// the newest state are all that is worth keeping of it.
pub fn resumed_eigenpairs<E: From<NotFinite>>(
    mut apply: impl FnMut(&[f64]) -> Result<Vec<f64>, E>,
    start: Vec<f64>,
    state: Vec<Vec<f64>>,
    mut keep_state: impl FnMut(&[&[f64]]) -> Result<(), E>,
    wanted: Wanted,
    limits: Limits,
) -> Result<Eigenpairs, E> {
    let max_basis = limits.max_basis.max(wanted.total() + SPARE).min(start.len());
    let steps = limits.max_products.saturating_sub(wanted.total());
    let mut search = Search { wanted, tolerance: limits.tolerance, settled: None };
    let mut state = state.into_iter();
    let settled = state.next().filter(|settled| !settled.is_empty());
    let mut krylov = match Krylov::restored(&mut apply, &mut state, start.len()) {
        Some(krylov) => {
            search.settled = settled;
            krylov
        }
        None => Krylov::new(&mut apply, start),
    };
    let mut done = wanted.total() == 0 || krylov.is_complete();
    while !done && krylov.products < steps {
        krylov.step()?;
        let ritz = symmetric(&krylov.projected());
        match search.judge(&ritz, &krylov.couplings) {
            _ if krylov.is_complete() => done = true,
            Verdict::Done => done = true,
            Verdict::Settled => {
                keep(&mut krylov, ritz, wanted);
                krylov.turn();
                keep_state(&search.state(&krylov, &mut Default::default()))?;
            }
            Verdict::Open if krylov.basis.len() == max_basis => {
                keep(&mut krylov, ritz, wanted.with_spare(max_basis));
                keep_state(&search.state(&krylov, &mut Default::default()))?;
            }
            Verdict::Open => {}
        }
    }
    report(krylov, wanted, limits.tolerance, done)
}

impl Wanted {
    fn total(self) -> usize {
        self.largest + self.smallest
    }

    /// These and a third of the rest of the basis, which speeds up convergence after a restart.
    fn with_spare(self, max_basis: usize) -> Self {
        let ends = usize::from(self.largest > 0) + usize::from(self.smallest > 0);
        let spare = (max_basis - self.total()) / 3 / ends;
        let more = |count: usize| if count > 0 { count + spare } else { 0 };
        Self { largest: more(self.largest), smallest: more(self.smallest) }
    }

    /// Keeps what is wanted of a list in descending order.
    fn select<T>(self, list: &mut Vec<T>) {
        let after = list.len().saturating_sub(self.smallest).max(self.largest);
        if self.largest < after && after <= list.len() {
            list.drain(self.largest..after);
        }
    }
}

enum Verdict {
    /// Wanted pairs have not converged.
    Open,
    /// They have, but others may have been missed.
    Settled,
    /// They have, twice over.
    Done,
}

struct Search {
    wanted: Wanted,
    tolerance: f64,
    /// The wanted values when they converged before.
    settled: Option<Vec<f64>>,
}

impl Search {
    /// The wanted values when they converged, if they have, and the basis.
    fn state<'a, F>(
        &'a self,
        krylov: &'a Krylov<F>,
        buffers: &'a mut [Vec<f64>; 2],
    ) -> Vec<&'a [f64]> {
        let settled = self.settled.as_deref().unwrap_or_default();
        [vec![settled], krylov.state(buffers)].concat()
    }

    /// Judges by predicted residuals ‖A v - θ v‖ = |s · couplings| for v = V s. They are to be half
    /// of the tolerance, lest rounding decide about the final ones.
    fn judge(&mut self, ritz: &Eigen, couplings: &[f64]) -> Verdict {
        let Wanted { largest, smallest } = self.wanted;
        let count = ritz.values.len();
        if count <= self.wanted.total() {
            return Verdict::Open;
        }
        let size = ritz.values[0].abs().max(ritz.values[count - 1].abs());
        let (fine, coarse) = (self.tolerance * size, self.tolerance.sqrt() * size);
        let residuals: Vec<f64> = ritz.vectors.iter().map(|s| dot(s, couplings).abs()).collect();
        let mut wanted_residuals = residuals.clone();
        self.wanted.select(&mut wanted_residuals);
        if wanted_residuals.iter().any(|&residual| residual > fine / 2.0) {
            return Verdict::Open;
        }
        let mut values = ritz.values.clone();
        self.wanted.select(&mut values);
        let as_before = |before: &Vec<f64>| {
            before.iter().zip(&values).all(|(before, now)| (before - now).abs() <= coarse)
        };
        if !self.settled.as_ref().is_some_and(as_before) {
            self.settled = Some(values);
            return Verdict::Settled;
        }
        let plain_above = largest == 0 || residuals[largest] <= coarse;
        let plain_below = smallest == 0 || residuals[count - smallest - 1] <= coarse;
        if plain_above && plain_below { Verdict::Done } else { Verdict::Open }
    }
}

/// Shrinks the basis to Ritz vectors.
fn keep<F>(krylov: &mut Krylov<F>, mut ritz: Eigen, kept: Wanted) {
    kept.select(&mut ritz.values);
    kept.select(&mut ritz.vectors);
    krylov.rotate(&ritz.values, &ritz.vectors);
}

/// The wanted Ritz pairs with their true residuals.
fn report<F, E>(
    mut krylov: Krylov<F>,
    wanted: Wanted,
    tolerance: f64,
    done: bool,
) -> Result<Eigenpairs, E>
where
    F: FnMut(&[f64]) -> Result<Vec<f64>, E>,
    E: From<NotFinite>,
{
    let ritz = symmetric(&krylov.projected());
    let size = ritz.values.iter().fold(0.0f64, |size, value| size.max(value.abs()));
    let mut values = ritz.values.clone();
    wanted.select(&mut values);
    keep(&mut krylov, ritz, wanted);
    let mut pairs = Vec::new();
    for (mut vector, value) in std::mem::take(&mut krylov.basis).into_iter().zip(values) {
        normalise(&mut vector);
        let mut image = krylov.product(&vector)?;
        axpy(-value, &vector, &mut image);
        pairs.push(Eigenpair { value, vector, residual: norm(&image) });
    }
    let converged = done && pairs.iter().all(|pair| pair.residual <= tolerance * size);
    let smallest = pairs[pairs.len().saturating_sub(wanted.smallest)..].to_vec();
    pairs.truncate(wanted.largest);
    Ok(Eigenpairs { largest: pairs, smallest, products: krylov.products, converged })
}

/// Norm 1, and the sign that makes the entry of largest size positive.
fn normalise(vector: &mut [f64]) {
    let peak = vector.iter().fold(0.0f64, |peak, &x| if x.abs() > peak.abs() { x } else { peak });
    scale(1f64.copysign(peak) / norm(vector), vector);
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::f64::consts::PI;

    use proptest::prelude::*;

    use super::super::known_spectrum::{Dense, spread};
    use super::super::krylov::pseudo_random;
    use super::*;

    const BOTH: Wanted = Wanted { largest: 3, smallest: 2 };
    const LIMITS: Limits = Limits { tolerance: 1e-9, max_products: 3000, max_basis: 40 };

    fn solve(n: usize, limits: Limits, apply: impl Fn(&[f64]) -> Vec<f64>) -> Eigenpairs {
        let apply = |vector: &[f64]| Ok::<_, NotFinite>(apply(vector));
        eigenpairs(apply, pseudo_random(99, n), BOTH, limits).unwrap()
    }

    fn values(pairs: &[Eigenpair]) -> Vec<f64> {
        pairs.iter().map(|pair| pair.value).collect()
    }

    /// Asserts values at both ends of a spectrum, orthonormal vectors and convergence.
    fn check(found: &Eigenpairs, mut spectrum: Vec<f64>, tolerance: f64) {
        spectrum.sort_by(|a, b| b.total_cmp(a));
        let expected = [&spectrum[..3], &spectrum[spectrum.len() - 2..]].concat();
        let all = [found.largest.clone(), found.smallest.clone()].concat();
        for (i, (pair, value)) in all.iter().zip(expected).enumerate() {
            assert!((pair.value - value).abs() <= tolerance, "{:?} {value}", values(&all));
            for (j, other) in all.iter().enumerate() {
                let expected = f64::from(u8::from(i == j));
                assert!((dot(&pair.vector, &other.vector) - expected).abs() < 1e-12);
            }
        }
        assert!(found.converged && all.len() == 5, "{}", found.products);
    }

    #[test]
    fn finds_both_ends_of_known_spectra() {
        let repeated: Vec<f64> = (0..150).map(|i| f64::from(i / 4)).collect();
        let positive = spread(200).into_iter().map(|value| value * value).collect();
        let outliers = (0..150).map(|i| if i < 2 { 50.0 } else { f64::from(i).sin() }).collect();
        let deficient = (0..100).map(|i| f64::from(i % 10 / 9)).collect();
        let spectra = [spread(200), repeated, positive, outliers, deficient, vec![0.0; 9]];
        for spectrum in spectra.into_iter().chain([vec![-2.0; 60], spread(5)]) {
            let matrix = Dense::with_spectrum(&spectrum);
            check(&solve(matrix.n, LIMITS, |v| matrix.times(v)), spectrum.clone(), 1e-12);
            let apply = |v: &[f64]| v.iter().zip(&spectrum).map(|(v, d)| v * d).collect();
            check(&solve(spectrum.len(), LIMITS, apply), spectrum.clone(), 1e-12);
        }
    }

    #[test]
    fn vectors_of_several_pieces_keep_together_through_restarts() {
        let spectrum: Vec<f64> = (1..9000).map(|i| [1.0, -1.0][i % 2] / i as f64).collect();
        let apply = |v: &[f64]| v.iter().zip(&spectrum).map(|(v, d)| v * d).collect();
        let found = solve(8999, Limits { max_basis: 12, ..LIMITS }, apply);
        check(&found, spectrum.clone(), 1e-12);
        assert!(found.products > 24);
    }

    /// The path's Laplacian has the eigenvalues 2 - 2cos(kπ/n), 0 <= k < n.
    #[test]
    fn path_laplacian_has_its_closed_form_with_and_without_restart() {
        let n = 100;
        let apply = |v: &[f64]| {
            let slope = |i: usize| if i == 0 || i == n { 0.0 } else { v[i] - v[i - 1] };
            (0..n).map(|i| slope(i) - slope(i + 1)).collect()
        };
        let spectrum = |k: usize| 2.0 - 2.0 * (k as f64 * PI / n as f64).cos();
        for max_basis in [1, 20, 100] {
            let found = solve(n, Limits { max_basis, max_products: 20_000, ..LIMITS }, apply);
            check(&found, (0..n).map(spectrum).collect(), 1e-12);
        }
    }

    #[test]
    fn random_wishart_ends_at_the_marchenko_pastur_edges() {
        let matrix = Dense::wishart(800, 200);
        let found = solve(200, LIMITS, |v| matrix.times(v));
        // (1 ± sqrt(200/800))²; the outermost eigenvalues lie about 0.03 inside, give or take as much.
        assert!((found.largest[0].value - 2.25).abs() < 0.1, "{:?}", values(&found.largest));
        assert!((found.smallest[1].value - 0.25).abs() < 0.04, "{:?}", values(&found.smallest));
        let deficient = Dense::wishart(30, 60);
        check(
            &solve(60, LIMITS, |v| deficient.times(v)),
            symmetric(&deficient.entries).values,
            1e-12,
        );
    }

    #[test]
    fn products_in_single_precision_end_with_residuals_of_that_size() {
        let spectrum: Vec<f64> = (1..300).map(|i| [1.0, -1.0][i % 2] / i as f64).collect();
        let matrix = Dense::with_spectrum(&spectrum);
        let apply = |v: &[f64]| -> Vec<f64> {
            matrix.times(v).iter().map(|&entry| f64::from(entry as f32)).collect()
        };
        check(&solve(299, Limits { tolerance: 1e-6, ..LIMITS }, apply), spectrum, 1e-7);
        let strict = solve(299, Limits { tolerance: 1e-13, ..LIMITS }, apply);
        assert!(!strict.converged && strict.products < 100, "{}", strict.products);
        assert!(strict.largest.iter().all(|pair| (1e-9..1e-7).contains(&pair.residual)));
    }

    #[test]
    fn a_search_goes_on_from_any_of_its_states_bit_for_bit() {
        let matrix = Dense::with_spectrum(&spread(100));
        for tolerance in [1e-9, 0.3] {
            let limits = Limits { tolerance, max_basis: 14, ..LIMITS };
            let mut states = Vec::new();
            let resumed = |state, states: &mut Vec<Vec<Vec<f64>>>| {
                let mut products = 0;
                let apply = |v: &[f64]| {
                    products += 1;
                    Ok::<_, NotFinite>(matrix.times(v))
                };
                let keep = |state: &[&[f64]]| {
                    states.push(state.iter().map(|vector| vector.to_vec()).collect());
                    Ok(())
                };
                let start = pseudo_random(99, 100);
                let found = resumed_eigenpairs(apply, start, state, keep, BOTH, limits).unwrap();
                (found, products)
            };
            let (whole, products) = resumed(Vec::new(), &mut states);
            assert!(!states.is_empty() && products == whole.products);
            for state in states {
                let before = state[1][0] as usize;
                let (found, products) = resumed(state, &mut Vec::new());
                assert_eq!((&found, products), (&whole, whole.products - before));
            }
        }
    }

    #[test]
    fn nan_and_the_operators_own_errors_end_the_iteration() {
        let mut count = 0;
        let apply = |v: &[f64]| {
            count += 1;
            Ok::<_, NotFinite>(if count == 7 { vec![f64::NAN; 50] } else { v.to_vec() })
        };
        let result = eigenpairs(apply, pseudo_random(1, 50), BOTH, LIMITS);
        assert_eq!(result, Err(NotFinite { product: 7 }));
        let broken = |_: &[f64]| Err(NotFinite { product: 0 });
        assert!(eigenpairs(broken, vec![1.0; 3], BOTH, LIMITS).is_err());
    }

    #[test]
    fn never_uses_more_products_than_allowed_and_repeats_bit_for_bit() {
        let matrix = Dense::with_spectrum(&spread(100));
        for max_products in 0..40 {
            let run = || solve(100, Limits { max_products, ..LIMITS }, |v| matrix.times(v));
            assert!(run().products <= max_products && !run().converged);
            assert_eq!(run(), run());
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_dense_solver_and_reports_true_residuals(
            spectrum in prop::collection::vec(-3i32..4, 0..25),
            (largest, smallest, max_basis) in (0usize..6, 0usize..6, 0usize..30),
        ) {
            let spectrum: Vec<f64> = spectrum.into_iter().map(f64::from).collect();
            let matrix = Dense::with_spectrum(&spectrum);
            let apply = |v: &[f64]| Ok::<_, NotFinite>(matrix.times(v));
            let wanted = Wanted { largest, smallest };
            let start = vec![0.0; matrix.n];
            let found = eigenpairs(apply, start, wanted, Limits { max_basis, ..LIMITS }).unwrap();
            let all = symmetric(&matrix.entries).values;
            let lowest = all.len().saturating_sub(smallest);
            let expected = [&all[..largest.min(all.len())], &all[lowest..]].concat();
            let pairs = [found.largest, found.smallest].concat();
            prop_assert_eq!(pairs.len(), expected.len());
            prop_assert!(found.converged);
            for (pair, value) in pairs.iter().zip(expected) {
                prop_assert!((pair.value - value).abs() < 1e-12, "{} {}", pair.value, value);
                let mut residual = matrix.times(&pair.vector);
                axpy(-pair.value, &pair.vector, &mut residual);
                prop_assert_eq!(norm(&residual), pair.residual);
            }
        }
    }
}

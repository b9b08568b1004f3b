//! The search for the ends of a spectrum and its density, product by product.
//!
//! Every product with the Hessian is kept in a journal, and of the search its state whenever it shrinks
//! its basis, so that the journal is no larger than the search itself. What is found is small; the
//! eigenvectors lie in their files by then.

use std::cell::RefCell;

use super::spectrum::max_basis;
use super::{Here, Progress, eigenvectors};
use crate::experiment::SpectrumSchedule;
use crate::linalg::{Eigenpairs, Limits, Quadrature};
use crate::measure::{resumed_spectrum_ends, spectral_density};
use crate::objective::Objective;
use crate::run::Journal;
use crate::walk::WalkError;

/// What a journal's state begins with while the ends are searched for.
const SEARCHING: f64 = 0.0;
/// And when they are found.
const FOUND: f64 = 1.0;

/// The ends of a spectrum without their eigenvectors.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ends {
    /// The largest eigenvalues, descending.
    pub(super) values: Vec<f64>,
    /// Their residuals.
    pub(super) residuals: Vec<f64>,
    /// The smallest eigenvalue and its residual.
    pub(super) lowest: Option<[f64; 2]>,
    pub(super) products: usize,
    pub(super) converged: bool,
}

/// What is known of a spectrum.
pub(super) struct Found {
    pub(super) ends: Ends,
    /// The largest eigenvectors, as their files have them.
    pub(super) vectors: Vec<Vec<f64>>,
    /// A rule for each probe so far.
    pub(super) density: Vec<Quadrature>,
}

/// Finds the ends and the density, as far as no earlier attempt has.
pub(super) fn search<O: Objective>(
    here: &Here<O>,
    schedule: &SpectrumSchedule,
    journal: &mut Journal,
    state: Vec<Vec<f64>>,
    progress: &mut Progress,
) -> Result<Found, WalkError> {
    let mut found = match Found::restored(here, &state)? {
        Some(found) => found,
        None => find_ends(here, schedule, journal, state, progress)?,
    };
    for probe in 1 + found.density.len()..=schedule.probes {
        let product = |v: &[f64]| product(here, v, journal, progress);
        let direction = here.direction(probe);
        found.density.push(spectral_density(product, direction, schedule.probe_products)?);
        found.keep(journal)?;
    }
    Ok(found)
}

fn find_ends<O: Objective>(
    here: &Here<O>,
    schedule: &SpectrumSchedule,
    journal: &mut Journal,
    state: Vec<Vec<f64>>,
    progress: &mut Progress,
) -> Result<Found, WalkError> {
    let limits = Limits {
        tolerance: schedule.tolerance,
        max_products: schedule.max_products,
        max_basis: max_basis(here.objective.dimension()),
    };
    let is_of_search = state.first().is_some_and(|stage| stage[..] == [SEARCHING]);
    let state = if is_of_search { state.into_iter().skip(1).collect() } else { Vec::new() };
    let shared = RefCell::new(&mut *journal);
    let pairs = resumed_spectrum_ends(
        |v: &[f64]| product(here, v, &mut shared.borrow_mut(), progress),
        schedule.top,
        here.direction(0),
        limits,
        state,
        |state| Ok(shared.borrow_mut().restart(&[&[&[SEARCHING][..]], state].concat())?),
    )?;
    let vectors = eigenvectors::save(here, &pairs.largest)?;
    let found = Found { ends: pairs.into(), vectors, density: Vec::new() };
    found.keep(journal)?;
    Ok(found)
}

/// H v, as an earlier attempt has it or computed.
fn product<O: Objective>(
    here: &Here<O>,
    v: &[f64],
    journal: &mut Journal,
    progress: &mut Progress,
) -> Result<Vec<f64>, WalkError> {
    let product = journal.next(v, || {
        here.objective.check()?;
        let product = here.objective.hessian_product(&here.state.point, v, here.precision())?;
        Ok::<_, WalkError>(product)
    })?;
    progress.worked(here.extent().products(1));
    Ok(product)
}

impl From<Eigenpairs> for Ends {
    fn from(pairs: Eigenpairs) -> Self {
        let lowest = pairs.smallest.last().map(|pair| [pair.value, pair.residual]);
        Self {
            values: pairs.largest.iter().map(|pair| pair.value).collect(),
            residuals: pairs.largest.iter().map(|pair| pair.residual).collect(),
            lowest,
            products: pairs.products,
            converged: pairs.converged,
        }
    }
}

impl Found {
    /// Makes this the journal's state.
    fn keep(&self, journal: &mut Journal) -> Result<(), WalkError> {
        let Ends { values, residuals, lowest, products, converged } = &self.ends;
        let counts = [*products as f64, f64::from(*converged)];
        let lowest = lowest.as_ref().map_or(&[][..], |lowest| lowest);
        let rules = self.density.iter().flat_map(|rule| [&rule.nodes[..], &rule.weights]);
        let ends = [&[FOUND][..], &counts, values, residuals, lowest];
        Ok(journal.restart(&ends.into_iter().chain(rules).collect::<Vec<_>>())?)
    }

    /// What [`Found::keep`] has kept; none while the ends are searched for, or if a file of an
    /// eigenvector is missing.
    fn restored<O: Objective>(
        here: &Here<O>,
        state: &[Vec<f64>],
    ) -> Result<Option<Self>, WalkError> {
        let [stage, counts, values, residuals, lowest, rules @ ..] = state else { return Ok(None) };
        let (&[products, converged], true) = (counts.as_slice(), stage[..] == [FOUND]) else {
            return Ok(None);
        };
        let vectors = eigenvectors::load(here, here.state.step, values.len())?;
        let (rules, _) = rules.as_chunks::<2>();
        let dimension = here.objective.dimension();
        let rule = |[nodes, weights]: &[Vec<f64>; 2]| Quadrature {
            nodes: nodes.clone(),
            weights: weights.clone(),
            dimension,
        };
        let ends = Ends {
            values: values.clone(),
            residuals: residuals.clone(),
            lowest: lowest[..].try_into().ok(),
            products: products as usize,
            converged: converged == 1.0,
        };
        let is_whole = vectors.len() == values.len();
        let density = rules.iter().map(rule).collect();
        Ok(is_whole.then_some(Self { ends, vectors, density }))
    }
}

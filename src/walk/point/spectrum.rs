//! The spectrum at a point of the path: eigenpairs, density, and what lies in the top space.

use super::here::distinct_batches;
use super::log::PointLog;
use super::{Here, PointMeasurement, Progress, eigenvectors};
use crate::experiment::SpectrumSchedule;
use crate::linalg::{Eigenpair, Eigenpairs, Limits, Quadrature, trace};
use crate::measure::{
    Mean, SpectrumError, overlap, share_in_space, spectral_density, spectrum_ends,
};
use crate::objective::{Objective, ObjectiveError};
use crate::run::{DensityRule, ShareRecord, SpectrumRecord};
use crate::walk::WalkError;
use crate::walk::cost::{self, Extent};
use crate::walk::memory::Claim;
use crate::walk::walker::finite;

/// Products that the ends of a spectrum usually take.
const TYPICAL_PRODUCTS: usize = 40;
/// Entries of the basis of the search, which bounds its memory to 2 GiB.
const BASIS_ENTRIES: usize = 1 << 28;
/// The most vectors in the basis: more would make little difference.
const LARGEST_BASIS: usize = 60;

impl PointMeasurement for SpectrumSchedule {
    const NAME: &'static str = "spectrum";

    type Record = SpectrumRecord;

    /// There is one spectrum at a point.
    type Unit = ();

    fn units(&self, _samples: usize) -> impl Iterator<Item = Self::Unit> {
        std::iter::once(())
    }

    fn unit(_record: &Self::Record) -> Self::Unit {}

    fn cost(&self, extent: Extent) -> u64 {
        let density = self.probes.saturating_mul(self.probe_products);
        let products = self.max_products.min(TYPICAL_PRODUCTS).saturating_add(density);
        let shares = self.batch_sizes.iter().map(|&size| {
            let batches = distinct_batches(size, self.batches, extent.samples);
            cost::product(cost::gradient(size), batches)
        });
        shares.fold(extent.products(products), u64::saturating_add)
    }

    fn claims(&self, extent: Extent) -> Vec<Claim> {
        let basis = max_basis(extent.dimension).max(self.top).min(self.max_products);
        let basis = [basis.min(extent.dimension), extent.dimension];
        let of_probe = [self.probe_products.min(extent.dimension), extent.dimension];
        let rules = [self.probes, 2 * of_probe[0]];
        let mut claims = vec![
            Claim::vectors("top", self.top, "the basis of the search", basis),
            Claim::vectors("batches", self.batches, "a number of each", [self.batches, 1]),
            Claim::vectors("probes", self.probes, "what each says of the density", rules),
        ];
        // Held one after the other.
        if self.probes > 0 && of_probe[0] > basis[0] {
            let what = "the basis of a probe";
            claims[0] = Claim::vectors("probe_products", self.probe_products, what, of_probe);
        }
        claims
    }

    fn measure<O: Objective>(
        &self,
        here: &Here<O>,
        _due: &[Self::Unit],
        log: &mut PointLog<Self::Record>,
        progress: &mut Progress,
    ) -> Result<(), WalkError> {
        let step = here.state.step;
        let found = match ends_and_density(here, self, progress) {
            Err(SpectrumError::NotFinite(error)) => {
                let message = format!("no spectrum could be measured: {error}");
                return Ok(here.recorder.explain(step, message)?);
            }
            found => found?,
        };
        let record = record(here, self, found, log.before(step), progress)?;
        Ok(log.append([record])?)
    }
}

/// Vectors in the basis of the search, unless the wanted pairs need more.
fn max_basis(dimension: usize) -> usize {
    (BASIS_ENTRIES / dimension.max(1)).min(LARGEST_BASIS)
}

fn ends_and_density<O: Objective>(
    here: &Here<O>,
    schedule: &SpectrumSchedule,
    progress: &mut Progress,
) -> Result<(Eigenpairs, Vec<Quadrature>), SpectrumError> {
    let mut product = |v: &[f64]| {
        here.objective.check()?;
        let product = here.objective.hessian_product(&here.state.point, v, here.precision());
        progress.worked(here.extent().products(1));
        product
    };
    let limits = Limits {
        tolerance: schedule.tolerance,
        max_products: schedule.max_products,
        max_basis: max_basis(here.objective.dimension()),
    };
    let ends = spectrum_ends(&mut product, schedule.top, here.direction(0), limits)?;
    let probe =
        |index| spectral_density(&mut product, here.direction(index), schedule.probe_products);
    let density: Result<Vec<_>, _> = (1..=schedule.probes).map(probe).collect();
    Ok((ends, density?))
}

fn record<O: Objective>(
    here: &Here<O>,
    schedule: &SpectrumSchedule,
    (ends, density): (Eigenpairs, Vec<Quadrature>),
    earlier: Option<&SpectrumRecord>,
    progress: &mut Progress,
) -> Result<SpectrumRecord, WalkError> {
    let vectors = eigenvectors::save(here, &ends.largest)?;
    let sizes = schedule.batch_sizes.iter();
    let shares =
        sizes.map(|&size| share_of_gradients(here, &vectors, size, schedule.batches, progress));
    let shares: Result<Vec<_>, _> = shares.collect();
    let overlap = match earlier {
        Some(record) => overlap(&vectors, &eigenvectors::load(here, record)?),
        None => None,
    };
    let weight_decay = here.added_decay(schedule.include_weight_decay);
    let value = |pair: &Eigenpair| pair.value + weight_decay;
    let (largest, lowest) = (ends.largest.first().map(value), ends.smallest.last());
    let trace = (!density.is_empty()).then(|| trace(&density));
    let shift = weight_decay * here.objective.dimension() as f64;
    let update = here.state.update();
    Ok(SpectrumRecord {
        step: here.state.step,
        epoch: here.epoch,
        eigenvalues: ends.largest.iter().map(value).collect(),
        residuals: ends.largest.iter().map(|pair| pair.residual).collect(),
        lambda_min: lowest.map(value),
        lambda_min_residual: lowest.map(|pair| pair.residual),
        learning_rate_times_lambda_max: largest
            .map(|v| v * here.plan.learning_rate(here.state.step)),
        products: ends.products as u64,
        converged: ends.converged,
        tolerance: schedule.tolerance,
        shares: shares?,
        update_share: update.and_then(|update| share_in_space(&vectors, &update)),
        overlap,
        trace: trace.and_then(|trace| finite(trace.estimate + shift)),
        trace_error: trace.and_then(|trace| trace.standard_error),
        density: density.into_iter().map(|rule| shifted(rule, weight_decay)).collect(),
        weight_decay,
        precision: here.precision(),
        batch_norm: here.plan.batch_norm,
    })
}

fn share_of_gradients<O: Objective>(
    here: &Here<O>,
    vectors: &[Vec<f64>],
    size: usize,
    batches: usize,
    progress: &mut Progress,
) -> Result<ShareRecord, ObjectiveError> {
    let batches = distinct_batches(size, batches, here.plan.samples);
    let mut shares = Vec::new();
    for index in 0..batches {
        here.objective.check()?;
        let indices = here.measured_batch(size, index);
        let batch = here.batch(&indices);
        let gradient = here.objective.gradient(&here.state.point, batch, here.precision())?;
        progress.worked(cost::gradient(size));
        shares.extend(share_in_space(vectors, &gradient.gradient));
    }
    let Mean { mean, deviation, .. } = Mean::of(&shares);
    Ok(ShareRecord {
        batch_size: size as u64,
        batches: batches as u64,
        mean: finite(mean),
        deviation: finite(deviation),
    })
}

fn shifted(rule: Quadrature, by: f64) -> DensityRule {
    DensityRule { nodes: rule.nodes.iter().map(|node| node + by).collect(), weights: rule.weights }
}

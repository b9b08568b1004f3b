//! The spectrum at a point of the path: eigenpairs, density, and what lies in the top space.

use super::here::distinct_batches;
use super::log::PointLog;
use super::spectrum_search::{Found, search};
use super::{Here, PointMeasurement, Progress, eigenvectors};
use crate::experiment::SpectrumSchedule;
use crate::linalg::{Quadrature, trace};
use crate::measure::{Mean, SpectrumError, overlap, share_in_space};
use crate::objective::Objective;
use crate::run::{DensityRule, Journal, ShareRecord, SpectrumRecord};
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
        let (mut journal, state) = here.journal(self)?;
        let found = match search(here, self, &mut journal, state, progress) {
            Err(WalkError::Spectrum(SpectrumError::NotFinite(error))) => {
                let message = format!("no spectrum could be measured: {error}");
                return Ok(here.recorder.explain(step, message)?);
            }
            found => found?,
        };
        let mut shares = Vec::new();
        for &size in &self.batch_sizes {
            shares.push(share_of_gradients(here, &found, size, self, &mut journal, progress)?);
        }
        log.append([record(here, self, found, shares, log.before(step))?])?;
        Ok(journal.remove()?)
    }
}

/// Vectors in the basis of the search, unless the wanted pairs need more.
pub(super) fn max_basis(dimension: usize) -> usize {
    (BASIS_ENTRIES / dimension.max(1)).min(LARGEST_BASIS)
}

fn record<O: Objective>(
    here: &Here<O>,
    schedule: &SpectrumSchedule,
    Found { ends, vectors, density }: Found,
    shares: Vec<ShareRecord>,
    earlier: Option<&SpectrumRecord>,
) -> Result<SpectrumRecord, WalkError> {
    let overlap = match earlier {
        Some(record) => {
            let (step, count) = (record.step, record.eigenvalues.len());
            overlap(&vectors, &eigenvectors::load(here, step, count)?)
        }
        None => None,
    };
    let weight_decay = here.added_decay(schedule.include_weight_decay);
    let eigenvalues: Vec<f64> = ends.values.iter().map(|value| value + weight_decay).collect();
    let largest = eigenvalues.first().copied();
    let trace = (!density.is_empty()).then(|| trace(&density));
    let shift = weight_decay * here.objective.dimension() as f64;
    let update = here.state.update();
    Ok(SpectrumRecord {
        step: here.state.step,
        epoch: here.epoch,
        eigenvalues,
        residuals: ends.residuals,
        lambda_min: ends.lowest.map(|[value, _]| value + weight_decay),
        lambda_min_residual: ends.lowest.map(|[_, residual]| residual),
        learning_rate_times_lambda_max: largest
            .map(|v| v * here.plan.learning_rate(here.state.step)),
        products: ends.products as u64,
        converged: ends.converged,
        tolerance: schedule.tolerance,
        shares,
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
    found: &Found,
    size: usize,
    schedule: &SpectrumSchedule,
    journal: &mut Journal,
    progress: &mut Progress,
) -> Result<ShareRecord, WalkError> {
    let batches = distinct_batches(size, schedule.batches, here.plan.samples);
    let mut shares = Vec::new();
    for index in 0..batches {
        shares.extend(journal.next(&[], || {
            here.objective.check()?;
            let indices = here.measured_batch(size, index);
            let batch = here.batch(&indices);
            let gradient = here.objective.gradient(&here.state.point, batch, here.precision())?;
            let share = share_in_space(&found.vectors, &gradient.gradient);
            Ok::<_, WalkError>(share.into_iter().collect())
        })?);
        progress.worked(cost::gradient(size));
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

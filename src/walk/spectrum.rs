//! The spectrum at a point of the path: eigenpairs, their files, and what lies in their space.

use std::fs;

use super::WalkError;
use super::plan::PRODUCT;
use super::walker::{Walker, finite};
use crate::experiment::SpectrumSchedule;
use crate::linalg::{Eigenpair, Eigenpairs, Limits, Quadrature, trace};
use crate::measure::{
    Mean, SpectrumError, overlap, share_in_space, spectral_density, spectrum_ends,
};
use crate::objective::{Objective, ObjectiveError, Point};
use crate::parameters::Tensors;
use crate::random::Stream;
use crate::run::{DensityRule, Log, RunError, ShareRecord, SpectrumRecord, write_atomic};

/// Entries of the basis of the search, which bounds its memory to 2 GiB.
const BASIS_ENTRIES: usize = 1 << 28;
/// The most vectors in the basis: more would make little difference.
const LARGEST_BASIS: usize = 60;

impl<O: Objective> Walker<'_, O> {
    pub(super) fn spectrum(
        &mut self,
        epoch: u64,
        schedule: &SpectrumSchedule,
        worked: &mut dyn FnMut(u64),
    ) -> Result<(), WalkError> {
        let step = self.state.step;
        let (mut log, before) = Log::open::<SpectrumRecord>(&self.recorder.folder.spectrum_log())?;
        if before.iter().any(|record| record.step == step) {
            return Ok(());
        }
        let found = match self.ends_and_density(schedule, worked) {
            Err(SpectrumError::NotFinite(error)) => {
                let message = format!("no spectrum could be measured: {error}");
                return Ok(self.recorder.explain(step, message)?);
            }
            found => found?,
        };
        let record = self.spectrum_record(epoch, schedule, found, &before)?;
        log.append(&record)?;
        Ok(log.sync()?)
    }

    fn spectrum_record(
        &self,
        epoch: u64,
        schedule: &SpectrumSchedule,
        (ends, density): (Eigenpairs, Vec<Quadrature>),
        before: &[SpectrumRecord],
    ) -> Result<SpectrumRecord, WalkError> {
        let vectors = self.save_eigenvectors(&ends)?;
        let sizes = schedule.batch_sizes.iter();
        let shares = sizes.map(|&size| self.share_of_gradients(&vectors, size, schedule.batches));
        let shares: Result<Vec<_>, _> = shares.collect();
        let weight_decay = self.added_decay(schedule.include_weight_decay);
        let value = |pair: &Eigenpair| pair.value + weight_decay;
        let (largest, lowest) = (ends.largest.first().map(value), ends.smallest.last());
        let trace = (!density.is_empty()).then(|| trace(&density));
        let shift = weight_decay * self.objective.dimension() as f64;
        Ok(SpectrumRecord {
            step: self.state.step,
            epoch,
            eigenvalues: ends.largest.iter().map(value).collect(),
            residuals: ends.largest.iter().map(|pair| pair.residual).collect(),
            lambda_min: lowest.map(value),
            lambda_min_residual: lowest.map(|pair| pair.residual),
            learning_rate_times_lambda_max: largest.map(|v| v * self.plan.train.learning_rate),
            products: ends.products as u64,
            converged: ends.converged,
            tolerance: schedule.tolerance,
            shares: shares?,
            update_share: self.share_of_update(&vectors),
            overlap: self.overlap_with_earlier(&vectors, before)?,
            trace: trace.and_then(|trace| finite(trace.estimate + shift)),
            trace_error: trace.and_then(|trace| trace.standard_error),
            density: density.into_iter().map(|rule| shifted(rule, weight_decay)).collect(),
            weight_decay,
            precision: self.precision(),
            batch_norm: self.plan.batch_norm,
        })
    }

    /// Overlap with the newest spectrum before this one.
    fn overlap_with_earlier(
        &self,
        vectors: &[Vec<f64>],
        before: &[SpectrumRecord],
    ) -> Result<Option<f64>, WalkError> {
        let earlier = before.iter().rev().find(|record| record.step < self.state.step);
        match earlier {
            Some(record) => Ok(overlap(vectors, &self.load_eigenvectors(record)?)),
            None => Ok(None),
        }
    }

    /// The share of the last update's direction; none at the initialisation.
    fn share_of_update(&self, vectors: &[Vec<f64>]) -> Option<f64> {
        share_in_space(vectors, &self.state.update()?)
    }

    fn ends_and_density(
        &self,
        schedule: &SpectrumSchedule,
        worked: &mut dyn FnMut(u64),
    ) -> Result<(Eigenpairs, Vec<Quadrature>), SpectrumError> {
        let (objective, precision) = (self.objective, self.precision());
        let dimension = objective.dimension();
        let mut product = |v: &[f64]| {
            let product = objective.hessian_product(&self.state.point, v, precision);
            worked(PRODUCT * self.plan.samples as u64);
            product
        };
        let draw = |index| {
            Stream::direction(self.plan.train.seed, self.state.step, index).signs(dimension)
        };
        let limits = Limits {
            tolerance: schedule.tolerance,
            max_products: schedule.max_products,
            max_basis: (BASIS_ENTRIES / dimension.max(1)).min(LARGEST_BASIS),
        };
        let ends = spectrum_ends(&mut product, schedule.top, draw(0), limits)?;
        let probe = |index| spectral_density(&mut product, draw(index), schedule.probe_products);
        let density: Result<Vec<_>, _> = (1..=schedule.probes).map(probe).collect();
        Ok((ends, density?))
    }

    /// Writes the largest eigenvectors in 32 bits and returns them as the files have them.
    fn save_eigenvectors(&self, ends: &Eigenpairs) -> Result<Vec<Vec<f64>>, WalkError> {
        let folder = self.recorder.folder;
        let mut rounded = Vec::new();
        for (index, pair) in (1..).zip(&ends.largest) {
            let path = folder.eigenvector(self.state.step, index);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(RunError::io("create", parent))?;
            }
            let theta = pair.vector.iter().map(|&entry| f64::from(entry as f32)).collect();
            let buffers = self.state.point.buffers.clone();
            let point = Point { theta, buffers };
            write_atomic(
                &path,
                &self.objective.export(&point, true).encode().map_err(RunError::from)?,
            )?;
            rounded.push(point.theta);
        }
        Ok(rounded)
    }

    /// The eigenvectors of an earlier spectrum; none if a file is missing.
    fn load_eigenvectors(&self, record: &SpectrumRecord) -> Result<Vec<Vec<f64>>, WalkError> {
        let folder = self.recorder.folder;
        let paths = (1..=record.eigenvalues.len()).map(|i| folder.eigenvector(record.step, i));
        let mut vectors = Vec::new();
        for path in paths.filter(|path| path.exists()) {
            let file = Tensors::read(&path)
                .map_err(|error| RunError::content(&path, error.to_string()))?;
            vectors.push(self.objective.import(&file)?.theta);
        }
        Ok(vectors)
    }

    fn share_of_gradients(
        &self,
        vectors: &[Vec<f64>],
        size: usize,
        batches: usize,
    ) -> Result<ShareRecord, ObjectiveError> {
        let batches = if size == self.plan.samples { 1 } else { batches };
        let mut shares = Vec::new();
        for index in 0..batches {
            let indices = self.measured_batch(size, index);
            let batch = self.batch(&indices);
            let gradient = self.objective.gradient(&self.state.point, batch, self.precision())?;
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
}

fn shifted(rule: Quadrature, by: f64) -> DensityRule {
    DensityRule { nodes: rule.nodes.iter().map(|node| node + by).collect(), weights: rule.weights }
}

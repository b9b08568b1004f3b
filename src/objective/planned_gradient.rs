//! Gradients on fused kernels: in 32 bits on the CPU, for networks that a plan knows.
//!
//! A single unit, as in training, is shared by all threads; where there are units enough, each is
//! computed by one thread. The bits are the same.

use std::sync::{Mutex, PoisonError};

use super::gradient::{Part, Running};
use super::planned::{norm_statistics, observed};
use super::planned_directional::PlannedCurvature;
use super::presentation::Presentation;
use super::tree::{self, Addend};
use super::{BatchNormPolicy, Classification, Gradient, Loss, ObjectiveError, Point};
use crate::linalg::{Element, Numbers, Vector};
use crate::network::{Layout, Network};
use crate::plan::{
    Backward, Cotangents, Given, GradientPlan, GradientStation, GradientWorkspaces, NormStatistics,
    Sought,
};
use crate::precision::Precision;

/// The plan of a network's gradients, and the memory that is kept from one to the next.
#[derive(Debug)]
pub(super) struct PlannedGradients {
    plan: GradientPlan,
    /// What is of second order.
    pub(super) curvature: PlannedCurvature,
    stations: Mutex<Vec<GradientStation<'static>>>,
    workspaces: GradientWorkspaces,
}

/// A gradient that has served: memory of this size goes back to the system otherwise, and is cleared page by
/// page when it comes again.
#[derive(Debug, Default)]
pub(super) struct Served(Mutex<Vector>);

impl Served {
    /// Keeps the memory of a gradient.
    pub fn keep(&self, gradient: Vector) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = gradient;
    }

    /// A gradient of so many entries, to be written over.
    pub fn vector<T: Element>(&self, dimension: usize) -> Vec<T> {
        let mut served = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = T::kept(&mut served).filter(|entries| entries.len() == dimension);
        // New memory comes cleared.
        fits.map_or_else(|| vec![T::default(); dimension], std::mem::take)
    }
}

impl PlannedGradients {
    /// None if the network has a layer that the plan does not know.
    pub fn of(network: &Network) -> Option<Self> {
        let plan = GradientPlan::of(network)?;
        let curvature = PlannedCurvature::of(network)?;
        let (stations, workspaces) = (Mutex::default(), GradientWorkspaces::default());
        Some(Self { plan, curvature, stations, workspaces })
    }

    /// Runs `work` with theta packed.
    pub(super) fn with_station<T>(
        &self,
        objective: &Classification,
        theta: Numbers<'_>,
        work: impl FnOnce(&GradientStation) -> T,
    ) -> T {
        let layout = &objective.network.layout;
        let kept = || self.stations.lock().unwrap_or_else(PoisonError::into_inner);
        let free = kept().pop();
        let station = match free {
            Some(mut station) => {
                station.move_to(&self.plan, layout, theta);
                station
            }
            None => GradientStation::new(&self.plan, layout, theta, objective.measured.winograd),
        };
        let result = work(&station);
        kept().push(station.emptied());
        result
    }
}

impl Classification {
    /// The mean gradient over all samples of a loss, as [`Classification::mean_gradient`].
    pub(super) fn planned_gradient(
        &self,
        planned: &PlannedGradients,
        at: &Point,
        of: Loss,
    ) -> Result<Gradient, ObjectiveError> {
        let (units, presentation) = self.units(of);
        let shares = self.shares(units.len());
        planned.with_station(self, at.theta.numbers(), |station| {
            let call = Call { objective: self, planned, station, presentation, shares };
            self.gradient_by(&call, &units, at, of)
        })
    }

    /// The mean gradient over units, of which `by` computes the parts; that of a batch in 32 bits.
    pub(super) fn gradient_by(
        &self,
        by: &impl UnitGradients,
        units: &[&[u32]],
        at: &Point,
        of: Loss,
    ) -> Result<Gradient, ObjectiveError> {
        let layout = &self.network.layout;
        let running = norm_statistics(layout, &at.buffers);
        let shifts = shifts_at(layout, at);
        let policy = self.policy(of);
        let frozen = match policy {
            Some(BatchNormPolicy::Running) => Some(running),
            Some(BatchNormPolicy::Recomputed) => {
                let average =
                    self.shared_sum(units, |unit| by.weighted_statistics(unit, &shifts))?;
                Some(norm_statistics(layout, &average))
            }
            Some(BatchNormPolicy::Batch) | None => None,
        };
        let given = frozen.as_deref().map_or(Given::Batch(&shifts), Given::Frozen);
        let samples = units.iter().map(|unit| unit.len()).sum::<usize>() as f64;
        let is_batch = matches!(of, Loss::Batch { .. });
        if let (&[unit], true) = (units, is_batch) {
            self.interrupt.check()?;
            let part: Part<f32> = by.part(unit, given, 1.0 / samples)?;
            return Ok(part.into_gradient(at));
        }
        let mut sum: Part = self.shared_sum(units, |unit| by.part(unit, given, 1.0 / samples))?;
        let cotangent = sum.gradient.split_off(at.theta.len());
        if policy == Some(BatchNormPolicy::Recomputed) {
            sum.add(
                self.shared_sum(units, |unit| by.through_statistics(unit, &shifts, &cotangent))?,
            );
        }
        let Gradient { loss, gradient, buffers } = sum.into_gradient(at);
        let gradient = if is_batch { gradient.rounded(Precision::F32) } else { gradient };
        Ok(Gradient { loss, gradient, buffers })
    }

    /// How many threads share a unit: all, where this process has fewer units than threads.
    pub(super) fn shares(&self, units: usize) -> usize {
        let own = self.crew(units).map_or(units, |crew| crew.share(units).len());
        let threads = rayon::current_num_threads();
        if own < threads { threads } else { 1 }
    }

    /// [`Classification::sum`], in which units take turns if threads share them; on a device a few are under
    /// way at once.
    pub(super) fn shared_sum<T: Addend>(
        &self,
        units: &[&[u32]],
        of: impl Fn(&[u32]) -> Result<T, ObjectiveError> + Sync,
    ) -> Result<T, ObjectiveError> {
        if self.shares(units.len()) == 1 && self.resident.is_none() {
            return self.sum(units, of);
        }
        let of = |unit: usize| self.interrupt.check().and_then(|()| of(units[unit]));
        #[cfg(gpu)]
        if let Some(lanes) = self.on_device.as_ref().and_then(|kernels| kernels.lanes(units)) {
            let within = |share| lanes.install(|| tree::share(units.len(), share, &of));
            return self.joined(units.len(), within);
        }
        self.joined(units.len(), |share| tree::share_in_turn(units.len(), share, &of))
    }

    /// What a flat cotangent of averaged statistics is with respect to those of a unit, each over so many
    /// values.
    pub(super) fn unit_cotangents(
        &self,
        unit: &[u32],
        cotangent: &[f64],
        counts: impl Iterator<Item = usize>,
    ) -> Vec<Cotangents> {
        let weight = self.weight(unit);
        let given = norm_statistics(&self.network.layout, cotangent).into_iter().zip(counts);
        let of_unit = |(NormStatistics { mean, variance }, count): (NormStatistics, usize)| {
            let unbiased = weight * count as f64 / (count as f64 - 1.0);
            Cotangents {
                mean: mean.iter().map(|x| weight * x).collect(),
                variance: variance.iter().map(|x| unbiased * x).collect(),
            }
        };
        given.map(of_unit).collect()
    }

    /// The summed loss of some samples from their logits, in f64, and its gradient with respect to them.
    pub(super) fn loss_gradient(
        &self,
        logits: &[f32],
        samples: &[u32],
        gradient: &mut [f32],
    ) -> f64 {
        let classes = self.network.classes;
        let rows = logits.chunks_exact(classes).zip(gradient.chunks_exact_mut(classes));
        let mut weights = vec![0.0; classes];
        let losses = rows.zip(samples).map(|((row, gradient), &sample)| {
            let label = usize::from(self.data.label(sample));
            let (largest, total) = exponentials(row, &mut weights);
            for (class, (to, weight)) in gradient.iter_mut().zip(&weights).enumerate() {
                let own = if class == label { 1.0 } else { 0.0 };
                *to = (weight / total - own) as f32;
            }
            total.ln() - (f64::from(row[label]) - largest)
        });
        losses.sum()
    }
}

/// Writes exp(z - the largest z) for a sample's logits, in f64; the largest, and the sum of what is written.
pub(super) fn exponentials(logits: &[f32], to: &mut [f64]) -> (f64, f64) {
    let largest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    to.iter_mut().zip(logits).for_each(|(to, &z)| *to = (f64::from(z) - largest).exp());
    (largest, to.iter().sum())
}

/// What statistics are shifted by: the running means are near those of any batch, and known to whoever
/// resumes a run.
pub(super) fn shifts_at(layout: &Layout, at: &Point) -> Vec<Vec<f32>> {
    let norms = norm_statistics(layout, &at.buffers).into_iter();
    norms.map(|norm| norm.mean.into_iter().map(|mean| mean as f32).collect()).collect()
}

/// What computes the gradients of units, in 32 bits.
pub(super) trait UnitGradients: Sync {
    /// A unit's part of a mean, of which every sample is a `factor`: the gradient with respect to theta
    /// and, where they are given, to the statistics.
    fn part<T: Element>(
        &self,
        unit: &[u32],
        given: Given<'_>,
        factor: f64,
    ) -> Result<Part<T>, ObjectiveError>;

    /// A unit's part of the average of statistics over the training set, which are near `shifts`.
    fn weighted_statistics(
        &self,
        unit: &[u32],
        shifts: &[Vec<f32>],
    ) -> Result<Vec<f64>, ObjectiveError>;

    /// The gradient of cotangent'S of averaged statistics S with respect to theta, one unit's part, and
    /// what the unit does to running statistics.
    fn through_statistics(
        &self,
        unit: &[u32],
        shifts: &[Vec<f32>],
        cotangent: &[f64],
    ) -> Result<Part, ObjectiveError>;
}

/// One gradient in the making.
struct Call<'a> {
    objective: &'a Classification,
    planned: &'a PlannedGradients,
    station: &'a GradientStation<'a>,
    presentation: Presentation,
    /// Threads that share a unit; units take turns if there are several.
    shares: usize,
}

impl UnitGradients for Call<'_> {
    fn part<T: Element>(
        &self,
        unit: &[u32],
        given: Given<'_>,
        factor: f64,
    ) -> Result<Part<T>, ObjectiveError> {
        let images = self.objective.pixels::<f32>(unit, self.presentation);
        let pass = Backward { given, images: &images, cotangents: None, of: Sought::Theta };
        let Self { objective, planned: PlannedGradients { plan, workspaces, .. }, .. } = *self;
        let layout = &objective.network.layout;
        workspaces.with(plan, self.shares, |workspace| {
            let loss = plan.run(self.station, pass, workspace, |logits, gradient| {
                objective.loss_gradient(logits, unit, gradient)
            });
            let mut gradient = self.objective.served.vector(layout.dimension());
            plan.read(workspace, layout, factor, &mut gradient);
            let running = match given {
                Given::Batch(_) => {
                    Running::seen(observed(workspace.statistics().iter(), plan.counts(unit.len())))
                }
                Given::Frozen(_) => {
                    let cotangents = workspace.cotangents();
                    let flat = cotangents.flat_map(|norm| norm.mean.iter().chain(&norm.variance));
                    gradient.extend(flat.map(|x| T::nearest(factor * x)));
                    Running::default()
                }
            };
            Ok(Part { loss: factor * loss, gradient, running })
        })
    }

    fn weighted_statistics(
        &self,
        unit: &[u32],
        shifts: &[Vec<f32>],
    ) -> Result<Vec<f64>, ObjectiveError> {
        let images = self.objective.pixels::<f32>(unit, self.presentation);
        let given = Given::Batch(shifts);
        let pass = Backward { given, images: &images, cotangents: None, of: Sought::Activations };
        let PlannedGradients { plan, workspaces, .. } = self.planned;
        workspaces.with(plan, self.shares, |workspace| {
            plan.forward(self.station, pass, workspace);
            let weight = self.objective.weight(unit);
            let observed = observed(workspace.statistics().iter(), plan.counts(unit.len()));
            Ok(observed.into_iter().map(|x| weight * x).collect())
        })
    }

    fn through_statistics(
        &self,
        unit: &[u32],
        shifts: &[Vec<f32>],
        cotangent: &[f64],
    ) -> Result<Part, ObjectiveError> {
        let images = self.objective.pixels::<f32>(unit, self.presentation);
        let PlannedGradients { plan, workspaces, .. } = self.planned;
        let layout = &self.objective.network.layout;
        let cotangents = self.objective.unit_cotangents(unit, cotangent, plan.counts(unit.len()));
        let given = Given::Batch(shifts);
        let of = Sought::Theta;
        let pass = Backward { given, images: &images, cotangents: Some(&cotangents), of };
        workspaces.with(plan, self.shares, |workspace| {
            plan.run(self.station, pass, workspace, |_, gradient| gradient.fill(0.0));
            let mut gradient: Vec<f64> = self.objective.served.vector(layout.dimension());
            plan.read(workspace, layout, 1.0, &mut gradient);
            let observed = observed(workspace.statistics().iter(), plan.counts(unit.len()));
            Ok(Part { loss: 0.0, gradient, running: Running::seen(observed) })
        })
    }
}

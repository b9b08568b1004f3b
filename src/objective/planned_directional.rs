//! Losses along directions on fused kernels: in 32 bits on the CPU, for networks that a plan knows.
//!
//! As in [`directional`](super::directional), a unit goes forward and back to its activations once for
//! all directions. Statistics that are recomputed over the training set depend on theta too: a pass over
//! all units gives them with their first derivatives, and one after the loss's weighs their second
//! derivatives with the loss's gradient with respect to them.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::contract::separately;
use super::directional::{Direction, MOMENTS, directionals};
use super::gradient::{Part, Running};
use super::planned::{norm_statistics, observed};
use super::planned_gradient::{PlannedGradients, exponentials, shifts_at};
use super::presentation::Presentation;
use super::{BatchNormPolicy, Classification, Directional, Gradient, Loss, ObjectiveError, Point};
use crate::linalg::{Numbers, normaliser};
use crate::network::Network;
use crate::plan::{
    Backward, Course, CurvaturePlan, CurvatureWorkspace, CurvatureWorkspaces, DirectionStation,
    Given, GivenAlong, GradientStation, NormStatistics, Order, Sought, Tangent,
};
use crate::precision::Precision;

/// The plan of a network's derivatives of second order, and the memory that is kept between calls.
#[derive(Debug)]
pub(super) struct PlannedCurvature {
    plan: CurvaturePlan,
    direction: Mutex<Option<DirectionStation>>,
    workspaces: CurvatureWorkspaces,
    /// For the way back along a direction.
    pub(super) keeping: CurvaturePlan,
    pub(super) keeping_workspaces: CurvatureWorkspaces,
}

impl PlannedCurvature {
    /// None if the network has a layer that the plan does not know.
    pub fn of(network: &Network) -> Option<Self> {
        let (plan, keeping) = (CurvaturePlan::of(network)?, CurvaturePlan::keeping(network)?);
        Some(Self {
            plan,
            direction: Mutex::default(),
            workspaces: CurvatureWorkspaces::default(),
            keeping,
            keeping_workspaces: CurvatureWorkspaces::default(),
        })
    }

    /// Runs `work` with multiples of directions packed. The first one's memory is kept.
    fn with_directions<T>(
        &self,
        objective: &Classification,
        directions: &[(Numbers<'_>, f64)],
        work: impl FnOnce(&[DirectionStation]) -> T,
    ) -> T {
        let kept = || self.direction.lock().unwrap_or_else(PoisonError::into_inner);
        let layout = &objective.network.layout;
        let mut first = kept().take();
        if let (Some(first), Some(&direction)) = (&mut first, directions.first()) {
            first.move_to(&self.plan, layout, direction);
        }
        let others = &directions[first.iter().len().min(directions.len())..];
        let pack = |&direction: &(Numbers<'_>, f64)| {
            DirectionStation::new(&self.plan, layout, direction, objective.measured.winograd)
        };
        let mut stations: Vec<_> = first.into_iter().collect();
        stations.par_extend(others.par_iter().map(pack));
        let result = work(&stations);
        *kept() = stations.into_iter().next();
        result
    }

    /// The last batch of a workspace along a multiple of its own gradient.
    fn along_own<T>(
        &self,
        objective: &Classification,
        gradient: (Numbers<'_>, f64),
        (station, images): (&GradientStation, &[f32]),
        workspace: &mut CurvatureWorkspace,
        read: impl FnOnce(Tangent<'_>) -> T,
    ) -> T {
        let kept = || self.direction.lock().unwrap_or_else(PoisonError::into_inner);
        let (plan, layout) = (&self.plan, &objective.network.layout);
        let new = || DirectionStation::new(plan, layout, gradient, objective.measured.winograd);
        let free = kept().take();
        let mut direction = free.unwrap_or_else(new);
        direction.move_to_gradient(plan, layout, gradient, images, workspace);
        let (given, order) = (GivenAlong::Batch, Order::Second);
        let course = Course { images, given, cotangents: None, order };
        let result = read(plan.along(station, &direction, course, workspace));
        *kept() = Some(direction);
        result
    }
}

impl Classification {
    /// A loss along each direction, as [`Classification::along`].
    pub(super) fn planned_along(
        &self,
        planned: &PlannedGradients,
        at: &Point,
        of: Loss,
        directions: &[Direction],
        order: Order,
    ) -> Result<Vec<Directional>, ObjectiveError> {
        let (units, presentation) = self.units(of);
        let shares = self.shares(units.len());
        let packed = directions.iter().map(|direction| (Numbers::Double([direction.theta]), 1.0));
        let packed: Vec<_> = packed.collect();
        let curvature = &planned.curvature;
        planned.with_station(self, at.theta.numbers(), |station| {
            curvature.with_directions(self, &packed, |stations| {
                let call = Call {
                    objective: self,
                    curvature,
                    station,
                    directions: stations,
                    presentation,
                    shares,
                    order,
                };
                self.along_by(&call, (&units, at, of), directions, order)
            })
        })
    }

    /// As [`Classification::gradient_and_along`].
    pub(super) fn planned_gradient_and_along(
        &self,
        planned: &PlannedGradients,
        at: &Point,
        of: Loss,
    ) -> Result<(Gradient, Option<Directional>), ObjectiveError> {
        let (units, presentation) = self.units(of);
        let (&[unit], Loss::Batch { .. }) = (&units[..], of) else {
            return separately(self, at, of, Precision::F32);
        };
        let PlannedCurvature { plan, workspaces, .. } = &planned.curvature;
        let (layout, images) = (&self.network.layout, self.pixels::<f32>(unit, presentation));
        let shifts = shifts_at(layout, at);
        let (given, images) = (Given::Batch(&shifts), images.as_slice());
        let pass = Backward { given, images, cotangents: None, of: Sought::Theta };
        let factor = 1.0 / unit.len() as f64;
        planned.with_station(self, at.theta.numbers(), |station| {
            workspaces.with(plan, rayon::current_num_threads(), |workspace| {
                let loss = plan.run(station, pass, workspace, |logits, gradient| {
                    self.loss_gradient(logits, unit, gradient)
                });
                let mut gradient: Vec<f32> = self.served.vector(layout.dimension());
                plan.read(workspace, layout, factor, &mut gradient);
                let statistics = workspace.statistics().iter();
                let running = Running::seen(observed(statistics, plan.counts(unit.len())));
                let gradient = Part { loss: factor * loss, gradient, running }.into_gradient(at);
                let Some(factor) = normaliser(gradient.gradient.norm()) else {
                    return Ok((gradient, None));
                };
                let direction = (gradient.gradient.numbers(), factor);
                let moments = planned.curvature.along_own(
                    self,
                    direction,
                    (station, images),
                    workspace,
                    |along| self.moments_along(along, unit),
                );
                let sums: Vec<f64> = std::iter::once(loss).chain(moments).collect();
                Ok((gradient, directionals(&sums, unit.len()).pop()))
            })
        })
    }

    /// The [`MOMENTS`] of some samples along a direction.
    pub(super) fn moments_along(
        &self,
        Tangent { logits, along, second }: Tangent<'_>,
        samples: &[u32],
    ) -> [f64; MOMENTS] {
        let classes = self.network.classes;
        let mut moments = [0.0, 2.0 * second, 0.0];
        let mut weights = vec![0.0; classes];
        let rows = logits.chunks_exact(classes).zip(along.chunks_exact(classes));
        for ((logits, along), &sample) in rows.zip(samples) {
            let (_, total) = exponentials(logits, &mut weights);
            let own = f64::from(along[usize::from(self.data.label(sample))]);
            // Mean and variance of the logits' slopes over the classes' probabilities.
            let pairs = weights.iter().zip(along.iter().map(|&z| f64::from(z)));
            let mean = pairs.clone().map(|(p, z)| p * (z - own)).sum::<f64>() / total;
            let squares = pairs.map(|(p, z)| p * (z - own - mean).powi(2));
            moments[0] += mean;
            moments[1] += squares.sum::<f64>() / total;
            moments[2] += mean * mean;
        }
        moments
    }
}

/// Losses along directions in the making.
pub(super) struct Call<'a> {
    pub objective: &'a Classification,
    pub curvature: &'a PlannedCurvature,
    pub station: &'a GradientStation<'a>,
    pub directions: &'a [DirectionStation],
    pub presentation: Presentation,
    /// Threads that share a unit; units take turns if there are several.
    pub shares: usize,
    pub order: Order,
}

/// Statistics that are given, and how they move along every direction.
pub(super) type Frozen = [Vec<NormStatistics>];

/// What computes units along directions, in 32 bits.
pub(super) trait UnitsAlong: Sync {
    /// A unit's summed loss, the [`MOMENTS`] of every direction and, where statistics are given, the
    /// gradient with respect to them.
    fn moments(
        &self,
        unit: &[u32],
        shifts: &[Vec<f32>],
        frozen: Option<&Frozen>,
    ) -> Result<Vec<f64>, ObjectiveError>;

    /// A unit's part of the average of statistics over the training set, which are near `shifts`, then of
    /// their derivatives along every direction.
    fn weighted_statistics_along(
        &self,
        unit: &[u32],
        shifts: &[Vec<f32>],
    ) -> Result<Vec<f64>, ObjectiveError>;

    /// One unit's part of the second coefficient of cotangent'S, for averaged statistics S, along every
    /// direction.
    fn seconds_through_statistics(
        &self,
        unit: &[u32],
        shifts: &[Vec<f32>],
        cotangent: &[f64],
    ) -> Result<Vec<f64>, ObjectiveError>;
}

impl Classification {
    /// The mean loss over units along each direction, of which `by` computes the parts.
    pub(super) fn along_by(
        &self,
        by: &impl UnitsAlong,
        (units, at, of): (&[&[u32]], &Point, Loss),
        directions: &[Direction],
        order: Order,
    ) -> Result<Vec<Directional>, ObjectiveError> {
        let shifts = shifts_at(&self.network.layout, at);
        let policy = self.policy(of);
        let frozen = self.frozen_by(by, units, at, policy, directions)?;
        let mut sums =
            self.shared_sum(units, |unit| by.moments(unit, &shifts, frozen.as_deref()))?;
        let cotangent = sums.split_off(1 + MOMENTS * directions.len());
        if policy == Some(BatchNormPolicy::Recomputed) && order == Order::Second {
            let seconds = self.shared_sum(units, |unit| {
                by.seconds_through_statistics(unit, &shifts, &cotangent)
            })?;
            let (moments, _) = sums[1..].as_chunks_mut::<MOMENTS>();
            moments.iter_mut().zip(seconds).for_each(|([_, sum, _], second)| *sum += 2.0 * second);
        }
        Ok(directionals(&sums, units.iter().map(|unit| unit.len()).sum()))
    }

    /// The statistics that norms are given, and how they move along every direction; none if they are the
    /// batch's.
    pub(super) fn frozen_by(
        &self,
        by: &impl UnitsAlong,
        units: &[&[u32]],
        at: &Point,
        policy: Option<BatchNormPolicy>,
        directions: &[Direction],
    ) -> Result<Option<Vec<Vec<NormStatistics>>>, ObjectiveError> {
        let layout = &self.network.layout;
        Ok(match policy {
            Some(BatchNormPolicy::Running) => {
                let still = vec![0.0; at.buffers.len()];
                let along = directions.iter().map(|u| match u.buffers {
                    [] => norm_statistics(layout, &still),
                    buffers => norm_statistics(layout, buffers),
                });
                Some(std::iter::once(norm_statistics(layout, &at.buffers)).chain(along).collect())
            }
            Some(BatchNormPolicy::Recomputed) => {
                let shifts = shifts_at(layout, at);
                let flat =
                    self.shared_sum(units, |unit| by.weighted_statistics_along(unit, &shifts))?;
                let all = flat.chunks(layout.buffer_dimension());
                Some(all.map(|flat| norm_statistics(layout, flat)).collect())
            }
            Some(BatchNormPolicy::Batch) | None => None,
        })
    }
}

impl UnitsAlong for Call<'_> {
    fn moments(
        &self,
        unit: &[u32],
        shifts: &[Vec<f32>],
        frozen: Option<&Frozen>,
    ) -> Result<Vec<f64>, ObjectiveError> {
        let Self { objective, curvature, station, order, .. } = *self;
        let PlannedCurvature { plan, workspaces, .. } = curvature;
        let images = objective.pixels::<f32>(unit, self.presentation);
        let given = frozen.map_or(Given::Batch(shifts), |all| Given::Frozen(&all[0]));
        let of = Sought::Activations;
        let pass = Backward { given, images: &images, cotangents: None, of };
        workspaces.with(plan, self.shares, |workspace| {
            let loss = match order {
                Order::First => objective.summed_loss(plan.forward(station, pass, workspace), unit),
                Order::Second | Order::Back => {
                    plan.run(station, pass, workspace, |logits, gradient| {
                        objective.loss_gradient(logits, unit, gradient)
                    })
                }
            };
            let mut sums = vec![loss];
            for (i, direction) in self.directions.iter().enumerate() {
                let given = frozen.map_or(GivenAlong::Batch, |all| GivenAlong::Frozen(&all[1 + i]));
                let course = Course { images: &images, given, cotangents: None, order };
                let along = plan.along(station, direction, course, workspace);
                sums.extend(objective.moments_along(along, unit));
            }
            if frozen.is_some() && order == Order::Second {
                let norms = workspace.cotangents();
                sums.extend(norms.flat_map(|norm| norm.mean.iter().chain(&norm.variance)));
            }
            Ok(sums)
        })
    }

    fn weighted_statistics_along(
        &self,
        unit: &[u32],
        shifts: &[Vec<f32>],
    ) -> Result<Vec<f64>, ObjectiveError> {
        let PlannedCurvature { plan, workspaces, .. } = self.curvature;
        let images = self.objective.pixels::<f32>(unit, self.presentation);
        let (given, of) = (Given::Batch(shifts), Sought::Activations);
        let pass = Backward { given, images: &images, cotangents: None, of };
        let (given, order) = (GivenAlong::Batch, Order::First);
        let course = Course { images: &images, given, cotangents: None, order };
        let counts = || plan.counts(unit.len());
        workspaces.with(plan, self.shares, |workspace| {
            plan.forward(self.station, pass, workspace);
            let mut flat = observed(workspace.statistics().iter(), counts());
            for direction in self.directions {
                plan.along(self.station, direction, course, workspace);
                flat.extend(observed(workspace.statistics_along(), counts()));
            }
            let weight = self.objective.weight(unit);
            flat.iter_mut().for_each(|x| *x *= weight);
            Ok(flat)
        })
    }

    fn seconds_through_statistics(
        &self,
        unit: &[u32],
        shifts: &[Vec<f32>],
        cotangent: &[f64],
    ) -> Result<Vec<f64>, ObjectiveError> {
        let PlannedCurvature { plan, workspaces, .. } = self.curvature;
        let images = self.objective.pixels::<f32>(unit, self.presentation);
        let cotangents = self.objective.unit_cotangents(unit, cotangent, plan.counts(unit.len()));
        let (given, cotangents) = (Given::Batch(shifts), Some(cotangents.as_slice()));
        let pass = Backward { given, images: &images, cotangents, of: Sought::Activations };
        let (given, order) = (GivenAlong::Batch, Order::Second);
        let course = Course { images: &images, given, cotangents, order };
        workspaces.with(plan, self.shares, |workspace| {
            plan.run(self.station, pass, workspace, |_, gradient| gradient.fill(0.0));
            let second = |direction| plan.along(self.station, direction, course, workspace).second;
            Ok(self.directions.iter().map(second).collect())
        })
    }
}

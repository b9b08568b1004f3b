//! H v on fused kernels: in 32 bits on the CPU, for networks that a plan knows.
//!
//! A unit goes forward and back to its activations, then both again along v: what its gradient does is its
//! part of H v. Statistics that are recomputed over the training set depend on theta too: a pass over all
//! units gives them with their derivatives along v, and one after the loss's takes the gradient with
//! respect to them, and how that moves, back to theta.

use super::directional::Direction;
use super::planned_directional::{Call, Frozen};
use super::planned_gradient::{PlannedGradients, exponentials, shifts_at};
use super::tree::Addend;
use super::{BatchNormPolicy, Classification, Loss, ObjectiveError, Point};
use crate::plan::{
    Backward, Cotangents, Given, GivenAlong, Order, ReturnStation, Sought, Tangent, Turn,
};

impl Classification {
    /// As [`Classification::hessian_times`].
    pub(super) fn planned_hessian_times(
        &self,
        planned: &PlannedGradients,
        at: &Point,
        direction: &[f64],
    ) -> Result<Vec<f64>, ObjectiveError> {
        let of = Loss::Measured;
        let (units, presentation) = self.units(of);
        let shares = self.shares(units.len());
        let (curvature, layout) = (&planned.curvature, &self.network.layout);
        let winograd = self.measured.winograd;
        let along = &ReturnStation::new(&curvature.keeping, layout, direction, winograd);
        planned.with_station(self, at.theta.numbers(), |station| {
            let directions = std::slice::from_ref(along.forward());
            let order = Order::First;
            let objective = self;
            let call =
                &Call { objective, curvature, station, directions, presentation, shares, order };
            let policy = self.policy(of);
            let v = Direction { theta: direction, buffers: &[] };
            let frozen = self.frozen_by(call, &units, at, policy, &[v])?;
            let shifts = &shifts_at(layout, at);
            let way = Way { call, along, shifts };
            let mut sum: Vec<f64> =
                self.shared_sum(&units, |unit| Ok(way.of_loss(unit, frozen.as_deref())))?;
            let cotangents = sum.split_off(layout.dimension());
            if policy == Some(BatchNormPolicy::Recomputed) {
                sum.add(
                    self.shared_sum(&units, |unit| Ok(way.through_statistics(unit, &cotangents)))?,
                );
            }
            Ok(sum)
        })
    }

    /// How the gradient of a summed loss with respect to the logits moves.
    pub(super) fn loss_gradient_along(&self, tangent: Tangent<'_>, to: &mut [f32]) {
        let classes = self.network.classes;
        let mut weights = vec![0.0; classes];
        let rows = tangent.logits.chunks_exact(classes).zip(tangent.along.chunks_exact(classes));
        for (to, (logits, along)) in to.chunks_exact_mut(classes).zip(rows) {
            let (_, total) = exponentials(logits, &mut weights);
            let pairs = weights.iter().zip(along);
            let mean = pairs.clone().map(|(p, &z)| p * f64::from(z)).sum::<f64>() / total;
            let moves = pairs.map(|(p, &z)| (p / total * (f64::from(z) - mean)) as f32);
            to.iter_mut().zip(moves).for_each(|(to, moves)| *to = moves);
        }
    }
}

/// Units on their way forward and back, and along v.
struct Way<'a> {
    call: &'a Call<'a>,
    along: &'a ReturnStation,
    shifts: &'a [Vec<f32>],
}

impl Way<'_> {
    /// A unit's part of H v and, where statistics are given, of the gradient with respect to them and of
    /// how that moves.
    fn of_loss(&self, unit: &[u32], frozen: Option<&Frozen>) -> Vec<f64> {
        let Call { objective, station, curvature, .. } = *self.call;
        let images = objective.pixels::<f32>(unit, self.call.presentation);
        let given = frozen.map_or(Given::Batch(self.shifts), |all| Given::Frozen(&all[0]));
        let of = Sought::Activations;
        let pass = Backward { given, images: &images, cotangents: None, of };
        let given = frozen.map_or(GivenAlong::Batch, |all| GivenAlong::Frozen(&all[1]));
        let turn = Turn { images: &images, given, cotangents: None };
        let factor = 1.0 / objective.data.len() as f64;
        let (plan, layout) = (&curvature.keeping, &objective.network.layout);
        curvature.keeping_workspaces.with(plan, self.call.shares, |workspace| {
            plan.run(station, pass, workspace, |logits, gradient| {
                objective.loss_gradient(logits, unit, gradient)
            });
            plan.back_along(station, self.along, turn, workspace, |tangent, gradient| {
                objective.loss_gradient_along(tangent, gradient);
            });
            let mut product = objective.served.vector(layout.dimension());
            plan.read_along(workspace, layout, factor, &mut product);
            if frozen.is_some() {
                let norms = workspace.cotangents().chain(workspace.cotangents_along());
                let flat = norms.flat_map(|norm| norm.mean.iter().chain(&norm.variance));
                product.extend(flat.map(|x| factor * x));
            }
            product
        })
    }

    /// A unit's part of what averaged statistics S add, c' dS/dtheta moved along v for the gradient c of the
    /// loss with respect to them; `cotangents` are c and how it moves.
    fn through_statistics(&self, unit: &[u32], cotangents: &[f64]) -> Vec<f64> {
        let Call { objective, station, curvature, .. } = *self.call;
        let images = objective.pixels::<f32>(unit, self.call.presentation);
        let (plan, layout) = (&curvature.keeping, &objective.network.layout);
        let (before, along) = cotangents.split_at(cotangents.len() / 2);
        let [before, along]: [Vec<Cotangents>; 2] = [before, along]
            .map(|flat| objective.unit_cotangents(unit, flat, plan.counts(unit.len())));
        let (given, of) = (Given::Batch(self.shifts), Sought::Activations);
        let pass = Backward { given, images: &images, cotangents: Some(&before), of };
        let (given, cotangents) = (GivenAlong::Batch, Some(along.as_slice()));
        let turn = Turn { images: &images, given, cotangents };
        curvature.keeping_workspaces.with(plan, self.call.shares, |workspace| {
            plan.run(station, pass, workspace, |_, gradient| gradient.fill(0.0));
            let loss = |_: Tangent<'_>, gradient: &mut [f32]| gradient.fill(0.0);
            plan.back_along(station, self.along, turn, workspace, loss);
            let mut product = objective.served.vector(layout.dimension());
            plan.read_along(workspace, layout, 1.0, &mut product);
            product
        })
    }
}

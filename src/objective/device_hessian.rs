//! H v on the fused kernels of a GPU, in 32 bits, for networks that a plan knows.

use super::device_directional::Call;
use super::device_gradient::UnitsOnKernels;
use super::directional::Direction;
use super::tree::Addend;
use super::{BatchNormPolicy, Classification, Loss, ObjectiveError, Point};
use crate::plan::{Cotangents, NormStatistics, Order, Sought, Tangent};
use crate::precision::Precision;

impl Classification {
    /// As [`Classification::hessian_times`]; none where it has to go through series.
    pub(super) fn hessian_on_kernels(
        &self,
        at: &Point,
        v: &[f64],
        precision: Precision,
    ) -> Option<Result<Vec<f64>, ObjectiveError>> {
        let kernels = &self.derivatives_on_kernels(&at.theta, precision, true)?;
        let (units, presentation) = self.units(Loss::Measured);
        let directions = &[kernels.direction(v)];
        let on = self.units_on(kernels, presentation, &units);
        let call = Call { units: on, directions, order: Order::First };
        Some(call.hessian_times(&units, at, v))
    }
}

impl Call<'_> {
    fn hessian_times(
        &self,
        units: &[&[u32]],
        at: &Point,
        v: &[f64],
    ) -> Result<Vec<f64>, ObjectiveError> {
        let objective = self.units.objective;
        let policy = objective.policy(Loss::Measured);
        let direction = Direction { theta: v, buffers: &[] };
        let frozen = objective.frozen_by(self, units, at, policy, &[direction])?;
        let frozen = frozen.as_ref().map(|all| [0, 1].map(|i| all[i].as_slice()));
        let mut sum: Vec<f64> =
            objective.shared_sum(units, |unit| self.product_of_loss(unit, frozen))?;
        let cotangents = sum.split_off(v.len());
        if policy == Some(BatchNormPolicy::Recomputed) {
            sum.add(
                objective
                    .shared_sum(units, |unit| self.product_of_statistics(unit, &cotangents))?,
            );
        }
        Ok(sum)
    }

    /// A unit's part of H v and, where statistics are given, of the gradient with respect to them and of
    /// how that moves.
    fn product_of_loss(
        &self,
        unit: &[u32],
        frozen: Option<[&[NormStatistics]; 2]>,
    ) -> Result<Vec<f64>, ObjectiveError> {
        let UnitsOnKernels { objective, .. } = self.units;
        let [given, along] = [0, 1].map(|i| frozen.map(|all| all[i]));
        let (pass, logits, _) = self.units.run(unit, given, Sought::Activations)?;
        let moved = pass.back_along(&self.directions[0], along, None, |along| {
            let mut gradient = vec![0.0; along.len()];
            let tangent = Tangent { logits: &logits, along, second: 0.0 };
            objective.loss_gradient_along(tangent, &mut gradient);
            gradient
        });
        let factor = 1.0 / objective.data.len() as f64;
        let found = self.units.read(&moved.map_err(ObjectiveError::Device)?, factor)?;
        let mut product = found.gradient;
        if frozen.is_some() {
            let before = self.units.read::<f32>(&pass, 1.0)?;
            let norms = before.cotangents.iter().chain(&found.cotangents);
            let flat = norms.flat_map(|norm| norm.mean.iter().chain(&norm.variance));
            product.extend(flat.map(|x| factor * x));
        }
        Ok(product)
    }

    /// A unit's part of what averaged statistics S add, c' dS/dtheta moved along v for the gradient c of the
    /// loss with respect to them; `cotangents` are c and how it moves.
    fn product_of_statistics(
        &self,
        unit: &[u32],
        cotangents: &[f64],
    ) -> Result<Vec<f64>, ObjectiveError> {
        let (before, along) = cotangents.split_at(cotangents.len() / 2);
        let [before, along]: [Vec<Cotangents>; 2] =
            [before, along].map(|flat| self.units.cotangents(unit, flat));
        let pass = self.units.run_through(unit, &before, Sought::Activations)?;
        let still = |along: &[f32]| vec![0.0; along.len()];
        let moved = pass.back_along(&self.directions[0], None, Some(&along), still);
        Ok(self.units.read(&moved.map_err(ObjectiveError::Device)?, 1.0)?.gradient)
    }
}

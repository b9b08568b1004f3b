//! Losses along directions on the fused kernels of a GPU, in 32 bits, for networks that a plan knows.
//!
//! As on the CPU, a unit goes forward and back to its activations once for all directions; how it moves
//! along each of them comes back at once.

use super::contract::separately;
use super::device_gradient::UnitsOnKernels;
use super::directional::{Direction, MOMENTS, directionals};
use super::gradient::{Part, Running};
use super::planned_directional::{Frozen, UnitsAlong};
use super::{Classification, Directional, Gradient, Loss, ObjectiveError, Point};
use crate::linalg::normaliser;
use crate::plan::{DeviceDirection, DeviceGradient, DeviceTangent, Order, Sought, Tangent};
use crate::precision::Precision;

/// Bytes of directions that are on a device at once.
const DIRECTION_BYTES: usize = 1 << 30;

impl Classification {
    /// A loss along each direction, as [`Classification::along`]; none where it has to go through series.
    pub(super) fn along_on_kernels(
        &self,
        at: &Point,
        of: Loss,
        directions: &[Direction],
        order: Order,
        precision: Precision,
    ) -> Option<Result<Vec<Directional>, ObjectiveError>> {
        let kernels = &self.derivatives_on_kernels(&at.theta, precision, true)?;
        let (units, presentation) = self.units(of);
        let some = (DIRECTION_BYTES / (at.theta.len() * precision.bytes()).max(1)).max(1);
        let along = |directions: &[Direction]| {
            let stations: Vec<_> =
                directions.iter().map(|direction| kernels.direction(direction.theta)).collect();
            let units_on = self.units_on(kernels, presentation, &units);
            let call = Call { units: units_on, directions: &stations, order };
            self.along_by(&call, (&units, at, of), directions, order)
        };
        let all: Result<Vec<_>, ObjectiveError> = directions.chunks(some).map(along).collect();
        Some(all.map(|all| all.concat()))
    }

    /// As [`Classification::gradient_and_along`]; none where it has to go through series.
    pub(super) fn gradient_and_along_on_kernels(
        &self,
        at: &Point,
        of: Loss,
        precision: Precision,
    ) -> Option<Result<(Gradient, Option<Directional>), ObjectiveError>> {
        let (units, presentation) = self.units(of);
        let (&[unit], Loss::Batch { .. }) = (&units[..], of) else {
            return self.on_device.as_ref().map(|_| separately(self, at, of, precision));
        };
        let kernels = self.derivatives_on_kernels(&at.theta, precision, true)?;
        let units = self.units_on(&kernels, presentation, &[unit]);
        Some(self.own_gradient_and_along(units, unit, at))
    }

    fn own_gradient_and_along(
        &self,
        units: UnitsOnKernels<'_>,
        unit: &[u32],
        at: &Point,
    ) -> Result<(Gradient, Option<Directional>), ObjectiveError> {
        let (pass, logits, loss) = units.run(unit, None, Sought::Theta)?;
        let factor = 1.0 / unit.len() as f64;
        let DeviceGradient::<f32> { gradient, statistics, .. } = units.read(&pass, factor)?;
        let running = Running::seen(units.observed(unit, &statistics));
        let gradient = Part { loss: factor * loss, gradient, running }.into_gradient(at);
        let Some(to_unit) = normaliser(gradient.gradient.norm()) else {
            return Ok((gradient, None));
        };
        let direction = units.kernels.direction_of(&pass, to_unit * factor);
        let moving = pass.along(&direction, None, Order::Second);
        let tangents = units.kernels.read_along(&[moving]).map_err(ObjectiveError::Device)?;
        let mut sums = vec![loss];
        sums.extend(tangents.iter().flat_map(|tangent| self.moments_of(&logits, tangent, unit)));
        Ok((gradient, directionals(&sums, unit.len()).pop()))
    }

    fn moments_of(
        &self,
        logits: &[f32],
        DeviceTangent { logits: along, second, .. }: &DeviceTangent,
        unit: &[u32],
    ) -> [f64; MOMENTS] {
        self.moments_along(Tangent { logits, along, second: *second }, unit)
    }
}

/// Losses along directions in the making.
pub(super) struct Call<'a> {
    pub units: UnitsOnKernels<'a>,
    pub directions: &'a [DeviceDirection],
    pub order: Order,
}

impl UnitsAlong for Call<'_> {
    fn moments(
        &self,
        unit: &[u32],
        _: &[Vec<f32>],
        frozen: Option<&Frozen>,
    ) -> Result<Vec<f64>, ObjectiveError> {
        let objective = self.units.objective;
        let given = frozen.map(|all| all[0].as_slice());
        let (pass, logits, loss) = match self.order {
            Order::First => {
                let pass = self.units.forward(unit, given, None)?;
                let logits = pass.logits().map_err(ObjectiveError::Device)?;
                let loss = objective.summed_loss(&logits, unit);
                (pass, logits, loss)
            }
            Order::Second | Order::Back => self.units.run(unit, given, Sought::Activations)?,
        };
        let along = |(i, direction): (usize, &DeviceDirection)| {
            let given = frozen.map(|all| all[1 + i].as_slice());
            pass.along(direction, given, self.order)
        };
        let moving: Vec<_> = self.directions.iter().enumerate().map(along).collect();
        let tangents = self.units.kernels.read_along(&moving).map_err(ObjectiveError::Device)?;
        let mut sums = vec![loss];
        let moments = |tangent| objective.moments_of(&logits, tangent, unit);
        sums.extend(tangents.iter().flat_map(moments));
        if frozen.is_some() && self.order == Order::Second {
            let found = self.units.read::<f32>(&pass, 1.0)?;
            let norms = found.cotangents.iter();
            sums.extend(norms.flat_map(|norm| norm.mean.iter().chain(&norm.variance)));
        }
        Ok(sums)
    }

    fn weighted_statistics_along(
        &self,
        unit: &[u32],
        _: &[Vec<f32>],
    ) -> Result<Vec<f64>, ObjectiveError> {
        let pass = self.units.forward(unit, None, None)?;
        let along = |direction| pass.along(direction, None, Order::First);
        let moving: Vec<_> = self.directions.iter().map(along).collect();
        let tangents = self.units.kernels.read_along(&moving).map_err(ObjectiveError::Device)?;
        let found = self.units.read::<f32>(&pass, 1.0)?;
        let mut flat = self.units.observed(unit, &found.statistics);
        for tangent in &tangents {
            flat.extend(self.units.observed(unit, &tangent.statistics));
        }
        let weight = self.units.objective.weight(unit);
        flat.iter_mut().for_each(|x| *x *= weight);
        Ok(flat)
    }

    fn seconds_through_statistics(
        &self,
        unit: &[u32],
        _: &[Vec<f32>],
        cotangent: &[f64],
    ) -> Result<Vec<f64>, ObjectiveError> {
        let cotangents = self.units.cotangents(unit, cotangent);
        let pass = self.units.run_through(unit, &cotangents, Sought::Activations)?;
        let along = |direction| pass.along(direction, None, Order::Second);
        let moving: Vec<_> = self.directions.iter().map(along).collect();
        let tangents = self.units.kernels.read_along(&moving).map_err(ObjectiveError::Device)?;
        Ok(tangents.iter().map(|tangent| tangent.second).collect())
    }
}

//! Gradients on the fused kernels of a GPU, in 32 bits, for networks that a plan knows.
//!
//! Units take turns, each with all of the device. The softmax is the host's, in f64.

use super::gradient::{Part, Running};
use super::grouped_kernels::on_device;
use super::planned::observed;
use super::planned_gradient::UnitGradients;
use super::presentation::Presentation;
use super::transfer::tensor;
use super::tree::Addend;
use super::{Classification, Gradient, Loss, ObjectiveError, Point};
use crate::device::Buffer;
use crate::plan::{DeviceBatch, DeviceGradient, DeviceGradients, Given, GradientPlan};
use crate::precision::Precision;

impl Classification {
    /// The mean gradient on the kernels; none where it has to go through series.
    pub(super) fn gradient_on_kernels(
        &self,
        at: &Point,
        of: Loss,
        precision: Precision,
    ) -> Option<Result<Gradient, ObjectiveError>> {
        let plan = self.device_gradients.as_ref().filter(|_| precision == Precision::F32)?;
        let (client, _) = on_device(tensor(&[0.0], &self.device, precision))?;
        let (units, presentation) = self.units(of);
        let (layout, winograd) = (&self.network.layout, self.measured.winograd);
        let kernels = DeviceGradients::new(plan, layout, client, &at.theta, winograd);
        let call = Call { objective: self, plan, kernels, presentation };
        Some(self.gradient_by(&call, &units, at, of))
    }
}

/// One gradient in the making.
struct Call<'a> {
    objective: &'a Classification,
    plan: &'a GradientPlan,
    kernels: DeviceGradients<'a>,
    presentation: Presentation,
}

impl Call<'_> {
    fn images(&self, unit: &[u32]) -> Result<Buffer, ObjectiveError> {
        let images = self.objective.images(unit, Precision::F32, self.presentation);
        let (_, buffer) = on_device(images)
            .ok_or_else(|| ObjectiveError::Device("images are not in one piece".into()))?;
        Ok(buffer)
    }

    /// Runs a unit, whose loss is `weighted` by 1 or 0.
    fn run(
        &self,
        unit: &[u32],
        batch: DeviceBatch<'_>,
        is_weighted: bool,
    ) -> Result<DeviceGradient<f64>, ObjectiveError> {
        let loss = |logits: &[f32]| {
            let mut gradient = vec![0.0; logits.len()];
            if !is_weighted {
                return (0.0, gradient);
            }
            let loss = self.objective.loss_gradient(logits, unit, &mut gradient);
            (loss, gradient)
        };
        let found = self.kernels.run(self.images(unit)?, batch, loss);
        found.map_err(ObjectiveError::Device)
    }
}

impl UnitGradients for Call<'_> {
    fn sum<T: Addend>(
        &self,
        units: &[&[u32]],
        of: impl Fn(&[u32]) -> Result<T, ObjectiveError> + Sync,
    ) -> Result<T, ObjectiveError> {
        self.objective.sum_in_turn(units, of)
    }

    fn part(&self, unit: &[u32], given: Given<'_>, factor: f64) -> Result<Part, ObjectiveError> {
        let given = match given {
            Given::Batch(_) => None,
            Given::Frozen(statistics) => Some(statistics),
        };
        let batch = DeviceBatch { samples: unit.len(), given, cotangents: None };
        let DeviceGradient { loss, gradient, statistics, cotangents } =
            self.run(unit, batch, true)?;
        let mut gradient = scaled(factor, &gradient);
        let running = if given.is_some() {
            let flat = cotangents.iter().flat_map(|norm| norm.mean.iter().chain(&norm.variance));
            gradient.extend(flat.map(|x| factor * x));
            Running::default()
        } else {
            Running::seen(observed(statistics.iter(), self.plan.counts(unit.len())))
        };
        Ok(Part { loss: factor * loss, gradient, running })
    }

    fn weighted_statistics(
        &self,
        unit: &[u32],
        _: &[Vec<f32>],
    ) -> Result<Vec<f64>, ObjectiveError> {
        let seen = self.kernels.statistics(self.images(unit)?, unit.len());
        let seen = seen.map_err(ObjectiveError::Device)?;
        let weight = self.objective.weight(unit);
        let observed = observed(seen.iter(), self.plan.counts(unit.len()));
        Ok(observed.into_iter().map(|x| weight * x).collect())
    }

    fn through_statistics(
        &self,
        unit: &[u32],
        _: &[Vec<f32>],
        cotangent: &[f64],
    ) -> Result<Part, ObjectiveError> {
        let counts = || self.plan.counts(unit.len());
        let cotangents = self.objective.unit_cotangents(unit, cotangent, counts());
        let batch = DeviceBatch { samples: unit.len(), given: None, cotangents: Some(&cotangents) };
        let DeviceGradient { gradient, statistics, .. } = self.run(unit, batch, false)?;
        let running = Running::seen(observed(statistics.iter(), counts()));
        Ok(Part { loss: 0.0, gradient: scaled(1.0, &gradient), running })
    }
}

fn scaled(factor: f64, numbers: &[f32]) -> Vec<f64> {
    numbers.iter().map(|&x| factor * f64::from(x)).collect()
}

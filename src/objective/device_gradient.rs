//! Gradients on the fused kernels of a GPU, in 32 bits, for networks that a plan knows.
//!
//! A few units are under way at once: the softmax is the host's, in f64.

use super::gradient::{Part, Running};
use super::planned::observed;
use super::planned_gradient::UnitGradients;
use super::presentation::Presentation;
use super::{Classification, Gradient, Loss, ObjectiveError, Point};
use crate::linalg::{Element, Vector};
use crate::plan::{
    Cotangents, DeviceBatch, DeviceGradient, DeviceGradients, DevicePass, Given, NormStatistics,
    Sought,
};
use crate::precision::Precision;

impl Classification {
    /// The mean gradient on the kernels; none where it has to go through series.
    pub(super) fn gradient_on_kernels(
        &self,
        at: &Point,
        of: Loss,
        precision: Precision,
    ) -> Option<Result<Gradient, ObjectiveError>> {
        let kernels = self.derivatives_on_kernels(&at.theta, precision, false)?;
        let (units, presentation) = self.units(of);
        let call = self.units_on(&kernels, presentation, &units);
        Some(self.gradient_by(&call, &units, at, of))
    }

    /// Theta on the kernels, for gradients or for what is of second order too.
    pub(super) fn derivatives_on_kernels(
        &self,
        theta: &Vector,
        precision: Precision,
        is_second: bool,
    ) -> Option<DeviceGradients<'_>> {
        let (kernels, client) = self.device_kernels(precision)?;
        let (gradients, curvature) = &kernels.derivatives;
        let plan = if is_second { &curvature.gradient } else { gradients };
        let (layout, winograd) = (&self.network.layout, self.winograd_on(kernels));
        let theta = kernels.uploaded.theta(&client, theta);
        Some(DeviceGradients::new((plan, curvature), layout, client, theta, winograd))
    }

    /// Units on their way through kernels.
    pub(super) fn units_on<'a>(
        &'a self,
        kernels: &'a DeviceGradients,
        presentation: Presentation,
        units: &[&[u32]],
    ) -> UnitsOnKernels<'a> {
        let is_alone = self.on_device.as_ref().is_none_or(|kernels| kernels.lanes(units).is_none());
        UnitsOnKernels { objective: self, kernels, presentation, is_alone }
    }
}

/// Units on their way through the kernels.
#[derive(Clone, Copy)]
pub(super) struct UnitsOnKernels<'a> {
    pub objective: &'a Classification,
    pub kernels: &'a DeviceGradients<'a>,
    pub presentation: Presentation,
    /// Only one is under way at a time, and has all threads.
    pub is_alone: bool,
}

impl<'a> UnitsOnKernels<'a> {
    /// A unit forwards.
    pub fn forward<'b>(
        &self,
        unit: &[u32],
        given: Option<&'b [NormStatistics]>,
        cotangents: Option<&'b [Cotangents]>,
    ) -> Result<DevicePass<'b>, ObjectiveError>
    where
        'a: 'b,
    {
        let images = self.objective.images_on_kernels(unit, self.presentation)?;
        Ok(self.kernels.forward(images, DeviceBatch { samples: unit.len(), given, cotangents }))
    }

    /// A unit forwards and back; its logits and summed loss too.
    pub fn run<'b>(
        &self,
        unit: &[u32],
        given: Option<&'b [NormStatistics]>,
        of: Sought,
    ) -> Result<(DevicePass<'b>, Vec<f32>, f64), ObjectiveError>
    where
        'a: 'b,
    {
        let mut pass = self.forward(unit, given, None)?;
        let logits = pass.logits().map_err(ObjectiveError::Device)?;
        let mut gradient = vec![0.0; logits.len()];
        let loss = self.objective.loss_gradient(&logits, unit, &mut gradient);
        pass.back(&gradient, of);
        Ok((pass, logits, loss))
    }

    /// A unit forwards, and back from the cotangents of its statistics alone.
    pub fn run_through<'b>(
        &self,
        unit: &[u32],
        cotangents: &'b [Cotangents],
        of: Sought,
    ) -> Result<DevicePass<'b>, ObjectiveError>
    where
        'a: 'b,
    {
        let mut pass = self.forward(unit, None, Some(cotangents))?;
        pass.back(&vec![0.0; unit.len() * self.objective.network.classes], of);
        Ok(pass)
    }

    /// Waits for what a unit's way back leaves, of the gradient a multiple.
    pub fn read<T: Element>(
        &self,
        pass: &DevicePass,
        factor: f64,
    ) -> Result<DeviceGradient<T>, ObjectiveError> {
        let vector = |dimension| self.objective.served.vector(dimension);
        pass.read(factor, self.is_alone, vector).map_err(ObjectiveError::Device)
    }

    /// Flat statistics of a unit, with variances without bias.
    pub fn observed<'b>(
        &self,
        unit: &[u32],
        statistics: impl IntoIterator<Item = &'b NormStatistics>,
    ) -> Vec<f64> {
        observed(statistics.into_iter(), self.kernels.counts(unit.len()))
    }

    /// What flat cotangents of averaged statistics are of a unit's.
    pub fn cotangents(&self, unit: &[u32], cotangent: &[f64]) -> Vec<Cotangents> {
        self.objective.unit_cotangents(unit, cotangent, self.kernels.counts(unit.len()))
    }
}

impl UnitGradients for UnitsOnKernels<'_> {
    fn part<T: Element>(
        &self,
        unit: &[u32],
        given: Given<'_>,
        factor: f64,
    ) -> Result<Part<T>, ObjectiveError> {
        let given = match given {
            Given::Batch(_) => None,
            Given::Frozen(statistics) => Some(statistics),
        };
        let (pass, _, loss) = self.run(unit, given, Sought::Theta)?;
        let DeviceGradient { mut gradient, statistics, cotangents } = self.read(&pass, factor)?;
        let running = if given.is_some() {
            let flat = cotangents.iter().flat_map(|norm| norm.mean.iter().chain(&norm.variance));
            gradient.extend(flat.map(|x| T::nearest(factor * x)));
            Running::default()
        } else {
            Running::seen(self.observed(unit, &statistics))
        };
        Ok(Part { loss: factor * loss, gradient, running })
    }

    fn weighted_statistics(
        &self,
        unit: &[u32],
        _: &[Vec<f32>],
    ) -> Result<Vec<f64>, ObjectiveError> {
        let found = self.read::<f32>(&self.forward(unit, None, None)?, 1.0)?;
        let weight = self.objective.weight(unit);
        Ok(self.observed(unit, &found.statistics).into_iter().map(|x| weight * x).collect())
    }

    fn through_statistics(
        &self,
        unit: &[u32],
        _: &[Vec<f32>],
        cotangent: &[f64],
    ) -> Result<Part, ObjectiveError> {
        let cotangents = self.cotangents(unit, cotangent);
        let pass = self.run_through(unit, &cotangents, Sought::Theta)?;
        let found = self.read(&pass, 1.0)?;
        let running = Running::seen(self.observed(unit, &found.statistics));
        Ok(Part { loss: 0.0, gradient: found.gradient, running })
    }
}

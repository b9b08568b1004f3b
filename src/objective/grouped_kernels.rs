//! Groups of batches on the fused kernels of a GPU, in 32 bits, for networks that a plan knows.

use burn::backend::{BackendTensor, DispatchTensorKind, TensorMetadata};
use burn::tensor::Tensor;
use burn::tensor::kind::Basic;
use cubecl::prelude::Client;

use super::grouped::{GroupedLine, Rows, Seen};
use super::line::Samples;
use super::on_device::OnDevice;
use super::planned::observed;
use super::presentation::Presentation;
use super::transfer::tensor;
use super::{Classification, Line, LineEvaluation, ObjectiveError, Point};
use crate::device::{Buffer, ImageBytes, Images};
use crate::plan::{DeviceLine, Group, NormStatistics, Plan};
use crate::precision::Precision;

impl Classification {
    /// A line on the kernels; none where it has to go through series.
    pub(super) fn on_kernels(
        &self,
        line: Line,
        alphas: &[f64],
        precision: Precision,
    ) -> Option<DeviceLine<'_>> {
        let (kernels, client) = self.device_kernels(precision)?;
        let ends = [line.from, line.to]
            .map(|Point { theta, .. }| (theta, kernels.uploaded.theta(&client, theta)));
        let (layout, winograd) = (&self.network.layout, self.winograd_on(kernels));
        Some(DeviceLine::new(&kernels.plan, layout, client, ends, alphas, winograd))
    }

    /// The kernels, and where they run; none where all goes through series.
    pub(super) fn device_kernels(&self, precision: Precision) -> Option<(&OnDevice, Client)> {
        let kernels = self.on_device.as_ref().filter(|_| precision == Precision::F32)?;
        let (client, _) = on_device(tensor(&[0.0], &self.device, precision))?;
        Some((kernels, client))
    }

    /// Multiplications from which on a convolution is computed by Winograd's algorithm there.
    pub(super) fn winograd_on(&self, kernels: &OnDevice) -> Option<usize> {
        self.measured.winograd.then_some(kernels.winograd_from)
    }

    /// Images of some samples for the kernels.
    pub(super) fn images_on_kernels(
        &self,
        samples: &[u32],
        presentation: Presentation,
    ) -> Result<Images, ObjectiveError> {
        let images = match self.resident_as(presentation) {
            Some(resident) => {
                let (words, of_image) = resident.words();
                on_device(words).map(|(client, words)| {
                    let levels = self.data.levels::<f32>();
                    Images::Bytes(ImageBytes::of(&client, (words, of_image), samples, levels))
                })
            }
            None => on_device(self.images(samples, Precision::F32, presentation))
                .map(|(_, numbers)| Images::Numbers(numbers)),
        };
        images.ok_or_else(|| ObjectiveError::Device("images are not in one piece".into()))
    }
}

impl GroupedLine<'_> {
    /// Starts a group on the kernels.
    pub(super) fn start_on<'a>(
        &'a self,
        kernels: &'a DeviceLine,
        units: &[usize],
        points: &[usize],
        seen: Seen,
    ) -> Result<Rows<'a>, ObjectiveError> {
        let images = |point: usize| {
            let (samples, presentation) = self.shown(&self.points[point].samples, units);
            self.objective.images_on_kernels(&samples, presentation)
        };
        let is_drawn =
            points.iter().any(|&point| matches!(self.points[point].samples, Samples::Drawn { .. }));
        let samples = units.first().map_or(0, |&unit| self.samples(unit));
        let group = Group { batches: units.len(), samples };
        let statistics = seen == Seen::Statistics;
        let plan = self.objective.on_device.as_ref().map(|kernels| &kernels.plan);
        let launched = kernels.launch(group, points, is_drawn, images, statistics)?;
        let batches = units.len() * points.len();
        Ok(Box::new(move || {
            let numbers = launched.read().map_err(ObjectiveError::Device)?;
            let Some(plan) = plan.filter(|_| statistics) else { return Ok(numbers) };
            let rows = numbers.chunks(numbers.len() / batches);
            Ok(rows.flat_map(|row| unbiased(row, plan, samples)).collect())
        }))
    }
}

/// Statistics of a batch of so many samples, norm by norm, with variances without bias.
fn unbiased(mut row: &[f64], plan: &Plan, samples: usize) -> Vec<f64> {
    let norms = plan.channels_of_norms().map(|channels| {
        let (norm, rest) = row.split_at(2 * channels);
        row = rest;
        let (mean, variance) = norm.split_at(channels);
        NormStatistics { mean: mean.to_vec(), variance: variance.to_vec() }
    });
    let norms: Vec<NormStatistics> = norms.collect();
    observed(norms.iter(), plan.counts(samples))
}

/// A tensor's numbers where they are, if a device has them in one piece.
pub(super) fn on_device<const D: usize, K: Basic>(
    tensor: Tensor<D, K>,
) -> Option<(Client, Buffer)> {
    match tensor.into_dispatch().kind {
        DispatchTensorKind::Cube(BackendTensor::Float(tensor) | BackendTensor::Int(tensor))
            if tensor.is_contiguous() =>
        {
            let len = tensor.shape().num_elements();
            Some((tensor.client, Buffer::at(tensor.handle, len)))
        }
        _ => None,
    }
}

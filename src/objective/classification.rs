//! The loss of a network that classifies images: cross-entropy, averaged over the training set.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use super::directional::in_theta;
#[cfg(gpu)]
use super::on_device::OnDevice;
use super::planned_gradient::{PlannedGradients, Served};
use super::resident::Resident;
use super::transfer::{dtype, scaled_tensor};
use super::{
    BatchNormPolicy, Crew, Directional, Gradient, Interrupt, Line, LineEvaluation, Loss,
    MeasuredLoss, Objective, ObjectiveError, Point, Protocol, Scores, Slopes,
};
use crate::attention::attended;
use crate::data::{Augment, Dataset, DatasetError, PixelNormalisation};
use crate::kernels::InstructionSet;
use crate::linalg::Vector;
use crate::network::{
    Entry, Layout, Network, Normalisation, StateDictError, Statistics, state_dict,
};
use crate::parameters::Tensors;
use crate::plan::Plan;
use crate::precision::Precision;

/// Evaluation batches on which a device is compared with the CPU in 64 bits. The error of a mean over few
/// is larger than that over all, so it is on the safe side.
const SAMPLED_BATCHES: usize = 2;

/// How training presents its batches to the network.
#[derive(Debug, Clone, Copy)]
pub struct TrainingBatches {
    /// Samples that are computed at once; a larger batch is cut, and batch norm sees the pieces.
    pub chunk: usize,
    /// What is done to the images.
    pub augment: Augment,
    /// What augmentation and the authors' protocol draw from.
    pub seed: u64,
}

/// L(theta) of a network on a data set.
#[derive(Debug)]
pub struct Classification {
    pub(super) network: Arc<Network>,
    pub(super) data: Dataset,
    pub(super) measured: MeasuredLoss,
    pub(super) training: TrainingBatches,
    pub(super) device: Device,
    pub(super) interrupt: Interrupt,
    /// Fast kernels for losses; none for layers or devices that they do not know.
    pub(super) plan: Option<Plan>,
    /// The same on a GPU.
    #[cfg(gpu)]
    pub(super) on_device: Option<OnDevice>,
    /// The same for gradients.
    pub(super) gradients: Option<PlannedGradients>,
    /// The images where they are used; none on the CPU, which has them.
    pub(super) resident: Option<Resident>,
    pub(super) served: Served,
    /// The same network on the test split.
    pub(super) test: Option<Box<Self>>,
    /// Those who share the work; none where this process has all of it.
    pub(super) crew: Option<Crew>,
}

impl Classification {
    /// Puts a loss together.
    pub fn new(
        network: impl Into<Arc<Network>>,
        data: Dataset,
        measured: MeasuredLoss,
        training: TrainingBatches,
        device: Device,
        interrupt: Interrupt,
    ) -> Self {
        let network = network.into();
        let is_cpu = device == Device::flex();
        let plan = Plan::fused(&network).filter(|_| is_cpu);
        #[cfg(gpu)]
        let on_device = (!is_cpu).then(|| OnDevice::of(&network)).flatten();
        let gradients = PlannedGradients::of(&network).filter(|_| is_cpu);
        let resident = (!is_cpu).then(|| Resident::new(&data, &device));
        let (test, crew) = (None, None);
        Self {
            network,
            data,
            measured,
            training,
            device,
            interrupt,
            plan,
            #[cfg(gpu)]
            on_device,
            gradients,
            resident,
            served: Served::default(),
            test,
            crew,
        }
    }

    /// The same loss with a test split to score on, by the same network once more. It is presented as
    /// it is, and statistics that are recomputed are given to it.
    pub fn with_test(self, network: Network, data: Dataset, measured: MeasuredLoss) -> Self {
        let policy = match measured.policy {
            BatchNormPolicy::Recomputed => BatchNormPolicy::Running,
            policy => policy,
        };
        let measured = MeasuredLoss { policy, protocol: Protocol::Fixed, ..measured };
        let (training, device) = (self.training, self.device.clone());
        let test = Self::new(network, data, measured, training, device, self.interrupt.clone());
        Self { test: Some(Box::new(test)), ..self }
    }

    /// Measures the loss of images that are normalised otherwise from now on.
    pub fn set_normalisation(
        &mut self,
        normalisation: PixelNormalisation,
    ) -> Result<(), DatasetError> {
        self.data.set_normalisation(normalisation)
    }

    /// Measures the loss under another policy of batch norm from now on.
    pub fn set_policy(&mut self, policy: BatchNormPolicy) {
        self.measured.policy = policy;
    }

    /// The training set.
    pub fn data(&self) -> &Dataset {
        &self.data
    }

    /// Where every parameter lies in theta.
    pub fn layout(&self) -> &Layout {
        &self.network.layout
    }

    /// The same loss without fast kernels: all of it through series.
    pub fn by_series(self) -> Self {
        Self {
            plan: None,
            gradients: None,
            #[cfg(gpu)]
            on_device: None,
            ..self
        }
    }

    /// The same loss with Winograd's algorithm, on a GPU, for convolutions of so many multiplications and more,
    /// in a group of evaluation batches or a batch of training; 2^29 unless it is set.
    #[cfg(gpu)]
    pub fn winograd_from(mut self, multiplications: usize) -> Self {
        if let Some(kernels) = &mut self.on_device {
            kernels.winograd_from = multiplications;
        }
        self
    }

    /// The same loss as on a device that is not the CPU, whatever it is on.
    pub fn as_on_device(self) -> Self {
        let resident = Some(Resident::new(&self.data, &self.device));
        Self { resident, ..self.by_series() }
    }

    /// The steps that losses in 32 bits take on the CPU; none where they run through series.
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// What the fast kernels that losses in 32 bits run on are made of, if they do: an instruction set of
    /// the CPU, or CubeCL on a GPU.
    pub fn kernels(&self) -> Option<&'static str> {
        #[cfg(gpu)]
        if self.on_device.is_some() {
            return Some("CubeCL");
        }
        self.plan.as_ref().map(|_| InstructionSet::detect().name())
    }

    /// The loss that is measured.
    pub fn measured(&self) -> &MeasuredLoss {
        &self.measured
    }

    /// Where batch norm takes its statistics from in a loss; none for a network without norms.
    pub(super) fn policy(&self, of: Loss) -> Option<BatchNormPolicy> {
        let policy = match of {
            Loss::Measured => self.measured.policy,
            Loss::Batch { .. } => BatchNormPolicy::Batch,
        };
        (self.network.layout.norms() > 0).then_some(policy)
    }

    /// The loss on its first evaluation batches alone, on a device.
    fn sampled(&self, device: &Device) -> Self {
        let samples = self.measured.order.iter().take(SAMPLED_BATCHES * self.measured.batch_size);
        let data = self.data.only(&samples.copied().collect::<Vec<u32>>());
        let order = (0..data.len() as u32).collect();
        let measured = MeasuredLoss { order, ..self.measured.clone() };
        let (network, interrupt) = (Arc::clone(&self.network), self.interrupt.clone());
        let sampled = Self::new(network, data, measured, self.training, device.clone(), interrupt);
        // The lines' groups are larger, and so are Winograd's errors.
        #[cfg(gpu)]
        let sampled = sampled.winograd_from(0);
        sampled
    }

    /// Opens a line of which nothing is kept but what the evaluation needs.
    pub fn open_apart(
        &self,
        line: Line,
        alphas: &[f64],
        precision: Precision,
    ) -> Result<Box<dyn LineEvaluation + '_>, ObjectiveError> {
        if self.resident.is_some() {
            return Ok(Box::new(self.open_grouped(line, alphas, precision)?));
        }
        match self.open_planned(line, alphas, precision)? {
            Some(planned) => Ok(Box::new(planned)),
            None => Ok(Box::new(self.open_line(line, alphas, precision)?)),
        }
    }

    /// Each entry of a flat vector as a tensor of its own.
    pub(super) fn split(&self, theta: &[f64], precision: Precision) -> Vec<Tensor<1>> {
        self.split_multiple(theta, 1.0, precision)
    }

    /// Each entry of a multiple of a flat vector.
    pub(super) fn split_multiple(
        &self,
        theta: &[f64],
        factor: f64,
        precision: Precision,
    ) -> Vec<Tensor<1>> {
        if self.resident.is_some() {
            return self.entries(&scaled_tensor(theta, factor, &self.device, precision));
        }
        let entries = self.network.layout.parameters.iter();
        let entry =
            |entry: &Entry| scaled_tensor(&theta[entry.range()], factor, &self.device, precision);
        entries.map(entry).collect()
    }

    /// Each entry of a flat vector that is on the device.
    pub(super) fn entries(&self, theta: &Tensor<1>) -> Vec<Tensor<1>> {
        let entries = self.network.layout.parameters.iter();
        entries.map(|entry| theta.clone().slice(entry.range())).collect()
    }
}

impl Objective for Classification {
    fn dimension(&self) -> usize {
        self.network.layout.dimension()
    }

    fn samples(&self) -> usize {
        self.data.len()
    }

    fn check(&self) -> Result<(), ObjectiveError> {
        self.interrupt.check()
    }

    fn supports(&self, precision: Precision) -> bool {
        self.device.supports_dtype(dtype(precision))
    }

    fn export(&self, at: &Point, single: bool) -> Tensors {
        state_dict::export(self.layout(), &at.theta.to_f64(), &at.buffers, single)
    }

    fn import(&self, file: &Tensors) -> Result<Point, StateDictError> {
        let (theta, buffers) = state_dict::import(self.layout(), file)?;
        Ok(Point { theta: theta.into(), buffers })
    }

    fn gradient(
        &self,
        at: &Point,
        of: Loss,
        precision: Precision,
    ) -> Result<Gradient, ObjectiveError> {
        #[cfg(gpu)]
        if let Some(gradient) = self.gradient_on_kernels(at, of, precision) {
            return gradient;
        }
        attended(|| match &self.gradients {
            Some(planned) if precision == Precision::F32 => self.planned_gradient(planned, at, of),
            _ => self.mean_gradient(at, of, precision),
        })
    }

    fn reuse(&self, gradient: Vector) {
        if self.kernels().is_some() {
            self.served.keep(gradient);
        }
    }

    fn open<'a>(
        &'a self,
        line: Line<'a>,
        alphas: &[f64],
        precision: Precision,
    ) -> Result<Box<dyn LineEvaluation + 'a>, ObjectiveError> {
        self.open_apart(line, alphas, precision)
    }

    fn compared(
        &self,
        line: Line,
        alphas: &[f64],
    ) -> Result<Option<[Vec<f64>; 2]>, ObjectiveError> {
        if self.resident.is_none() {
            return Ok(None);
        }
        let on = |device| self.sampled(device);
        let single = on(&self.device).losses(line, alphas, Precision::F32)?;
        let double = on(&Device::flex()).losses(line, alphas, Precision::F64)?;
        Ok(Some([single, double]))
    }

    fn scores(&self, at: &Point, precision: Precision) -> Result<Scores, ObjectiveError> {
        self.both_scores(at, precision)
    }

    fn test_samples(&self) -> usize {
        self.test.as_ref().map_or(0, |test| test.samples())
    }

    fn second_order(
        &self,
        line: Line,
        precision: Precision,
    ) -> Result<Directional, ObjectiveError> {
        rayon::scope(|_| self.along_line(line, precision))
    }

    fn directional(
        &self,
        at: &Point,
        of: Loss,
        directions: &[&[f64]],
        precision: Precision,
    ) -> Result<Vec<Directional>, ObjectiveError> {
        rayon::scope(|_| self.along(at, of, &in_theta(directions), 2, precision))
    }

    fn slopes(
        &self,
        at: &Point,
        of: Loss,
        directions: &[&[f64]],
        precision: Precision,
    ) -> Result<Vec<Slopes>, ObjectiveError> {
        let found = rayon::scope(|_| self.along(at, of, &in_theta(directions), 1, precision))?;
        Ok(found.iter().map(Slopes::from).collect())
    }

    fn along_gradient(
        &self,
        at: &Point,
        of: Loss,
        precision: Precision,
    ) -> Result<(Gradient, Option<Directional>), ObjectiveError> {
        attended(|| self.gradient_and_along(at, of, precision))
    }

    fn hessian_product(
        &self,
        at: &Point,
        direction: &[f64],
        precision: Precision,
    ) -> Result<Vec<f64>, ObjectiveError> {
        rayon::scope(|_| self.hessian_times(at, direction, precision))
    }
}

/// How batch norm behaves under statistics that may be absent.
pub(super) fn normalisation(frozen: Option<&[Statistics]>) -> Normalisation<'_> {
    frozen.map_or(Normalisation::Batch, Normalisation::Frozen)
}

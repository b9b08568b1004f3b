//! The loss of a network that classifies images: cross-entropy, averaged over the training set.

use std::ops::Range;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use rayon::prelude::*;

use super::directional::in_theta;
use super::planned_gradient::PlannedGradients;
use super::transfer::{dtype, scaled_tensor};
use super::tree::{self, Addend, Subtree};
use super::{
    BatchNormPolicy, Crew, Directional, Gradient, Images, Interrupt, Line, LineEvaluation, Loss,
    MeasuredLoss, Objective, ObjectiveError, Point, Protocol, Scores, Slopes,
};
use crate::data::Augment;
use crate::data::{CropFlip, Dataset, DatasetError, Pixel, PixelNormalisation};
use crate::kernels::InstructionSet;
use crate::network::{
    Entry, Layout, Network, Normalisation, StateDictError, Statistics, state_dict,
};
use crate::parameters::Tensors;
use crate::plan::Plan;
use crate::precision::Precision;
use crate::random::Stream;

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
    pub(super) network: Network,
    pub(super) data: Dataset,
    pub(super) measured: MeasuredLoss,
    pub(super) training: TrainingBatches,
    pub(super) device: Device,
    pub(super) interrupt: Interrupt,
    /// Fast kernels for losses; none for layers or devices that they do not know.
    pub(super) plan: Option<Plan>,
    /// The same for gradients.
    pub(super) gradients: Option<PlannedGradients>,
    /// The same network on the test split.
    pub(super) test: Option<Box<Self>>,
    /// Those who share the work; none where this process has all of it.
    crew: Option<Crew>,
}

/// How a sample is presented.
#[derive(Debug, Clone, Copy)]
pub(super) enum Presentation {
    /// As it is.
    Plain,
    /// As training does in an epoch.
    Epoch(u64),
    /// As training would, drawn anew for a point of a line.
    Point { line: u64, point: u64 },
}

impl Classification {
    /// Puts a loss together.
    pub fn new(
        network: Network,
        data: Dataset,
        measured: MeasuredLoss,
        training: TrainingBatches,
        device: Device,
        interrupt: Interrupt,
    ) -> Self {
        let is_cpu = device == Device::flex();
        let plan = Plan::of(&network).filter(|_| is_cpu);
        let gradients = PlannedGradients::of(&network).filter(|_| is_cpu);
        let (test, crew) = (None, None);
        Self { network, data, measured, training, device, interrupt, plan, gradients, test, crew }
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

    /// Shares the work with others from now on: every call that goes over several units is one that all
    /// of them make.
    pub fn share_with(&mut self, crew: &Crew) {
        self.crew = Some(crew.clone());
        if let Some(test) = &mut self.test {
            test.share_with(crew);
        }
    }

    /// True of a loss that is computed in several units.
    pub fn has_units(&self, of: Loss) -> bool {
        self.units(of).0.len() > 1
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
        Self { plan: None, gradients: None, ..self }
    }

    /// The steps that losses in 32 bits take on the CPU; none where they run through series.
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// The instruction set of the fast kernels that losses in 32 bits run on, if they do.
    pub fn kernels(&self) -> Option<&'static str> {
        self.plan.as_ref().map(|_| InstructionSet::detect().name())
    }

    /// The loss that is measured.
    pub fn measured(&self) -> &MeasuredLoss {
        &self.measured
    }

    /// The units that a loss is computed in, and how their images are presented.
    pub(super) fn units<'a>(&'a self, of: Loss<'a>) -> (Vec<&'a [u32]>, Presentation) {
        match of {
            Loss::Measured => (self.measured.batches(), Presentation::Plain),
            Loss::Batch { samples, images } => {
                let presentation = match images {
                    Images::Plain => Presentation::Plain,
                    Images::OfEpoch(epoch) => Presentation::Epoch(epoch),
                };
                (samples.chunks(self.training.chunk).collect(), presentation)
            }
        }
    }

    /// Where batch norm takes its statistics from in a loss; none for a network without norms.
    pub(super) fn policy(&self, of: Loss) -> Option<BatchNormPolicy> {
        let policy = match of {
            Loss::Measured => self.measured.policy,
            Loss::Batch { .. } => BatchNormPolicy::Batch,
        };
        (self.network.layout.norms() > 0).then_some(policy)
    }

    /// Those who share so many units: a single one is computed by everybody who wants it.
    pub(super) fn crew(&self, units: usize) -> Option<&Crew> {
        self.crew.as_ref().filter(|_| units > 1)
    }

    /// The sum of what units yield: the one way in which this loss adds.
    pub(super) fn sum<T: Addend>(
        &self,
        units: &[&[u32]],
        of: impl Fn(&[u32]) -> Result<T, ObjectiveError> + Sync,
    ) -> Result<T, ObjectiveError> {
        self.sum_of(units.len(), |unit| of(units[unit]))
    }

    /// The same, of units by their numbers.
    pub(super) fn sum_of<T: Addend>(
        &self,
        units: usize,
        of: impl Fn(usize) -> Result<T, ObjectiveError> + Sync,
    ) -> Result<T, ObjectiveError> {
        let of = |unit| self.interrupt.check().and_then(|()| of(unit));
        self.joined(units, |share| tree::share(units, share, &of))
    }

    /// The sum over units of which each share is computed by whom it belongs to.
    pub(super) fn joined<T: Addend>(
        &self,
        units: usize,
        of: impl FnOnce(Range<usize>) -> Result<Vec<Subtree<T>>, ObjectiveError>,
    ) -> Result<T, ObjectiveError> {
        match self.crew(units) {
            Some(crew) => crew.sum(units, of),
            None => Ok(tree::join(units, of(0..units)?).unwrap_or_default()),
        }
    }

    /// What each of some units has, `width` numbers a unit.
    pub(super) fn divided(
        &self,
        units: &[usize],
        width: usize,
        of: impl FnOnce(&[usize]) -> Result<Vec<Vec<f64>>, ObjectiveError>,
    ) -> Result<Vec<Vec<f64>>, ObjectiveError> {
        match self.crew(units.len()) {
            Some(crew) if width > 0 => crew.each(units, width, of),
            _ => of(units),
        }
    }

    /// What each of some units yields in this process.
    pub(super) fn each<T: Send>(
        &self,
        units: &[usize],
        of: impl Fn(usize) -> Result<T, ObjectiveError> + Sync,
    ) -> Result<Vec<T>, ObjectiveError> {
        units.par_iter().map(|&unit| self.interrupt.check().and_then(|()| of(unit))).collect()
    }

    /// Opens a line of which nothing is kept but what the evaluation needs.
    pub fn open_apart(
        &self,
        line: Line,
        alphas: &[f64],
        precision: Precision,
    ) -> Result<Box<dyn LineEvaluation + '_>, ObjectiveError> {
        match self.open_planned(line, alphas, precision)? {
            Some(planned) => Ok(Box::new(planned)),
            None => Ok(Box::new(self.open_line(line, alphas, precision)?)),
        }
    }

    /// Normalised images of some samples, [n, h, w, c].
    pub(super) fn images(
        &self,
        samples: &[u32],
        precision: Precision,
        presentation: Presentation,
    ) -> Tensor<4> {
        let shape = self.network.input;
        let shape = [samples.len(), shape.height, shape.width, shape.channels];
        let data = match precision {
            Precision::F32 => TensorData::new(self.pixels::<f32>(samples, presentation), shape),
            Precision::F64 => TensorData::new(self.pixels::<f64>(samples, presentation), shape),
        };
        Tensor::from_data(data, (&self.device, dtype(precision)))
    }

    pub(super) fn pixels<P: Pixel>(&self, samples: &[u32], presentation: Presentation) -> Vec<P> {
        let seed = self.training.seed;
        let augmented = |stream: &dyn Fn(u32) -> Stream| {
            self.data.augmented_pixels(samples, |index| CropFlip::draw(&mut stream(index)))
        };
        match (self.training.augment, presentation) {
            (Augment::None, _) | (_, Presentation::Plain) => self.data.pixels(samples),
            (Augment::CropFlip, Presentation::Epoch(epoch)) => {
                augmented(&|index| Stream::augmentation(seed, epoch, index))
            }
            (Augment::CropFlip, Presentation::Point { line, point }) => {
                augmented(&|index| Stream::point_augmentation(seed, line, point, index))
            }
        }
    }

    /// Labels of some samples, [n].
    pub(super) fn labels(&self, samples: &[u32], device: &Device) -> Tensor<1, Int> {
        let labels: Vec<i32> = samples.iter().map(|&i| self.data.label(i).into()).collect();
        Tensor::from_data(TensorData::new(labels, [samples.len()]), (device, DType::I32))
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
        let entries = self.network.layout.parameters.iter();
        let entry =
            |entry: &Entry| scaled_tensor(&theta[entry.range()], factor, &self.device, precision);
        entries.map(entry).collect()
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
        state_dict::export(self.layout(), &at.theta, &at.buffers, single)
    }

    fn import(&self, file: &Tensors) -> Result<Point, StateDictError> {
        let (theta, buffers) = state_dict::import(self.layout(), file)?;
        Ok(Point { theta, buffers })
    }

    fn gradient(
        &self,
        at: &Point,
        of: Loss,
        precision: Precision,
    ) -> Result<Gradient, ObjectiveError> {
        // From within the thread pool: a small batch is many small pieces of work, and each would be
        // handed over to it.
        rayon::scope(|_| match &self.gradients {
            Some(planned) if precision == Precision::F32 => self.planned_gradient(planned, at, of),
            _ => self.mean_gradient(at, of, precision),
        })
    }

    fn open<'a>(
        &'a self,
        line: Line<'a>,
        alphas: &[f64],
        precision: Precision,
    ) -> Result<Box<dyn LineEvaluation + 'a>, ObjectiveError> {
        self.open_apart(line, alphas, precision)
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
        rayon::scope(|_| self.gradient_and_along(at, of, precision))
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

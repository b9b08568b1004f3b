//! The gradient of a loss, by reverse mode over the order-0 forward pass, unit by unit.

use burn::tensor::{Gradients, Tensor};

use super::classification::normalisation;
use super::expansion::Leaves;
use super::statistics::observed;
use super::transfer::host;
use super::tree::Addend;
use super::{BatchNormPolicy, Classification, Gradient, Loss, ObjectiveError, Point};
use crate::linalg::{Element, Vector};
use crate::network::{Pass, RUNNING_MOMENTUM, cross_entropy};
use crate::precision::Precision;
use crate::taylor::Series;

/// What a unit adds to a mean gradient.
#[derive(Default)]
pub(super) struct Part<T = f64> {
    pub loss: f64,
    /// With respect to theta, then to given statistics.
    pub gradient: Vec<T>,
    pub running: Running,
}

/// What units do to running statistics, one after the other: each is multiplied by `decay`, and
/// `shift` is added. Empty until a unit has been seen.
#[derive(Default)]
pub(super) struct Running {
    decay: f64,
    shift: Vec<f64>,
}

impl Classification {
    /// The mean gradient over all samples of a loss. Memory: a gradient in f64 for every level of the
    /// tree of units and every thread.
    pub(super) fn mean_gradient(
        &self,
        at: &Point,
        of: Loss,
        precision: Precision,
    ) -> Result<Gradient, ObjectiveError> {
        let (units, presentation) = self.units(of);
        let samples = units.iter().map(|unit| unit.len()).sum();
        let mut expansion = self.expansion(at, None, of, precision)?;
        let mut sum: Part = self.sum(&units, |unit| {
            let images = self.images(unit, precision, presentation);
            let leaves = Leaves::new(&expansion, self);
            let given = leaves.given(self.network.layout.buffers.len());
            let series = expansion.series(&leaves.theta);
            let mut pass = Pass::new(&series, normalisation(given.as_deref()));
            self.part(&leaves, images, unit, samples, &mut pass).map(|(part, _)| part)
        })?;
        let cotangent = sum.gradient.split_off(at.theta.len());
        if self.policy(of) == Some(BatchNormPolicy::Recomputed) {
            expansion.statistics = None;
            sum.add(self.sum(&units, |unit| {
                let (gradient, running) = self.through_statistics(&expansion, unit, &cotangent)?;
                Ok(Part { loss: 0.0, gradient, running })
            })?);
        }
        Ok(sum.into_gradient(at))
    }

    /// A unit's part of the mean over so many samples, and what reverse mode has left.
    pub(super) fn part(
        &self,
        leaves: &Leaves,
        images: Tensor<4>,
        unit: &[u32],
        samples: usize,
        pass: &mut Pass,
    ) -> Result<(Part, Gradients), ObjectiveError> {
        let factor = 1.0 / samples as f64;
        let (losses, mut gradients) = self.backward(images, unit, pass);
        let gradient = leaves.gradient(Some(&mut gradients), factor)?;
        let loss = factor * host(losses)?.into_iter().sum::<f64>();
        let running = Running::seen(observed(pass, 0, 0)?);
        Ok((Part { loss, gradient, running }, gradients))
    }

    /// Reverse mode over some samples: their losses, [n, 1], and the gradients of the sum.
    pub(super) fn backward(
        &self,
        images: Tensor<4>,
        samples: &[u32],
        pass: &mut Pass,
    ) -> (Tensor<2>, Gradients) {
        let images = Tensor::from_inner(images);
        let labels = self.labels(samples, &images.device());
        let logits = self.network.logits(Series::constant(images), pass);
        let losses = cross_entropy(logits, labels).into_value();
        let gradients = losses.clone().sum().backward();
        (losses.inner(), gradients)
    }
}

impl<T: Element> Part<T> {
    /// The whole, from its parts.
    pub fn into_gradient(self, at: &Point) -> Gradient {
        let Self { loss, gradient, running } = self;
        let gradient = Vector::from(gradient);
        Gradient { loss, gradient, buffers: running.applied(&at.buffers) }
    }
}

impl Addend for Part {
    fn add(&mut self, next: Self) {
        self.loss += next.loss;
        self.gradient.add(next.gradient);
        self.running.add(next.running);
    }

    fn into_numbers(self) -> Vec<f64> {
        let Self { loss, gradient: mut numbers, running: Running { decay, shift } } = self;
        let tail = [loss, decay, shift.len() as f64];
        numbers.extend(shift.into_iter().chain(tail));
        numbers
    }

    fn from_numbers(mut numbers: Vec<f64>) -> Self {
        let Some((_, &[loss, decay, shifts])) = numbers.split_last_chunk() else {
            return Self::default();
        };
        numbers.truncate(numbers.len() - 3);
        let shift = numbers.split_off(numbers.len() - shifts as usize);
        Self { loss, gradient: numbers, running: Running { decay, shift } }
    }
}

impl Running {
    /// By a unit whose norms saw these statistics; none where they were given.
    pub fn seen(mut observed: Vec<f64>) -> Self {
        observed.iter_mut().for_each(|newest| *newest *= RUNNING_MOMENTUM);
        Self { decay: 1.0 - RUNNING_MOMENTUM, shift: observed }
    }

    fn applied(&self, buffers: &[f64]) -> Vec<f64> {
        if self.shift.is_empty() {
            return buffers.to_vec();
        }
        buffers
            .iter()
            .zip(&self.shift)
            .map(|(running, shift)| self.decay * running + shift)
            .collect()
    }

    /// By these units and then by the next.
    fn add(&mut self, next: Self) {
        if next.shift.is_empty() {
            return;
        }
        let before = std::mem::replace(self, next);
        if !before.shift.is_empty() {
            let pairs = self.shift.iter_mut().zip(before.shift);
            pairs.for_each(|(shift, earlier)| *shift += self.decay * earlier);
            self.decay *= before.decay;
        }
    }
}

//! The mini-batch gradient, by reverse mode over the order-0 forward pass.
//!
//! A batch is a list of chunks. Chunks are computed in parallel, a window of as many as there are
//! threads at a time, and added in f64 in the order of their index: memory is bounded by the
//! window, and the sum does not depend on the number of threads.

use burn::tensor::{Gradients, Tensor};
use rayon::prelude::*;

use super::classification::Presentation;
use super::statistics::observed;
use super::transfer::{add_all, host};
use super::{Classification, Gradient, ObjectiveError, Point};
use crate::network::{Normalisation, Pass, Primal, RUNNING_MOMENTUM, cross_entropy};
use crate::taylor::Series;

/// Sums over one chunk.
pub(super) struct Part {
    loss: f64,
    /// Entry by entry of the layout.
    gradient: Vec<Tensor<1>>,
    /// Mean and unbiased variance of every norm, in the order of the buffers.
    statistics: Vec<f64>,
    /// Empty unless asked for.
    pub primal: Primal,
}

impl Classification {
    /// The mean over all samples of all chunks.
    pub(super) fn mean_gradient(
        &self,
        at: &Point,
        chunks: &[&[u32]],
        presentation: Presentation,
    ) -> Result<Gradient, ObjectiveError> {
        let samples: usize = chunks.iter().map(|chunk| chunk.len()).sum();
        let parameters = self.split(&at.theta, self.training.precision);
        let mut mean = Gradient::empty(at);
        for window in chunks.chunks(rayon::current_num_threads()) {
            let parts: Result<Vec<_>, _> = window
                .par_iter()
                .map(|chunk| {
                    let images = self.images(chunk, self.training.precision, presentation);
                    self.part(&parameters, images, chunk, false)
                })
                .collect();
            parts?.into_iter().try_for_each(|part| mean.add(part, samples))?;
        }
        Ok(mean)
    }

    /// The sums over one chunk.
    pub(super) fn part(
        &self,
        parameters: &[Tensor<1>],
        images: Tensor<4>,
        samples: &[u32],
        keeps_primal: bool,
    ) -> Result<Part, ObjectiveError> {
        self.interrupt.check()?;
        let leaf = |tensor: &Tensor<1>| Tensor::from_inner(tensor.clone()).require_grad();
        let leaves: Vec<Tensor<1>> = parameters.iter().map(leaf).collect();
        let series: Vec<_> = leaves.iter().cloned().map(Series::constant).collect();
        let pass = Pass::new(&series, Normalisation::Batch);
        let mut pass = if keeps_primal { pass.recording() } else { pass };
        let (losses, mut gradients) = self.backward(images, samples, &mut pass);

        // Taken out, not copied.
        let entry = |leaf: &Tensor<1>| {
            let gradient = leaf.grad_remove(&mut gradients);
            gradient.unwrap_or_else(|| leaf.zeros_like().inner())
        };
        Ok(Part {
            gradient: leaves.iter().map(entry).collect(),
            loss: host(losses)?.into_iter().sum(),
            statistics: observed(&pass, 0, 0)?,
            primal: pass.into_primal(gradients),
        })
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

impl Gradient {
    /// Of no sample so far.
    pub(super) fn empty(at: &Point) -> Self {
        Self { loss: 0.0, gradient: Vec::new(), buffers: at.buffers.clone() }
    }

    /// Adds a part of a batch of so many samples.
    pub(super) fn add(&mut self, part: Part, samples: usize) -> Result<(), ObjectiveError> {
        let factor = 1.0 / samples as f64;
        self.loss += factor * part.loss;
        for (running, newest) in self.buffers.iter_mut().zip(&part.statistics) {
            *running += RUNNING_MOMENTUM * (newest - *running);
        }
        add_all(&mut self.gradient, factor, part.gradient)
    }
}

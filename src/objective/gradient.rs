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
use crate::linalg::scale;
use crate::network::{Normalisation, Pass, Primal, RUNNING_MOMENTUM, cross_entropy};
use crate::taylor::Series;

/// Sums over one chunk.
pub(super) struct Part {
    loss: f64,
    /// Entry by entry of the layout.
    pub gradient: Vec<Tensor<1>>,
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
        let parameters = self.split(&at.theta, self.precision);
        let mut sum = Gradient::zero(at);
        for window in chunks.chunks(rayon::current_num_threads()) {
            let parts: Result<Vec<_>, _> = window
                .par_iter()
                .map(|chunk| self.part(&parameters, chunk, presentation, false))
                .collect();
            parts?.into_iter().try_for_each(|part| sum.add(part))?;
        }
        sum.divide(samples);
        Ok(sum)
    }

    /// The sums over one chunk.
    pub(super) fn part(
        &self,
        parameters: &[Tensor<1>],
        samples: &[u32],
        presentation: Presentation,
        keeps_primal: bool,
    ) -> Result<Part, ObjectiveError> {
        self.interrupt.check()?;
        let leaf = |tensor: &Tensor<1>| Tensor::from_inner(tensor.clone()).require_grad();
        let leaves: Vec<Tensor<1>> = parameters.iter().map(leaf).collect();
        let series: Vec<_> = leaves.iter().cloned().map(Series::constant).collect();
        let images = self.images(samples, self.precision, presentation);
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
    /// No sample so far.
    pub(super) fn zero(at: &Point) -> Self {
        Self { loss: 0.0, gradient: vec![0.0; at.theta.len()], buffers: at.buffers.clone() }
    }

    /// Makes a sum a mean.
    pub(super) fn divide(&mut self, samples: usize) {
        let factor = 1.0 / samples as f64;
        self.loss *= factor;
        scale(factor, &mut self.gradient);
    }

    pub(super) fn add(&mut self, part: Part) -> Result<(), ObjectiveError> {
        self.loss += part.loss;
        for (running, newest) in self.buffers.iter_mut().zip(&part.statistics) {
            *running += RUNNING_MOMENTUM * (newest - *running);
        }
        add_all(&mut self.gradient, part.gradient)
    }
}

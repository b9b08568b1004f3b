//! The mini-batch gradient, by reverse mode over the order-0 forward pass.
//!
//! A batch is a list of chunks. Chunks are computed in parallel, a window of as many as there are
//! threads at a time, and added in f64 in the order of their index: memory is bounded by the
//! window, and the sum does not depend on the number of threads.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::classification::{Presentation, host};
use super::statistics::observed;
use super::{Classification, Gradient, ObjectiveError, Point};
use crate::network::{Normalisation, Pass, RUNNING_MOMENTUM, cross_entropy};
use crate::taylor::Series;

/// Sums over one chunk.
struct Part {
    loss: f64,
    /// Entry by entry of the layout.
    gradient: Vec<Vec<f64>>,
    /// Mean and unbiased variance of every norm, in the order of the buffers.
    statistics: Vec<f64>,
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
        let mut buffers = at.buffers.clone();
        let mut sum: Option<Part> = None;
        for window in chunks.chunks(rayon::current_num_threads()) {
            let parts: Result<Vec<_>, _> = window
                .par_iter()
                .map(|chunk| self.part(&parameters, chunk, presentation))
                .collect();
            for part in parts? {
                for (running, newest) in buffers.iter_mut().zip(&part.statistics) {
                    *running += RUNNING_MOMENTUM * (newest - *running);
                }
                match &mut sum {
                    Some(sum) => sum.add(&part),
                    None => sum = Some(part),
                }
            }
        }
        let (loss, gradient) = sum.map_or_else(Default::default, |sum| (sum.loss, sum.gradient));
        let scale = 1.0 / samples as f64;
        let mut flat = Vec::with_capacity(at.theta.len());
        gradient.iter().for_each(|entry| flat.extend(entry.iter().map(|g| g * scale)));
        Ok(Gradient { loss: loss * scale, gradient: flat, buffers })
    }

    fn part(
        &self,
        parameters: &[Tensor<1>],
        samples: &[u32],
        presentation: Presentation,
    ) -> Result<Part, ObjectiveError> {
        self.interrupt.check()?;
        let leaf = |tensor: &Tensor<1>| Tensor::from_inner(tensor.clone()).require_grad();
        let leaves: Vec<Tensor<1>> = parameters.iter().map(leaf).collect();
        let series: Vec<_> = leaves.iter().cloned().map(Series::constant).collect();
        let images = Tensor::from_inner(self.images(samples, self.precision, presentation));
        let labels = self.labels(samples, &images.device());

        let mut pass = Pass::new(&series, Normalisation::Batch);
        let logits = self.network.logits(Series::constant(images), &mut pass);
        let losses = cross_entropy(logits, labels).into_value();
        let mut gradients = losses.clone().sum().backward();

        // Taken out, not copied.
        let entry = |leaf: &Tensor<1>| {
            let gradient = leaf.grad_remove(&mut gradients);
            gradient.unwrap_or_else(|| leaf.zeros_like().inner())
        };
        let gradient: Vec<Tensor<1>> = leaves.iter().map(entry).collect();
        let gradient: Result<Vec<_>, _> = gradient.into_par_iter().map(host).collect();
        Ok(Part {
            loss: host(losses.inner())?.into_iter().sum(),
            gradient: gradient?,
            statistics: observed(&pass, 0, 0)?,
        })
    }
}

impl Part {
    fn add(&mut self, other: &Self) {
        self.loss += other.loss;
        self.gradient.par_iter_mut().zip(&other.gradient).for_each(|(sum, entry)| {
            sum.iter_mut().zip(entry).for_each(|(sum, entry)| *sum += entry);
        });
    }
}

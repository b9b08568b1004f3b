//! Which function of theta is measured.

use super::line::Samples;
use super::presentation::Presentation;
use super::{BatchNormPolicy, Protocol};
use crate::random::Stream;

/// The measured loss: a partition of the training set into evaluation batches, and what batch norm
/// does in them.
#[derive(Debug, Clone)]
pub struct MeasuredLoss {
    /// The order of the samples; evaluation batch b is `order[b*m .. (b+1)*m]`.
    pub order: Vec<u32>,
    /// m.
    pub batch_size: usize,
    /// Where batch norm takes its statistics from.
    pub policy: BatchNormPolicy,
    /// Fast kernels may compute convolutions by Winograd's algorithm, with fewer multiplications.
    pub winograd: bool,
    /// Whether every point is measured on the same batches of the same images.
    pub protocol: Protocol,
}

impl MeasuredLoss {
    /// On a random partition of `samples` samples, the same for equal seeds.
    pub fn new(
        samples: usize,
        batch_size: usize,
        policy: BatchNormPolicy,
        protocol: Protocol,
        seed: u64,
    ) -> Self {
        let order = Stream::evaluation_order(seed).permutation(samples);
        Self { order, batch_size, policy, winograd: true, protocol }
    }

    /// The evaluation batches, the units of work of every sum over the training set.
    pub fn batches(&self) -> Vec<&[u32]> {
        self.order.chunks(self.batch_size).collect()
    }

    /// How many evaluation batches there are.
    pub fn units(&self) -> usize {
        self.order.len().div_ceil(self.batch_size)
    }

    /// An evaluation batch among the samples of a point, and how it is presented.
    pub(super) fn batch<'a>(
        &'a self,
        samples: &'a Samples,
        unit: usize,
    ) -> (&'a [u32], Presentation) {
        let (order, presentation) = match samples {
            Samples::Fixed => (&self.order, Presentation::Plain),
            Samples::Drawn { order, presentation } => (order, *presentation),
        };
        let start = unit * self.batch_size;
        (&order[start..order.len().min(start + self.batch_size)], presentation)
    }
}

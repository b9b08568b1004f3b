//! The loss: cross-entropy of softmax, sample by sample.

use burn::tensor::{Int, Tensor};

use crate::taylor::Series;

/// -log softmax(z)_y for every sample: logits [n, classes] and one label each to losses [n, 1].
///
/// Computed as log sum_j exp(z_j - max z) - (z_y - max z), so that no logit overflows.
pub fn cross_entropy(logits: Series<2>, labels: Tensor<1, Int>) -> Series<2> {
    let [n, _] = logits.dims();
    let labels = labels.reshape([n, 1]);
    let largest = Series::constant(logits.value().clone().detach().max_dim(1));
    let shifted = logits - largest;
    let own = shifted.clone().map_linear(|coefficient| coefficient.gather(1, labels.clone()));
    shifted.exp().sum_dim(1).ln() - own
}

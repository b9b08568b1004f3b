//! Convolution and pooling of series over images [n, h, w, c].
//!
//! The framework's own operators want channels first; the permutations in between are views.

use burn::tensor::Tensor;
use burn::tensor::module::{conv2d, max_pool2d, max_pool2d_with_indices};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};

use super::Series;

/// Convolution of images [n, h, w, in] with a kernel [k, k, in, out], zero padding on all sides: a
/// bilinear map.
pub fn convolve2d(
    images: Tensor<4>,
    kernel: Tensor<4>,
    stride: usize,
    padding: usize,
) -> Tensor<4> {
    let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
    let kernel = kernel.permute([3, 2, 0, 1]);
    channels_last(conv2d(channels_first(images), kernel, None, options))
}

impl Series<4> {
    /// The largest value of every `size` x `size` window, windows side by side; where values tie,
    /// the first in reading order, whose derivatives are taken.
    pub fn max_pool2d(self, size: usize) -> Self {
        let options = MaxPoolOptions::new([size; 2]).with_stride([size; 2]);
        if self.tails.is_empty() {
            return self
                .map_linear(|x| channels_last(max_pool2d(channels_first(x), options.clone())));
        }
        let value = channels_first(self.value.clone());
        let [n, c, h, w] = value.dims();
        let (value, indices) = max_pool2d_with_indices(value, options);
        let [.., rows, columns] = value.dims();
        let indices = indices.reshape([n, c, rows * columns]);
        let pick = |x: &Tensor<4>| {
            let flat = channels_first(x.clone()).reshape([n, c, h * w]);
            channels_last(flat.gather(2, indices.clone()).reshape([n, c, rows, columns]))
        };
        self.derive(channels_last(value), |x| x.tail.iter().map(pick).collect())
    }
}

fn channels_first(images: Tensor<4>) -> Tensor<4> {
    images.permute([0, 3, 1, 2])
}

fn channels_last(images: Tensor<4>) -> Tensor<4> {
    images.permute([0, 2, 3, 1])
}

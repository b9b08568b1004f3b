//! The images of a data set on a device, where batches of them are gathered and normalised.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use crate::data::Dataset;

/// Bytes in a word.
const BYTES: usize = 4;

/// The bytes of all images. Not every device has bytes: four are one word, the first its lowest.
#[derive(Debug)]
pub(super) struct Resident {
    /// [samples, words of an image].
    words: Tensor<2, Int>,
    /// Where the levels of each byte's channel begin, [1, bytes of an image].
    channels: Tensor<2, Int>,
}

impl Resident {
    /// Uploads a set. Memory there: its bytes, with each image filled up to whole words.
    pub fn new(data: &Dataset, device: &Device) -> Self {
        let shape = data.shape();
        let images = data.images().chunks_exact(shape.bytes());
        let words = images.flat_map(|image| image.chunks(BYTES).map(word)).collect();
        let channels = (0..shape.bytes()).map(|byte| (byte % shape.channels * 256) as i32);
        Self {
            words: rows(words, data.len(), device),
            channels: rows(channels.collect(), 1, device),
        }
    }

    /// The words, and how many an image has.
    #[cfg(gpu)]
    pub fn words(&self) -> (Tensor<2, Int>, usize) {
        (self.words.clone(), self.words.dims()[1])
    }

    /// The images of some samples, [n, bytes of an image], each byte as its channel's `levels` have it:
    /// 256 numbers a channel.
    pub fn gather(&self, samples: &[u32], levels: Tensor<1>) -> Tensor<2> {
        let samples: Vec<i32> = samples.iter().map(|&sample| sample as i32).collect();
        let samples = rows(samples, 1, &self.words.device()).flatten(0, 1);
        let words = self.words.clone().select(0, samples);
        let ([n, words_of_image], [_, bytes_of_image]) = (words.dims(), self.channels.dims());
        let byte = |place: usize| {
            words.clone().bitwise_right_shift_scalar(8 * place as i32).bitwise_and_scalar(255)
        };
        let bytes = Tensor::stack::<3>((0..BYTES).map(byte).collect(), 2);
        let bytes = bytes.reshape([n, words_of_image * BYTES]).slice([0..n, 0..bytes_of_image]);
        let places = (bytes + self.channels.clone()).flatten(0, 1);
        levels.select(0, places).reshape([n, bytes_of_image])
    }
}

/// So many rows of equal length on a device.
fn rows(numbers: Vec<i32>, rows: usize, device: &Device) -> Tensor<2, Int> {
    let shape = [rows, numbers.len() / rows];
    Tensor::from_data(TensorData::new(numbers, shape), (device, DType::I32))
}

fn word(bytes: &[u8]) -> i32 {
    let mut word = [0; BYTES];
    word[..bytes.len()].copy_from_slice(bytes);
    i32::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DatasetError, ImageShape, PixelNormalisation};

    #[test]
    fn what_is_gathered_is_what_the_host_gathers() -> Result<(), DatasetError> {
        let device = Device::flex();
        for (height, width, channels) in [(1, 2, 1), (3, 3, 1), (2, 3, 3), (1, 1, 4)] {
            let shape = ImageShape { height, width, channels };
            let images = (0..5 * shape.bytes()).map(|i| (i * 83 % 256) as u8).collect();
            let mean = (0..channels).map(|c| 0.1 * c as f64).collect();
            let normalisation =
                PixelNormalisation { scale: 255.0, mean, std: vec![0.3; channels].into() };
            let data = Dataset::new(images, vec![0; 5], shape, 1, normalisation, Vec::new())?;
            let levels = TensorData::from(data.levels::<f32>().as_flattened());
            let levels = Tensor::from_data(levels, (&device, DType::F32));
            let found = Resident::new(&data, &device).gather(&[4, 0, 3], levels);
            let found: Vec<f32> = found.into_data().iter().collect();
            assert_eq!(found, data.pixels::<f32>(&[4, 0, 3]), "{shape}");
        }
        Ok(())
    }
}

//! Samples as the network sees them.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use super::Classification;
use super::resident::Resident;
use super::transfer::dtype;
use crate::data::{Augment, CropFlip, Pixel};
use crate::precision::Precision;
use crate::random::Stream;

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
    /// Normalised images of some samples, [n, h, w, c].
    pub(super) fn images(
        &self,
        samples: &[u32],
        precision: Precision,
        presentation: Presentation,
    ) -> Tensor<4> {
        let shape = self.network.input;
        let shape = [samples.len(), shape.height, shape.width, shape.channels];
        if let Some(resident) = self.resident_as(presentation) {
            let levels = match precision {
                Precision::F32 => TensorData::from(self.data.levels::<f32>().as_flattened()),
                Precision::F64 => TensorData::from(self.data.levels::<f64>().as_flattened()),
            };
            let levels = Tensor::from_data(levels, (&self.device, dtype(precision)));
            return resident.gather(samples, levels).reshape(shape);
        }
        let data = match precision {
            Precision::F32 => TensorData::new(self.pixels::<f32>(samples, presentation), shape),
            Precision::F64 => TensorData::new(self.pixels::<f64>(samples, presentation), shape),
        };
        Tensor::from_data(data, (&self.device, dtype(precision)))
    }

    /// The images on a device, if they are presented as they stand there.
    pub(super) fn resident_as(&self, presentation: Presentation) -> Option<&Resident> {
        let is_augmented =
            self.training.augment != Augment::None && !matches!(presentation, Presentation::Plain);
        self.resident.as_ref().filter(|_| !is_augmented)
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
}

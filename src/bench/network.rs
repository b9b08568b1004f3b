//! The networks that are measured.

use burn::tensor::Device;

use super::BenchError;
use crate::choice::choice;
use crate::data::{Dataset, ImageShape, PixelNormalisation};
use crate::experiment::{Experiment, parse};
use crate::network::{Shape, build, initialise};
use crate::objective::{Classification, Interrupt, Point};

choice! {
    /// A network of the paper, with batch norm.
    BenchNetwork {
        /// 784-500-350-10 on images of 28x28.
        Mlp = "mlp",
        /// VGG-11 at full width on images of 3x32x32.
        Vgg11 = "vgg11",
        /// ResNet-56 on images of 3x32x32.
        Resnet56 = "resnet56",
        /// The wide ResNet of depth 28 and ten times the filters on images of 3x32x32.
        WideResnet = "wrn-28-10",
    }
}

impl BenchNetwork {
    fn arch(self) -> &'static str {
        match self {
            Self::Mlp => "model.arch=mlp",
            Self::Vgg11 => "model.arch=vgg11",
            Self::Resnet56 => "model.arch=resnet",
            Self::WideResnet => "model.arch=wide-resnet",
        }
    }

    fn input(self) -> Shape {
        match self {
            Self::Mlp => Shape { height: 28, width: 28, channels: 1 },
            Self::Vgg11 | Self::Resnet56 | Self::WideResnet => {
                Shape { height: 32, width: 32, channels: 3 }
            }
        }
    }

    /// An experiment on it, with every default.
    ///
    /// # Errors
    /// None in practice: its settings are known.
    pub fn experiment(self) -> Result<Experiment, BenchError> {
        Ok(parse("data.name = 'mnist'", "bench", "bench", &[self.arch().to_owned()])?)
    }

    /// Its loss on `samples` images, in batches of 100 and by the defaults of an experiment, and its
    /// initialisation, on the CPU.
    ///
    /// # Errors
    /// If there are no samples.
    pub fn objective(self, samples: usize) -> Result<(Classification, Point), BenchError> {
        self.objective_on(Device::flex(), samples)
    }

    pub(super) fn objective_on(
        self,
        device: Device,
        samples: usize,
    ) -> Result<(Classification, Point), BenchError> {
        let Experiment { model, train, evaluation, data, .. } = self.experiment()?;
        let input = self.input();
        let network = build(&model, input, CLASSES.into())?;
        let initial = |layout| initialise(layout, 1);
        let at = Point {
            theta: initial(&network.layout.parameters).into(),
            buffers: initial(&network.layout.buffers),
        };
        let objective = Classification::new(
            network,
            images(input, samples)?,
            evaluation.measured_loss(samples, 1),
            train.batches(data.augment),
            device,
            Interrupt::default(),
        );
        Ok((objective, at))
    }
}

const CLASSES: u16 = 10;

fn images(shape: Shape, samples: usize) -> Result<Dataset, BenchError> {
    let Shape { height, width, channels } = shape;
    let pixels = (0..samples * height * width * channels).map(|i| (i * 7919 % 251) as u8).collect();
    let labels = (0..samples).map(|i| (i % usize::from(CLASSES)) as u16).collect();
    let (mean, std) = (vec![0.5; channels].into(), vec![0.3; channels].into());
    let normalisation = PixelNormalisation { scale: 255.0, mean, std };
    let shape = ImageShape { height, width, channels };
    Ok(Dataset::new(pixels, labels, shape, CLASSES, normalisation, Vec::new())?)
}

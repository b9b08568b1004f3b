//! Settings that are one of a few names.

use serde::{Deserialize, Serialize};

/// A setting with a fixed list of names.
pub trait Choice: Copy + 'static {
    /// Every name with its value.
    const ALL: &'static [(&'static str, Self)];
}

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant),+
        }

        impl Choice for $name {
            const ALL: &'static [(&'static str, Self)] = &[$(($text, Self::$variant)),+];
        }
    };
}

choice! {
    /// Change of the training images, epoch by epoch.
    Augment {
        /// The images as they are.
        None = "none",
        /// A random crop out of a border of four zeros, and a reflection every other time.
        CropFlip = "crop-flip",
    }
}

choice! {
    /// Architecture.
    Arch {
        /// Multi-layer perceptron.
        Mlp = "mlp",
        /// VGG with 8 convolutions and 3 linear layers.
        Vgg11 = "vgg11",
        /// Residual network with pre-activation.
        Resnet = "resnet",
        /// Wide residual network.
        WideResnet = "wide-resnet",
        /// A list of layers.
        Layers = "layers",
    }
}

choice! {
    /// What a layer of a list is.
    LayerKind {
        /// Convolution of an image.
        Convolution = "convolution",
        /// Batch norm over channels.
        BatchNorm = "batch-norm",
        /// Fully connected layer, which flattens its input.
        Linear = "linear",
        /// max(x, 0).
        Relu = "relu",
        /// Hyperbolic tangent.
        Tanh = "tanh",
        /// x Phi(x).
        Gelu = "gelu",
        /// ln(1 + exp(x)).
        Softplus = "softplus",
        /// Maximum over windows side by side.
        MaxPool = "max-pool",
        /// Mean over all pixels.
        GlobalAveragePool = "global-average-pool",
        /// Sum of two paths.
        Residual = "residual",
    }
}

choice! {
    /// Widths of the two hidden layers of VGG's classifier.
    Head {
        /// 512 and 512, for images that the pools shrink to one pixel (32x32).
        Equal = "512-512",
        /// 1024 and 512, for larger ones (64x64).
        Tapered = "1024-512",
    }
}

choice! {
    /// How theta moves.
    Optimizer {
        /// Mini-batch stochastic gradient descent.
        Sgd = "sgd",
        /// Gradient descent on the full training set; one step is one epoch.
        Gd = "gd",
    }
}

choice! {
    /// Where batch norm takes its statistics from when the loss is measured.
    BatchNormPolicy {
        /// Each evaluation batch's own statistics, as in the paper.
        Batch = "batch",
        /// Averaged over the training set at this theta, then frozen.
        Recomputed = "recomputed",
        /// The running averages of training, interpolated along the line like theta.
        Running = "running",
    }
}

choice! {
    /// How the measurement set is presented.
    Protocol {
        /// The same images in the same batches at every point.
        Fixed = "fixed",
        /// As training presents it: reshuffled batches, and freshly augmented images where training
        /// augments, for every point of every line. The authors' code measures so; it is noisy.
        Authors = "authors",
    }
}

choice! {
    /// Floating-point format.
    Precision {
        /// 32 bits.
        F32 = "f32",
        /// 64 bits.
        F64 = "f64",
    }
}

choice! {
    /// What to measure.
    MeasureKind {
        /// The loss along every update.
        Line = "line",
        /// Curvature along mini-batch gradients.
        Alignment = "alignment",
        /// The covariance of mini-batch gradients.
        Covariance = "covariance",
        /// The ends of the Hessian's spectrum.
        Spectrum = "spectrum",
    }
}

choice! {
    /// How the losses of a line are obtained.
    Mode {
        /// Every point on every sample.
        Exact = "exact",
    }
}

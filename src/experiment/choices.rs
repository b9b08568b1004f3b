//! Names that an experiment chooses from and that nothing below it needs.

use crate::choice::choice;

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
    /// Which samples the gradient of a step is the mean over.
    Sampling {
        /// Batches of a random order of all samples, a new one for every epoch.
        Reshuffle = "reshuffle",
        /// Batches of samples each drawn from all of them; an epoch is as many draws as there are
        /// samples.
        Replacement = "replacement",
        /// All samples, in the batches that the loss is measured in; one step is one epoch.
        Full = "full",
    }
}

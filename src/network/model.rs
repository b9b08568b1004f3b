//! The description of a network: an architecture with its settings, or a list of layers.

use serde::Serialize;

use crate::choice::choice;

/// An architecture and its settings: `[model]` of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "arch")]
pub enum Model {
    /// Multi-layer perceptron.
    #[serde(rename = "mlp")]
    Mlp {
        /// Widths of the hidden layers; none is softmax regression.
        hidden: Vec<usize>,
        /// Batch norm behind every hidden linear layer.
        batch_norm: bool,
    },
    /// VGG with 8 convolutions and 3 linear layers.
    #[serde(rename = "vgg11")]
    Vgg11 {
        /// Scales every number of channels.
        width: f64,
        /// Hidden layers of the classifier.
        head: Head,
        /// Batch norm behind every convolution.
        batch_norm: bool,
    },
    /// Residual network with pre-activation.
    #[serde(rename = "resnet")]
    Resnet {
        /// 6n + 2.
        depth: usize,
        /// Batch norm before every rectifier.
        batch_norm: bool,
    },
    /// Wide residual network.
    #[serde(rename = "wide-resnet")]
    WideResnet {
        /// 6n + 4.
        depth: usize,
        /// Scales the number of filters.
        widen: usize,
        /// Batch norm before every rectifier.
        batch_norm: bool,
    },
    /// A network of one's own.
    #[serde(rename = "layers")]
    Layers {
        /// Its layers, the one that sees the images first.
        layers: Vec<LayerSpec>,
    },
}

impl Model {
    /// The setting of `[model]` that makes the network large, by its dotted key, and its value.
    pub fn size(&self) -> (&'static str, String) {
        match self {
            Self::Mlp { hidden, .. } => ("model.hidden", format!("{hidden:?}")),
            Self::Vgg11 { width, .. } => ("model.width", width.to_string()),
            Self::Resnet { depth, .. } => ("model.depth", depth.to_string()),
            Self::WideResnet { depth, widen, .. } => {
                ("model.depth, model.widen", format!("{depth}, {widen}"))
            }
            Self::Layers { layers } => ("model.layers", format!("{} layers", layers.len())),
        }
    }

    /// The network has batch norm.
    pub fn has_batch_norm(&self) -> bool {
        match self {
            Self::Mlp { hidden, batch_norm } => *batch_norm && !hidden.is_empty(),
            Self::Vgg11 { batch_norm, .. }
            | Self::Resnet { batch_norm, .. }
            | Self::WideResnet { batch_norm, .. } => *batch_norm,
            Self::Layers { layers } => layers.iter().any(LayerSpec::has_batch_norm),
        }
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

/// One layer of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum LayerSpec {
    /// Convolution, with zeros around the image that keep its size at stride 1.
    Convolution {
        /// Prefix of its parameters' names.
        name: String,
        /// Channels out.
        outputs: usize,
        /// Height and width of the kernel, an odd number.
        kernel_size: usize,
        /// Step between windows.
        stride: usize,
        /// Add a bias.
        bias: bool,
    },
    /// Batch norm over channels.
    BatchNorm {
        /// Prefix of its parameters' names.
        name: String,
    },
    /// Fully connected layer; flattens its input.
    Linear {
        /// Prefix of its parameters' names.
        name: String,
        /// Units out.
        outputs: usize,
    },
    /// max(x, 0).
    Relu,
    /// tanh(x).
    Tanh,
    /// x Phi(x).
    Gelu,
    /// ln(1 + exp(x)).
    Softplus,
    /// Maximum over windows side by side.
    MaxPool {
        /// Height and width of a window.
        size: usize,
    },
    /// Mean over all pixels.
    GlobalAveragePool,
    /// main(s) + shortcut(s) with s = stem(x); an empty path leaves s as it is.
    Residual {
        /// Layers before the paths part.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        stem: Vec<LayerSpec>,
        /// The path with the non-linearities.
        main: Vec<LayerSpec>,
        /// The projection where the shape changes.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        shortcut: Vec<LayerSpec>,
    },
}

impl LayerSpec {
    /// The layer is batch norm or has one inside.
    pub fn has_batch_norm(&self) -> bool {
        match self {
            Self::BatchNorm { .. } => true,
            Self::Residual { stem, main, shortcut } => {
                [stem, main, shortcut].into_iter().flatten().any(Self::has_batch_norm)
            }
            _ => false,
        }
    }

    /// Its kind and, if it has one, its name.
    pub fn title(&self) -> String {
        match self {
            Self::Convolution { name, .. } => format!("convolution `{name}`"),
            Self::BatchNorm { name } => format!("batch-norm `{name}`"),
            Self::Linear { name, .. } => format!("linear `{name}`"),
            Self::Relu => "relu".to_owned(),
            Self::Tanh => "tanh".to_owned(),
            Self::Gelu => "gelu".to_owned(),
            Self::Softplus => "softplus".to_owned(),
            Self::MaxPool { .. } => "max-pool".to_owned(),
            Self::GlobalAveragePool => "global-average-pool".to_owned(),
            Self::Residual { .. } => "residual".to_owned(),
        }
    }
}

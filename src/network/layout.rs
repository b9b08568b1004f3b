//! Where each parameter lies in theta, and how it is stored in files.

/// Index of a parameter in its [`Layout`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterId(pub(crate) usize);

/// The distribution that a parameter is drawn from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initial {
    /// Uniform in [-bound, bound).
    Uniform {
        /// The bound.
        bound: f64,
    },
    /// Normal with mean 0.
    Normal {
        /// Standard deviation.
        std: f64,
    },
    /// The same number everywhere.
    Constant(f64),
}

/// One named array: a parameter in theta, or a buffer (running statistics) beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Name in the state dict.
    pub name: String,
    /// Dimensions in memory, in the order that the kernels read.
    pub shape: Vec<usize>,
    /// Dimension i of the file is dimension `file_axes[i]` in memory.
    pub file_axes: Vec<usize>,
    /// Dimensions that the file keeps apart; the rest are flattened into the last of them.
    pub file_rank: usize,
    /// Index of its first number in the flat vector.
    pub offset: usize,
    /// The distribution it starts from.
    pub initial: Initial,
}

impl Entry {
    /// Numbers in it, or as many as can be counted.
    pub fn len(&self) -> usize {
        self.shape.iter().copied().fold(1, usize::saturating_mul)
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its place in the flat vector.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset.saturating_add(self.len())
    }

    /// Dimensions in files: PyTorch's order.
    pub fn file_shape(&self) -> Vec<usize> {
        let sizes = self.file_axes.iter().map(|&axis| self.shape[axis]);
        let (mut shape, rest): (Vec<_>, usize) =
            (sizes.clone().take(self.file_rank).collect(), sizes.skip(self.file_rank).product());
        shape.iter_mut().last().into_iter().for_each(|last| *last *= rest);
        shape
    }
}

/// The parameters (theta) and buffers (running statistics) of a network, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layout {
    /// The entries of theta.
    pub parameters: Vec<Entry>,
    /// Running mean and variance of each norm, in the order of the network.
    pub buffers: Vec<Entry>,
}

impl Layout {
    /// Declares the next parameter; `file_axes` says how files order its dimensions.
    pub fn parameter(
        &mut self,
        name: String,
        shape: &[usize],
        file_axes: &[usize],
        initial: Initial,
    ) -> ParameterId {
        self.flattened(name, shape, file_axes, shape.len(), initial)
    }

    /// Declares a parameter of which files flatten all dimensions after the first `file_rank` - 1.
    pub fn flattened(
        &mut self,
        name: String,
        shape: &[usize],
        file_axes: &[usize],
        file_rank: usize,
        initial: Initial,
    ) -> ParameterId {
        push(&mut self.parameters, name, shape, file_axes, file_rank, initial);
        ParameterId(self.parameters.len() - 1)
    }

    /// Declares the running statistics of the next norm.
    pub fn norm(&mut self, name: &str, channels: usize) {
        let statistics = [("running_mean", 0.0), ("running_var", 1.0)];
        for (kind, value) in statistics {
            let name = format!("{name}.{kind}");
            push(&mut self.buffers, name, &[channels], &[0], 1, Initial::Constant(value));
        }
    }

    /// Norms declared so far.
    pub fn norms(&self) -> usize {
        self.buffers.len() / 2
    }

    /// Length of theta.
    pub fn dimension(&self) -> usize {
        self.parameters.last().map_or(0, |entry| entry.range().end)
    }

    /// Length of the flat vector of buffers.
    pub fn buffer_dimension(&self) -> usize {
        self.buffers.last().map_or(0, |entry| entry.range().end)
    }
}

fn push(
    entries: &mut Vec<Entry>,
    name: String,
    shape: &[usize],
    file_axes: &[usize],
    file_rank: usize,
    initial: Initial,
) {
    let offset = entries.last().map_or(0, |entry| entry.range().end);
    let (shape, file_axes) = (shape.to_vec(), file_axes.to_vec());
    entries.push(Entry { name, shape, file_axes, file_rank, offset, initial });
}

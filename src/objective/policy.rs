//! What the measured loss is a function of, besides theta.

use crate::choice::choice;

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

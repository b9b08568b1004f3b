//! The memory that kernels work in: one for each thread, used again for every call.

use super::aligned::Aligned;
use super::outer::Span;
use super::tile::Tap;

/// Buffers that grow to the largest layer and stay.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Gathered images.
    pub(super) images: Aligned,
    /// Gathered gradients, where they are transformed.
    pub(super) gradients: Aligned,
    /// Transformed tiles, or gathered gradients that are not transformed.
    pub(super) transformed: Aligned,
    /// Where the taps of a tile read.
    pub(super) taps: Vec<Tap>,
    /// Rows of pixels of a weight gradient.
    pub(super) spans: Vec<Span>,
    /// The sums of a tile, or of all tiles at Winograd's places.
    pub(super) sums: Aligned,
    /// What one of two products gives to the other, or to what is there.
    pub(super) between: Aligned,
}

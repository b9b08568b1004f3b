//! The memory that kernels work in: one for each thread, used again for every call.

use super::aligned::Aligned;
use super::tile::Tap;

/// Buffers that grow to the largest layer and stay.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Gathered images.
    pub(super) images: Aligned,
    /// Transformed tiles.
    pub(super) transformed: Aligned,
    /// Where the taps of a tile read.
    pub(super) taps: Vec<Tap>,
    /// The sums of a tile.
    pub(super) sums: Aligned,
}

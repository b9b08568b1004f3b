//! Convolution 3x3 at stride 1 with fewer multiplications (Winograd 1980; Lavin & Gray 2016).
//!
//! F(m x m, 3 x 3): m x m outputs from (m + 2)² products instead of 9 m², by y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A
//! over tiles d of the image. The products for one of the (m + 2)² places are a matrix product over
//! channels.

mod f2;
mod f4;
mod forward;
mod scheme;
mod weights;

pub(super) use f2::F2;
pub(super) use f4::F4;
pub(super) use forward::Winograd;
pub(super) use scheme::Scheme;
pub(super) use weights::pack;

//! Convolution 3x3 at stride 1 with fewer multiplications (Winograd 1980; Lavin & Gray 2016).
//!
//! F(m x m, 3 x 3): m x m outputs from (m + 2)² products instead of 9 m², by y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A
//! over tiles d of the image. The products for one of the (m + 2)² places are a matrix product over
//! channels. An image of 2 x 2 pixels is a tile without the zeros around it, and takes 3² products.
//!
//! The weights' gradient is the adjoint of that, Gᵀ[Σ (A y Aᵀ) ⊙ (Bᵀ d B)]G over all tiles, where y is the gradient
//! of the outputs: (m + 2)² products where the definition has 9 m².

mod f2;
mod f4;
mod forward;
mod scheme;
mod tiles;
mod weights;
mod whole2;

pub(super) use f2::F2;
pub(super) use f4::F4;
pub(super) use forward::Winograd;
pub(super) use scheme::Scheme;
pub(super) use tiles::{Grid, Input, Planes, Spread, transform};
pub(super) use weights::{pack, transform_back};
pub(super) use whole2::Whole2;

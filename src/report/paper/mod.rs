//! Figures for a publication: of the width that it asks for, without titles, with a caption.

mod caption;
mod latex;
mod outlined;
mod setup;
mod width;
mod write;

pub use width::{Width, WidthError};
pub use write::write_paper;

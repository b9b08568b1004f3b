//! Figures as SVG for print: white ground, no scripts, no fonts but a name.

mod document;
mod escape;
mod layout;
mod legend;
mod marks;
mod panel;
mod text;

pub(super) use document::document;
pub(super) use layout::Layout;
#[cfg(test)]
pub(super) use legend::{is_needed as needs_legend, is_shared as shares_legend};

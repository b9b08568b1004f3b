//! Figures as SVG for print: white ground, no scripts, no fonts but a name.

mod document;
mod escape;
mod legend;
mod marks;
mod panel;
mod text;

pub(super) use document::document;

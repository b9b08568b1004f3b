//! A drawing as PDF: one page, all of it paths, so that it needs no font.

mod content;
mod file;

pub(super) use file::pdf;

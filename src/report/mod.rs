//! Figures, tables and one interactive page, made from the records of runs and nothing else.
//!
//! Data flows one way: records -> `figure::Figure` (a plain description) -> SVG, PNG, PDF and HTML.
//! A figure's file knows what is drawn; the renderers know how.

mod alignment_group;
#[cfg(test)]
mod axes_golden;
mod csv;
mod curvature_summary;
mod decimate;
mod differences;
mod error;
mod facts;
mod figure;
mod figures;
#[cfg(test)]
mod fixture;
mod groups;
mod headline;
mod html;
mod live;
mod overview;
mod palette;
mod paper;
mod pdf;
mod png;
mod repeats;
mod run_data;
mod scale;
mod spread;
mod statistics;
mod subscript;
mod summary;
mod svg;
mod table;
mod ticks;
mod write;

pub use differences::{Setting, differences, label};
pub use error::ReportError;
pub use groups::Along;
pub use live::{live_page, waiting_page};
pub use overview::{Overview, overview};
pub use paper::{Width, WidthError, write_paper};
pub use summary::summary;
pub use write::{Written, write, write_along};

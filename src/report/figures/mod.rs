//! One file a figure: what it shows, in which words, and its numbers as a table.

mod alignment;
mod barriers;
mod bounce;
mod by_step;
mod cosine;
mod covariance;
mod decomposition;
mod density;
mod distance;
mod epoch_line;
mod epochs;
mod equal_axes;
mod error_bars;
mod gallery;
mod heights;
mod noise;
mod prediction;
mod reference;
mod spectrum;
mod spectrum_notes;
mod training_loss;
mod walk;
mod walk_series;

pub(super) use alignment::table as alignment_table;
pub(super) use barriers::table_one;
pub(super) use by_step::of_run;
pub(super) use epoch_line::epoch_name;
pub(super) use gallery::{figures, tables};
pub(super) use noise::table as noise_table;
pub(super) use spectrum_notes::largest as largest_eigenvalue;

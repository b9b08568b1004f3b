//! One file a figure: what it shows, in which words, and its numbers as a table.

mod barriers;
mod by_step;
mod cosine;
mod distance;
mod gallery;
mod heights;
mod noise;
mod training_loss;
mod walk;

pub(super) use barriers::table_one;
pub(super) use gallery::{figures, tables};
pub(super) use noise::table as noise_table;

//! The rule on lines whose losses are known.

mod errors;
mod fake;
mod visits;

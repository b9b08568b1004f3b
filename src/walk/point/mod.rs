//! What is measured at single points of the path: one file a quantity, which says what it costs, what
//! one of its records is of, and how it is measured. When, and what of it is recorded already, is the
//! same for all.

mod alignment;
mod covariance;
mod due;
mod eigenvectors;
mod here;
mod log;
mod measurement;
mod pace;
mod progress;
mod quantities;
mod scores;
mod spectrum;
mod spectrum_search;

use here::Here;
use measurement::PointMeasurement;
use progress::Progress;
pub(super) use quantities::{PointLogs, claims_of, described};

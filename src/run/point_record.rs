//! What all records of single points of the path have in common.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// One line of a file of what is measured at points: before the first update, or after an epoch.
pub trait PointRecord: Serialize + DeserializeOwned {
    /// Name of the file.
    const LOG: &'static str;

    /// Updates before the point.
    fn step(&self) -> u64;
}

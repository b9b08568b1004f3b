//! What the walk asks of everything that it measures at points.

use super::log::PointLog;
use super::{Here, Progress};
use crate::objective::Objective;
use crate::run::PointRecord;
use crate::walk::WalkError;
use crate::walk::cost::Extent;
use crate::walk::memory::Claim;

/// A quantity as it is measured at single points of the path, implemented by its schedule.
///
/// Its random draws depend on the seed and the step of the point alone, so what an interrupted run
/// has recorded of a point is kept, and the rest is measured after a resume.
pub(super) trait PointMeasurement {
    /// What progress calls it.
    const NAME: &'static str;

    /// One line of its file.
    type Record: PointRecord;

    /// What one record is of, among those of its point.
    type Unit: Ord;

    /// All that is recorded of a point, in the order in which it is measured.
    fn units(&self, samples: usize) -> impl Iterator<Item = Self::Unit>;

    /// What a record is of.
    fn unit(record: &Self::Record) -> Self::Unit;

    /// What it takes at one point: the sum of what `measure` tells `progress`.
    fn cost(&self, extent: Extent) -> u64;

    /// The memory that its settings ask for, by their names within its schedule.
    fn claims(&self, extent: Extent) -> Vec<Claim>;

    /// Measures the units that are `due`, at least one, and appends their records to the `log`.
    fn measure<O: Objective>(
        &self,
        here: &Here<O>,
        due: &[Self::Unit],
        log: &mut PointLog<Self::Record>,
        progress: &mut Progress,
    ) -> Result<(), WalkError>;
}

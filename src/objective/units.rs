//! The units that a loss is computed in, and who computes which: the one way in which this loss adds.

use std::ops::Range;

use rayon::prelude::*;

use super::presentation::Presentation;
use super::tree::{self, Addend, Subtree};
use super::{Classification, Crew, Images, Loss, ObjectiveError};

impl Classification {
    /// Shares the work with others from now on: every call that goes over several units is one that all
    /// of them make.
    pub fn share_with(&mut self, crew: &Crew) {
        self.crew = Some(crew.clone());
        if let Some(test) = &mut self.test {
            test.share_with(crew);
        }
    }

    /// True of a loss that is computed in several units.
    pub fn has_units(&self, of: Loss) -> bool {
        self.units(of).0.len() > 1
    }

    /// The units that a loss is computed in, and how their images are presented.
    pub(super) fn units<'a>(&'a self, of: Loss<'a>) -> (Vec<&'a [u32]>, Presentation) {
        match of {
            Loss::Measured => (self.measured.batches(), Presentation::Plain),
            Loss::Batch { samples, images } => {
                let presentation = match images {
                    Images::Plain => Presentation::Plain,
                    Images::OfEpoch(epoch) => Presentation::Epoch(epoch),
                };
                (samples.chunks(self.training.chunk).collect(), presentation)
            }
        }
    }

    /// Those who share so many units: a single one is computed by everybody who wants it.
    pub(super) fn crew(&self, units: usize) -> Option<&Crew> {
        self.crew.as_ref().filter(|_| units > 1)
    }

    /// The sum of what units yield: the one way in which this loss adds.
    pub(super) fn sum<T: Addend>(
        &self,
        units: &[&[u32]],
        of: impl Fn(&[u32]) -> Result<T, ObjectiveError> + Sync,
    ) -> Result<T, ObjectiveError> {
        self.sum_of(units.len(), |unit| of(units[unit]))
    }

    /// The same, of units by their numbers.
    pub(super) fn sum_of<T: Addend>(
        &self,
        units: usize,
        of: impl Fn(usize) -> Result<T, ObjectiveError> + Sync,
    ) -> Result<T, ObjectiveError> {
        let of = |unit| self.interrupt.check().and_then(|()| of(unit));
        self.joined(units, |share| tree::share(units, share, &of))
    }

    /// The sum over units of which each share is computed by whom it belongs to.
    pub(super) fn joined<T: Addend>(
        &self,
        units: usize,
        of: impl FnOnce(Range<usize>) -> Result<Vec<Subtree<T>>, ObjectiveError>,
    ) -> Result<T, ObjectiveError> {
        match self.crew(units) {
            Some(crew) => crew.sum(units, of),
            None => Ok(tree::join(units, of(0..units)?).unwrap_or_default()),
        }
    }

    /// What each of some units has, `width` numbers a unit.
    pub(super) fn divided(
        &self,
        units: &[usize],
        width: usize,
        of: impl FnOnce(&[usize]) -> Result<Vec<Vec<f64>>, ObjectiveError>,
    ) -> Result<Vec<Vec<f64>>, ObjectiveError> {
        match self.crew(units.len()) {
            Some(crew) if width > 0 => crew.each(units, width, of),
            _ => of(units),
        }
    }

    /// What each of some units yields in this process.
    pub(super) fn each<T: Send>(
        &self,
        units: &[usize],
        of: impl Fn(usize) -> Result<T, ObjectiveError> + Sync,
    ) -> Result<Vec<T>, ObjectiveError> {
        units.par_iter().map(|&unit| self.interrupt.check().and_then(|()| of(unit))).collect()
    }
}

//! How a measurement at a point goes on.

use crate::walk::Observer;

/// Tells an observer of the work within a measurement: all that was forecast, and no more.
pub(super) struct Progress<'a> {
    observer: &'a mut dyn Observer,
    what: String,
    left: u64,
}

impl<'a> Progress<'a> {
    /// The beginning of a measurement of so much work.
    pub(super) fn begin(observer: &'a mut dyn Observer, what: String, work: u64) -> Self {
        let mut progress = Self { observer, what, left: work };
        progress.worked(0);
        progress
    }

    /// So much more is done.
    pub(super) fn worked(&mut self, work: u64) {
        let work = work.min(self.left);
        self.left -= work;
        self.observer.measuring(&self.what, work);
    }

    /// All is done, however much it took.
    pub(super) fn end(mut self) {
        self.worked(u64::MAX);
    }
}

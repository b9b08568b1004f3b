//! What ranks cost one another.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::DecimalBytes;

use crate::objective::Ranks;

/// What a rank spent on the others since it joined them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exchange {
    /// Time until all had their share of a call.
    pub waiting: Duration,
    /// Time in which orders and numbers were sent and received.
    pub moving: Duration,
    /// Bytes that it sent, once for each rank that received them; agreements are not counted.
    pub bytes: u64,
    /// Time since it joined.
    pub since: Duration,
}

impl fmt::Display for Exchange {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let Self { waiting, moving, bytes, since } = self;
        let [waiting, moving, since] = [waiting, moving, since].map(Duration::as_secs_f64);
        let bytes = DecimalBytes(*bytes);
        write!(
            formatter,
            "ranks: of {since:.1} s the leading rank waited {waiting:.2} s for the others and took {moving:.2} s \
             to send {bytes} and to receive"
        )
    }
}

/// Ranks whose exchange is counted.
#[derive(Debug)]
pub(super) struct Metered {
    ranks: Arc<dyn Ranks>,
    start: Instant,
    /// Nanoseconds.
    waiting: AtomicU64,
    moving: AtomicU64,
    bytes: AtomicU64,
}

impl Metered {
    pub fn over(ranks: Arc<dyn Ranks>) -> Self {
        let [waiting, moving, bytes] = [0; 3].map(AtomicU64::new);
        Self { ranks, start: Instant::now(), waiting, moving, bytes }
    }

    pub fn exchange(&self) -> Exchange {
        let [waiting, moving] = [&self.waiting, &self.moving]
            .map(|nanoseconds| Duration::from_nanos(nanoseconds.load(Ordering::Relaxed)));
        let bytes = self.bytes.load(Ordering::Relaxed);
        Exchange { waiting, moving, bytes, since: self.start.elapsed() }
    }

    /// Moves something, of which this rank sends so many bytes to so many ranks.
    fn moved<T>(&self, bytes: usize, ranks: usize, moving: impl FnOnce() -> T) -> T {
        self.bytes.fetch_add((bytes * ranks) as u64, Ordering::Relaxed);
        timed(&self.moving, moving)
    }

    fn others(&self) -> usize {
        self.ranks.count() - 1
    }
}

fn timed<T>(nanoseconds: &AtomicU64, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let outcome = work();
    nanoseconds.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
    outcome
}

impl Ranks for Metered {
    fn own(&self) -> usize {
        self.ranks.own()
    }

    fn count(&self) -> usize {
        self.ranks.count()
    }

    fn host(&self) -> String {
        self.ranks.host()
    }

    fn smallest(&self, own: usize) -> usize {
        timed(&self.waiting, || self.ranks.smallest(own))
    }

    fn send(&self, to: usize, numbers: &[f64]) {
        self.moved(size_of_val(numbers), 1, || self.ranks.send(to, numbers));
    }

    fn receive(&self, from: usize) -> Vec<f64> {
        self.moved(0, 1, || self.ranks.receive(from))
    }

    fn broadcast(&self, numbers: Vec<f64>) -> Vec<f64> {
        let bytes = if self.own() == 0 { size_of_val(&numbers[..]) } else { 0 };
        self.moved(bytes, self.others(), || self.ranks.broadcast(numbers))
    }

    fn gather(&self, own: &[f64], lengths: &[usize]) -> Vec<f64> {
        self.moved(size_of_val(own), self.others(), || self.ranks.gather(own, lengths))
    }

    fn tell(&self, order: &[u8]) {
        self.moved(order.len(), self.others(), || self.ranks.tell(order));
    }

    fn hear(&self) -> Vec<u8> {
        self.ranks.hear()
    }

    fn abort(&self) {
        self.ranks.abort();
    }
}

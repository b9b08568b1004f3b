//! Ranks of MPI.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use mpi::Threading;
use mpi::collective::SystemOperation;
use mpi::datatype::PartitionMut;
use mpi::environment::Universe;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Destination, Root, Source};

use super::{Launch, RanksError};
use crate::objective::Ranks;

/// Messages between two ranks: an order, and numbers.
const ORDER: i32 = 1;
const NUMBERS: i32 = 2;

/// The shortest and the longest time between two looks for an order.
const LOOKS: [Duration; 2] = [Duration::from_micros(20), Duration::from_millis(2)];

/// All processes that MPI started together.
struct MpiRanks {
    own: usize,
    count: usize,
    host: String,
    /// MPI ends with it.
    _universe: Universe,
}

/// Joins those that were started together with this process. From then on a panic says on which rank
/// it was.
pub(super) fn join(launch: Launch) -> Result<Arc<dyn Ranks>, RanksError> {
    let started = mpi::initialize_with_threading(Threading::Serialized);
    let (universe, threading) = started.ok_or(RanksError::Threads)?;
    let world = universe.world();
    let (own, count) = (world.rank() as usize, world.size() as usize);
    if count != launch.processes {
        return Err(RanksError::Apart { expected: launch.processes, found: count });
    }
    if threading < Threading::Serialized {
        return Err(RanksError::Threads);
    }
    let host = mpi::environment::processor_name().unwrap_or_default();
    let named = format!("rank {own} on {host}");
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // Where stderr is gone there is nobody to tell.
        let _ = write!(std::io::stderr(), "{named}: ");
        usual(panic);
    }));
    Ok(Arc::new(MpiRanks { own, count, host, _universe: universe }))
}

impl fmt::Debug for MpiRanks {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "rank {} of {} on {}", self.own, self.count, self.host)
    }
}

fn world() -> SimpleCommunicator {
    SimpleCommunicator::world()
}

impl Ranks for MpiRanks {
    fn own(&self) -> usize {
        self.own
    }

    fn count(&self) -> usize {
        self.count
    }

    fn host(&self) -> String {
        self.host.clone()
    }

    fn smallest(&self, own: usize) -> usize {
        let (own, mut smallest) = (own as u64, 0_u64);
        world().all_reduce_into(&own, &mut smallest, SystemOperation::min());
        smallest as usize
    }

    fn send(&self, to: usize, numbers: &[f64]) {
        world().process_at_rank(to as i32).send_with_tag(numbers, NUMBERS);
    }

    fn receive(&self, from: usize) -> Vec<f64> {
        world().process_at_rank(from as i32).receive_vec_with_tag(NUMBERS).0
    }

    fn broadcast(&self, mut numbers: Vec<f64>) -> Vec<f64> {
        let world = world();
        let root = world.process_at_rank(0);
        let mut length = numbers.len() as u64;
        root.broadcast_into(&mut length);
        numbers.resize(length as usize, 0.0);
        root.broadcast_into(&mut numbers[..]);
        numbers
    }

    fn gather(&self, own: &[f64], lengths: &[usize]) -> Vec<f64> {
        let counts: Vec<i32> = lengths.iter().map(|&length| length as i32).collect();
        let starts = counts.iter().scan(0, |end, count| {
            *end += count;
            Some(*end - count)
        });
        let starts: Vec<i32> = starts.collect();
        let mut all = vec![0.0; lengths.iter().sum()];
        let mut parts = PartitionMut::new(&mut all[..], counts, starts);
        world().all_gather_varcount_into(own, &mut parts);
        all
    }

    fn tell(&self, order: &[u8]) {
        let world = world();
        for rank in 1..self.count {
            world.process_at_rank(rank as i32).send_with_tag(order, ORDER);
        }
    }

    /// Sleeps between looks: the leading rank may train for minutes, and waiting shall not heat a core
    /// that it could use.
    fn hear(&self) -> Vec<u8> {
        let world = world();
        let leading = world.process_at_rank(0);
        let [mut pause, longest] = LOOKS;
        while leading.immediate_probe_with_tag(ORDER).is_none() {
            sleep(pause);
            pause = (pause * 2).min(longest);
        }
        leading.receive_vec_with_tag(ORDER).0
    }

    fn abort(&self) {
        world().abort(1);
    }
}

//! Processes that share the units of a loss: each computes its share, and all get the whole.
//!
//! A share of a sum is a few subtrees of the [`tree`]; they are joined in the tree's own order, so the
//! bits are those of one process. Whatever goes wrong on one process, all leave the call together.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::ObjectiveError;
use super::paces::Paces;
use super::tree::{Addend, Subtree, halves};

/// How processes (ranks) reach one another. All of them make the same calls in the same order; only
/// `send` and `receive`, and `tell` and `hear`, are halves of one.
pub trait Ranks: Debug + Send + Sync {
    /// This rank, from 0; 0 leads.
    fn own(&self) -> usize;

    /// The number of ranks.
    fn count(&self) -> usize;

    /// Its host, for messages.
    fn host(&self) -> String;

    /// The smallest of the numbers that the ranks bring.
    fn smallest(&self, own: usize) -> usize;

    /// Hands numbers to another rank, which receives them.
    fn send(&self, to: usize, numbers: &[f64]);

    /// Numbers that another rank sends.
    fn receive(&self, from: usize) -> Vec<f64>;

    /// The numbers of the leading rank; those of the others are ignored.
    fn broadcast(&self, numbers: Vec<f64>) -> Vec<f64>;

    /// The numbers of all ranks, one after the other; rank r has `lengths[r]` of them.
    fn gather(&self, own: &[f64], lengths: &[usize]) -> Vec<f64>;

    /// Sends the leading rank's order to all others.
    fn tell(&self, order: &[u8]);

    /// Waits for an order of the leading rank.
    fn hear(&self) -> Vec<u8>;

    /// Ends all ranks at once.
    fn abort(&self);
}

/// A share's units are a multiple of a power of two, where that makes shares unequal by no more than
/// one part in so many: fewer subtrees are sent then.
const SHARE_PARTS: usize = 16;

/// The ranks that share a loss.
#[derive(Debug, Clone)]
pub struct Crew {
    ranks: Arc<dyn Ranks>,
    /// In the present call some rank has stopped, and all know.
    is_stopped: Arc<AtomicBool>,
    paces: Arc<Paces>,
}

impl Crew {
    /// Of two ranks or more.
    pub fn new(ranks: Arc<dyn Ranks>) -> Self {
        let paces = Arc::new(Paces::of(ranks.count()));
        Self { ranks, is_stopped: Arc::default(), paces }
    }

    /// How they reach one another.
    pub fn ranks(&self) -> &dyn Ranks {
        self.ranks.as_ref()
    }

    /// This is the rank that walks, writes and speaks.
    pub fn is_leading(&self) -> bool {
        self.ranks.own() == 0
    }

    /// Makes a call that all ranks make.
    ///
    /// # Errors
    /// If it fails on any rank: on the leading one with that rank's error, on the others as an
    /// interruption, since it is not theirs to tell.
    pub fn call<T>(
        &self,
        body: impl FnOnce() -> Result<T, ObjectiveError>,
    ) -> Result<T, ObjectiveError> {
        self.is_stopped.store(false, Ordering::Relaxed);
        self.agree(body())
    }

    /// The rank's own result, if no rank has failed. An error before a rank's next agreement meets the
    /// others there, whichever it is for them; after that, nobody waits for anybody.
    fn agree<T>(&self, own: Result<T, ObjectiveError>) -> Result<T, ObjectiveError> {
        if own.is_err() && self.is_stopped.load(Ordering::Relaxed) {
            return own;
        }
        const FINE: usize = usize::MAX;
        const INTERRUPTED: usize = usize::MAX - 1;
        let rank = self.ranks.own();
        let state = match &own {
            Ok(_) => FINE,
            Err(ObjectiveError::Interrupted) => INTERRUPTED,
            Err(_) => rank,
        };
        let worst = self.ranks.smallest(state);
        if worst == FINE {
            return own;
        }
        self.is_stopped.store(true, Ordering::Relaxed);
        match own {
            Err(error) if rank == 0 && worst == 0 => Err(error),
            Err(error) if rank == worst => {
                let message = format!("rank {rank} on {}: {error}", self.ranks.host());
                self.ranks.send(0, &message.bytes().map(f64::from).collect::<Vec<_>>());
                Err(ObjectiveError::Interrupted)
            }
            _ if rank == 0 && worst != INTERRUPTED => {
                let bytes: Vec<u8> = self.ranks.receive(worst).iter().map(|&x| x as u8).collect();
                Err(ObjectiveError::OnRank(String::from_utf8_lossy(&bytes).into_owned()))
            }
            _ => Err(ObjectiveError::Interrupted),
        }
    }

    /// The sum over units on every rank, each of which yields the subtrees of its share.
    ///
    /// Sent: a sum for every subtree that is not its rank's own where it is added, about one a level of
    /// the tree; then the whole to every rank.
    pub(super) fn sum<T: Addend>(
        &self,
        units: usize,
        of: impl FnOnce(Range<usize>) -> Result<Vec<Subtree<T>>, ObjectiveError>,
    ) -> Result<T, ObjectiveError> {
        let own = self.agree(of(self.share(units)))?;
        let sum = self.joined(0..units, units, &mut own.into_iter());
        let numbers = sum.map(T::into_numbers).unwrap_or_default();
        Ok(T::from_numbers(self.ranks.broadcast(numbers)))
    }

    /// This rank's share of the units of a sum.
    pub(super) fn share(&self, units: usize) -> Range<usize> {
        let own = self.ranks.own();
        self.start(own, units)..self.start(own + 1, units)
    }

    /// Where a rank's share begins. The leading rank always has a unit.
    fn start(&self, rank: usize, units: usize) -> usize {
        let ranks = self.ranks.count();
        if rank == ranks {
            return units;
        }
        let step = 1 << (units / (ranks * SHARE_PARTS)).max(1).ilog2();
        ((rank * units).div_ceil(ranks) + step / 2) / step * step
    }

    /// The rank that has a unit.
    fn owner(&self, unit: usize, units: usize) -> usize {
        let ranks = 0..self.ranks.count();
        ranks.rev().find(|&rank| self.start(rank, units) <= unit).unwrap_or(0)
    }

    /// The sum of a node on the rank that has its first unit; none on the others.
    fn joined<T: Addend>(
        &self,
        node: Range<usize>,
        units: usize,
        own: &mut impl Iterator<Item = Subtree<T>>,
    ) -> Option<T> {
        let rank = self.ranks.own();
        let to = self.owner(node.start, units);
        if to == self.owner(node.end - 1, units) {
            return if to == rank { own.next().map(|subtree| subtree.sum) } else { None };
        }
        let [left, right] = halves(node);
        let from = self.owner(right.start, units);
        let left = self.joined(left, units, own);
        let mut right = self.joined(right, units, own);
        if to != from && rank == from {
            self.ranks.send(to, &right.take().map(T::into_numbers).unwrap_or_default());
        }
        let mut sum = left?;
        sum.add(right.unwrap_or_else(|| T::from_numbers(self.ranks.receive(from))));
        Some(sum)
    }

    /// What each of some units has, `width` numbers a unit, on every rank. Whoever was faster in the last
    /// calls gets more of the units.
    ///
    /// Sent: these numbers, and how long each rank took.
    pub(super) fn each(
        &self,
        units: &[usize],
        width: usize,
        of: impl FnOnce(&[usize]) -> Result<Vec<Vec<f64>>, ObjectiveError>,
    ) -> Result<Vec<Vec<f64>>, ObjectiveError> {
        let shares = self.paces.shares(units.len());
        let start = Instant::now();
        let found = of(&units[shares[self.ranks.own()].clone()]);
        let took = start.elapsed().as_secs_f64();
        let mut numbers = self.agree(found)?.concat();
        numbers.push(took);
        let lengths: Vec<usize> = shares.iter().map(|share| share.len() * width + 1).collect();
        let mut all = &self.ranks.gather(&numbers, &lengths)[..];
        let (mut found, mut call) = (Vec::new(), Vec::new());
        for length in lengths {
            let (own, rest) = all.split_at(length);
            let (took, losses) = own.split_last().unwrap_or((&0.0, &[]));
            found.extend(losses.chunks(width).map(<[f64]>::to_vec));
            call.push((losses.len(), *took));
            all = rest;
        }
        self.paces.add(call.into_iter());
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rank beside this one that is a thousand seconds late with all it does.
    #[derive(Debug)]
    struct Late;

    impl Ranks for Late {
        fn own(&self) -> usize {
            0
        }

        fn count(&self) -> usize {
            2
        }

        fn host(&self) -> String {
            String::new()
        }

        fn smallest(&self, own: usize) -> usize {
            own
        }

        fn send(&self, _: usize, _: &[f64]) {}

        fn receive(&self, _: usize) -> Vec<f64> {
            Vec::new()
        }

        fn broadcast(&self, numbers: Vec<f64>) -> Vec<f64> {
            numbers
        }

        fn gather(&self, own: &[f64], lengths: &[usize]) -> Vec<f64> {
            let losses = std::iter::repeat_n(-1.0, lengths[1] - 1);
            own.iter().copied().chain(losses).chain([1e3]).collect()
        }

        fn tell(&self, _: &[u8]) {}

        fn hear(&self) -> Vec<u8> {
            Vec::new()
        }

        fn abort(&self) {}
    }

    #[test]
    fn a_rank_gets_units_by_what_it_has_done_until_now() {
        let crew = Crew::new(Arc::new(Late));
        let units: Vec<usize> = (0..18).collect();
        for own in [9, 16, 16] {
            let of = |units: &[usize]| Ok(units.iter().map(|&unit| vec![unit as f64; 2]).collect());
            let found = crew.each(&units, 2, of).unwrap_or_default();
            let expected = units.iter().map(|&unit| if unit < own { unit as f64 } else { -1.0 });
            assert!(found.into_iter().eq(expected.map(|loss| vec![loss; 2])), "{own} of 18");
        }
    }
}

//! Which samples each step sees.

use std::ops::Range;

use super::{Place, Plan};
use crate::experiment::Sampling;
use crate::random::Stream;

impl Plan {
    /// Steps of one epoch; a short last batch is a step of its own.
    pub fn steps_per_epoch(&self) -> u64 {
        match self.train.sampling {
            Sampling::Full => 1,
            Sampling::Reshuffle | Sampling::Replacement => {
                self.samples.div_ceil(self.train.batch_size) as u64
            }
        }
    }

    /// The samples of an epoch, batch behind batch.
    pub fn epoch_order(&self, epoch: u64) -> Vec<u32> {
        let seed = self.train.seed;
        match self.train.sampling {
            Sampling::Full => (0..self.samples as u32).collect(),
            Sampling::Reshuffle => Stream::epoch_order(seed, epoch).permutation(self.samples),
            Sampling::Replacement => Stream::epoch_draws(seed, epoch).draws(self.samples),
        }
    }

    /// A step's samples, as positions in its epoch's order.
    pub fn batch_range(&self, place: Place) -> Range<usize> {
        let start = place.iteration as usize * self.train.batch_size;
        match self.train.sampling {
            Sampling::Full => 0..self.samples,
            Sampling::Reshuffle | Sampling::Replacement => {
                start..(start + self.train.batch_size).min(self.samples)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::experiment::Train;

    fn plan(sampling: Sampling) -> Plan {
        let train = Train { sampling, epochs: 2, ..Train::default() };
        Plan::of_objective(train, Vec::new(), 250)
    }

    #[test]
    fn reshuffled_epochs_visit_every_sample_once_in_another_order() {
        let plan = plan(Sampling::Reshuffle);
        assert_eq!((plan.steps_per_epoch(), plan.batch_range(plan.place(5))), (3, 200..250));
        let mut order = plan.epoch_order(1);
        assert_ne!(order, plan.epoch_order(2));
        order.sort_unstable();
        assert!(order.into_iter().eq(0..250));
    }

    #[test]
    fn with_replacement_an_epoch_is_as_many_draws_of_which_some_repeat() {
        let plan = plan(Sampling::Replacement);
        assert_eq!((plan.steps_per_epoch(), plan.batch_range(plan.place(5))), (3, 200..250));
        let mut counts = [0; 250];
        let epochs: Vec<_> = (1..=400).map(|epoch| plan.epoch_order(epoch)).collect();
        assert!(epochs.iter().all(|draws| draws.len() == 250) && epochs[0] != epochs[1]);
        epochs.iter().flatten().for_each(|&sample| counts[sample as usize] += 1);
        // 400 times each on average, with a standard deviation of 20.
        assert!(counts.iter().all(|&count: &i32| (count - 400).abs() < 100), "{counts:?}");
        let distinct = |draws: &Vec<u32>| draws.iter().collect::<BTreeSet<_>>().len();
        let share = epochs.iter().map(distinct).sum::<usize>() as f64 / 1e5;
        // 1 - (1 - 1/N)^N of the samples are drawn.
        assert!((share - 0.633).abs() < 0.005, "{share}");
    }

    #[test]
    fn the_full_set_is_one_step() {
        let plan = plan(Sampling::Full);
        assert_eq!((plan.total_steps(), plan.batch_range(plan.place(1))), (2, 0..250));
    }
}

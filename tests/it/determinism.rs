//! Equal experiments give equal bytes on any number of threads, and different ones do not.

use crate::lab::{Lab, must_equal, records};

/// 700 samples make seven evaluation batches of 90 and a short one, which threads share.
const SHARED: [&str; 4] =
    ["data.train_samples=700", "evaluation.batch_size=90", "train.epochs=2", "measure.points=3"];

/// The records on one thread, which must be those on two.
fn on_one_and_two_threads(settings: &[&str]) -> [Vec<u8>; 2] {
    let lab = Lab::new();
    let settings = [&SHARED, settings].concat();
    let [one, two] = ["1", "2"].map(|threads| {
        lab.run_with(threads, &settings, &["--threads", threads]).must_say(0, &[]);
        records(&lab.path(threads))
    });
    must_equal(&two, &one);
    one
}

fn under_every_policy(optimizer: &str) {
    let [batch, recomputed, running] = ["batch", "recomputed", "running"].map(|policy| {
        on_one_and_two_threads(&[optimizer, &format!("evaluation.batch_norm={policy}")])
    });
    assert!(batch[1] != recomputed[1] && recomputed[1] != running[1], "a policy is ignored");
    assert_eq!(batch[0], running[0], "the policy of measurement does not move theta");
}

#[test]
fn sgd_gives_the_same_bytes_on_one_thread_and_on_two() {
    under_every_policy("train.optimizer=sgd");
}

#[test]
fn gradient_descent_gives_the_same_bytes_on_one_thread_and_on_two() {
    under_every_policy("train.optimizer=gd");
}

#[test]
fn mini_batches_in_chunks_give_the_same_bytes_on_one_thread_and_on_two() {
    on_one_and_two_threads(&["train.chunk=30", "data.train_samples=600", "train.momentum=0.9"]);
}

#[test]
fn another_seed_gives_another_walk() {
    let [first, second] = ["train.seed=1", "train.seed=2"].map(|seed| {
        let lab = Lab::new();
        records(&lab.done("run", &["data.train_samples=700", seed]))
    });
    assert!(first[0] != second[0] && first[1] != second[1]);
}

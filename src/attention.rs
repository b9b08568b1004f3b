//! Threads that stay awake between small pieces of work.

use std::hint;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rayon::Yield;

/// How long a thread looks for the next piece before it may sleep. None waits for another without end, so
/// that whatever lies below on its stack is late by so much at most.
const PATIENCE: Duration = Duration::from_micros(300);

/// Runs `work` within the thread pool, whose other threads look for pieces of it all the time.
///
/// A training step of a small network is some forty pieces of 20 to 500 µs, which all threads share. From
/// outside of the pool each would be handed over to it; and a thread that has found nothing to do for some
/// microseconds goes to sleep, to be woken for the next piece.
pub(crate) fn attended<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let is_done = &AtomicBool::new(false);
    rayon::scope(|scope| {
        let own = rayon::current_thread_index();
        for _ in 1..rayon::current_num_threads() {
            scope.spawn(move |_| {
                if rayon::current_thread_index() != own {
                    attend(is_done);
                }
            });
        }
        let result = work();
        is_done.store(true, Ordering::Release);
        result
    })
}

fn attend(is_done: &AtomicBool) {
    let mut idle_since = Instant::now();
    while !is_done.load(Ordering::Acquire) && idle_since.elapsed() < PATIENCE {
        if rayon::yield_now() == Some(Yield::Executed) {
            idle_since = Instant::now();
        } else {
            hint::spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::attended;

    /// Works that start and wait for each other on the same few threads.
    #[test]
    fn works_within_works_come_to_an_end() -> Result<(), rayon::ThreadPoolBuildError> {
        fn count(depth: u32) -> u32 {
            if depth == 0 {
                return 1;
            }
            let half = || attended(|| count(depth - 1));
            let (left, right) = rayon::join(half, half);
            left + right
        }
        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
            assert_eq!(pool.install(|| count(6)), 64, "{threads} threads");
        }
        assert_eq!(attended(|| count(3)), 8, "from outside");
        Ok(())
    }
}

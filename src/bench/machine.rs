//! The machine that was measured.

use rayon::prelude::*;
use serde::Serialize;

use crate::kernels::{InstructionSet, peak_flops};

/// What times depend on.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The CPU's name, where the system tells it.
    pub cpu: Option<String>,
    /// Cores that the system offers.
    pub cores: usize,
    /// Threads that were used.
    pub threads: usize,
    /// What computes: `cpu`, or the name of a GPU as `--device` takes it.
    pub device: String,
    /// The instruction set of the CPU's kernels.
    pub instructions: &'static str,
    /// The operating system and the architecture.
    pub platform: String,
    /// The version of losswalk.
    pub losswalk: &'static str,
}

impl Machine {
    /// This one, with a device of it and the threads of the current pool.
    pub fn here(device: &str) -> Self {
        let threads = rayon::current_num_threads();
        Self {
            cpu: crate::run::Machine::here().cpu,
            cores: std::thread::available_parallelism().map_or(threads, |cores| cores.get()),
            threads,
            device: device.to_owned(),
            instructions: InstructionSet::detect().name(),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            losswalk: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// Floating-point operations a second of all threads together, each at its best at the same time.
pub(super) fn peak() -> f64 {
    let threads: Vec<()> = vec![(); rayon::current_num_threads()];
    let rates = threads.par_iter().with_max_len(1).map(|()| peak_flops(InstructionSet::detect()));
    rates.sum()
}

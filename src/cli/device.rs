//! Where a command computes.

use clap::Args;

use crate::objective::device_of;
use crate::ranks::{Job, Survey};
use crate::walk::Setup;

/// Where to compute. Changes no result beyond the arithmetic of another device.
#[derive(Debug, Args)]
pub(super) struct DeviceArgs {
    /// cpu, or with the cargo feature of that name: cuda, vulkan, wgpu. cuda:1 is the second; without a
    /// number each rank on a host takes one of its own.
    #[arg(long, default_value = "cpu", value_name = "NAME")]
    pub(super) device: String,
    /// Threads, of each rank under MPI; all cores by default. Results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) threads: Option<u16>,
}

impl DeviceArgs {
    /// Starts the threads and says what was decided.
    pub(super) fn set_up(&self, job: &Job) -> anyhow::Result<Setup> {
        let Survey { ranks, here, place, hosts, threads } = job.survey();
        let threads = start_threads(self.threads.map_or(threads, usize::from))?;
        if ranks > 1 && job.follows().is_none() {
            eprintln!("ranks: {ranks}, hosts: {hosts}, threads of the leading rank: {threads}");
        }
        let device = if ranks > 1 { device_of(&self.device, place) } else { self.device.clone() };
        Ok(Setup { device, threads, ranks, ranks_here: here })
    }
}

/// Starts so many threads; this one is the first of them, so that no work is handed over.
pub(super) fn start_threads(threads: usize) -> anyhow::Result<usize> {
    rayon::ThreadPoolBuilder::new().num_threads(threads).use_current_thread().build_global()?;
    Ok(threads)
}

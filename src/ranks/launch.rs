//! What started this process, as the environment tells.

use std::env;

/// What launchers call the number of processes and a process's place among them: Open MPI; MPICH, Intel
/// MPI and Slurm's PMI; MVAPICH; Slurm's `srun` (its other variables are there in a batch script too,
/// which is one process); Flux.
const LAUNCHERS: [[&str; 2]; 5] = [
    ["OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"],
    ["PMI_SIZE", "PMI_RANK"],
    ["MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"],
    ["SLURM_STEP_NUM_TASKS", "SLURM_PROCID"],
    ["FLUX_JOB_SIZE", "FLUX_TASK_RANK"],
];

/// One of several processes that were started together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// How many they are, two or more.
    pub processes: usize,
    /// Which one this is, from 0.
    pub place: usize,
}

impl Launch {
    /// How this process was started; none if it is alone.
    pub fn detect() -> Option<Self> {
        Self::read(|name| env::var(name).ok())
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let number = |name: &str| variable(name)?.parse().ok();
        let found = LAUNCHERS.iter().filter_map(|[size, place]| {
            let processes = number(size).filter(|&processes| processes > 1)?;
            Some(Self { processes, place: number(place).unwrap_or(0) })
        });
        found.into_iter().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Option<Launch> {
        Launch::read(|name| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn only_several_processes_that_were_started_together_are_a_launch() {
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[("OMPI_COMM_WORLD_SIZE", "1"), ("OMPI_COMM_WORLD_RANK", "0")]), None);
        let third = Some(Launch { processes: 4, place: 2 });
        assert_eq!(read(&[("OMPI_COMM_WORLD_SIZE", "4"), ("OMPI_COMM_WORLD_RANK", "2")]), third);
        assert_eq!(read(&[("SLURM_STEP_NUM_TASKS", "4"), ("SLURM_PROCID", "2")]), third);
        let batch_script = [("SLURM_NTASKS", "4"), ("SLURM_PROCID", "0"), ("SLURM_JOB_ID", "7")];
        assert_eq!(read(&batch_script), None);
    }
}

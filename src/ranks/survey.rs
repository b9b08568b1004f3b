//! Where the ranks are, and whether they compute the same.

use std::collections::HashSet;
use std::fs;
use std::num::NonZero;
use std::thread::available_parallelism;

use sha2::{Digest, Sha256};

use crate::experiment;
use crate::objective::{Classification, Crew, Interrupt, Loss, Objective, ObjectiveError};
use crate::walk::{Prepared, Setup, prepare};

/// Where the ranks of a job are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Survey {
    /// All ranks.
    pub ranks: usize,
    /// Ranks on this host.
    pub here: usize,
    /// This rank's place among them, from 0.
    pub place: usize,
    /// Hosts.
    pub hosts: usize,
    /// Threads for this rank: the cores that it may run on, divided among the ranks on this host that
    /// may run on the same.
    pub threads: usize,
}

impl Survey {
    /// Of one process alone.
    pub fn alone() -> Self {
        let threads = available_parallelism().map_or(1, NonZero::get);
        Self { ranks: 1, here: 1, place: 0, hosts: 1, threads }
    }

    /// Asks all ranks.
    pub fn of(crew: &Crew) -> Self {
        let (host, ranks) = (crew.ranks().host(), crew.ranks().count());
        let own =
            [number(&[host.as_bytes()]), number(&[host.as_bytes(), allowed_cores().as_bytes()])];
        let all = crew.ranks().gather(&own, &vec![own.len(); ranks]);
        let all: Vec<u64> = all.iter().map(|number| number.to_bits()).collect();
        let (pairs, _) = all.as_chunks::<2>();
        let as_here = |of: usize| pairs.iter().filter(|pair| pair[of] == own[of].to_bits()).count();
        let before = &pairs[..crew.ranks().own()];
        let place = before.iter().filter(|pair| pair[0] == own[0].to_bits()).count();
        let hosts = pairs.iter().map(|pair| pair[0]).collect::<HashSet<_>>().len();
        let threads = (Self::alone().threads / as_here(1)).max(1);
        Self { ranks, here: as_here(0), place, hosts, threads }
    }
}

/// The cores that this process may run on, as Linux lists them; empty elsewhere.
fn allowed_cores() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("Cpus_allowed_list"));
    line.unwrap_or_default().to_owned()
}

/// 64 bits of a checksum, as a number that ranks can exchange.
fn number(parts: &[&[u8]]) -> f64 {
    let digest = parts.iter().fold(Sha256::new(), |digest, part| digest.chain_update(part));
    let bytes = digest.finalize();
    f64::from_bits(bytes.iter().take(8).fold(0, |bits, &byte| bits << 8 | u64::from(byte)))
}

/// Prepares an experiment on a rank that does not lead; none where that failed, which the leading rank
/// has been told.
pub(super) fn prepare_as_told(
    crew: &Crew,
    text: &str,
    (setup, interrupt): (&Setup, &Interrupt),
) -> Option<Classification> {
    let prepared = crew.call(|| {
        let experiment =
            experiment::parse(text, "run.toml", "run", &[]).map_err(|error| told(&error))?;
        let prepared = prepare(&experiment, setup, interrupt).map_err(|error| told(&error))?;
        let own = fingerprint(&prepared)?;
        Ok((prepared, own))
    });
    let (mut prepared, own) = prepared.ok()?;
    compare(crew, own).ok()?;
    prepared.objective.share_with(crew);
    Some(prepared.objective)
}

/// An error with its causes, for the leading rank to tell.
fn told(error: &dyn std::error::Error) -> ObjectiveError {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let causes: String = causes.map(|cause| format!(": {cause}")).collect();
    ObjectiveError::OnRank(format!("{error}{causes}"))
}

/// What ranks that measure the same loss agree on to the bit: the program, the data's files, and the
/// gradient of a mini-batch at theta_0, in which processors of different kinds may differ.
pub(super) fn fingerprint(prepared: &Prepared) -> Result<[f64; 2], ObjectiveError> {
    let (loss, train) = (&prepared.objective, &prepared.plan.train);
    let size = loss.measured().batch_size.min(train.chunk);
    let samples = loss.measured().order.iter().copied().take(size).collect::<Vec<u32>>();
    let found = loss.gradient(&prepared.start(), Loss::of(&samples), train.precision)?;
    let bytes: Vec<u8> = found.gradient.iter().flat_map(|entry| entry.to_le_bytes()).collect();
    Ok([number(&[prepared.identity().as_bytes()]), number(&[&bytes])])
}

/// An error unless all ranks have the fingerprint of the leading one.
pub(super) fn compare(crew: &Crew, own: [f64; 2]) -> Result<(), ObjectiveError> {
    let leading = crew.ranks().broadcast(own.to_vec());
    let differs = |of: usize| leading[of].to_bits() != own[of].to_bits();
    crew.call(|| match (differs(0), differs(1)) {
        (false, false) => Ok(()),
        (true, _) => Err(ObjectiveError::OnRank(
            "another build of losswalk, or other data, than on rank 0".to_owned(),
        )),
        (false, true) => Err(ObjectiveError::OnRank(
            "the gradient has other bits than on rank 0: processors of different kinds cannot share a job"
                .to_owned(),
        )),
    })
}

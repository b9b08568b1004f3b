//! Why a walk stops early.

use crate::linalg::NotFinite;
use crate::measure::SpectrumError;
use crate::objective::ObjectiveError;
use crate::run::RunError;

/// An error that ends the walk. What was measured before it is on disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalkError {
    /// The run folder.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The loss.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
    /// The loss of a unit evaluated twice at one theta differs.
    #[error(
        "the summed loss of evaluation batch {unit}, evaluated twice at the same parameters, gave {first:e} and {second:e}: no barrier could be trusted, so nothing is measured; run on one thread (--threads 1) or another device, and report this"
    )]
    NotDeterministic {
        /// Its number in the evaluation order.
        unit: usize,
        /// One value.
        first: f64,
        /// The other.
        second: f64,
    },
    /// A repeated step differs from the record of it.
    #[error(
        "step {step}, computed again from the checkpoint before it, differs from steps.jsonl: the arithmetic of this machine, or of this version of losswalk, is not that of the run (manifest.json: machine, version, commit); resume with those, or start again with another --out"
    )]
    NotReproduced {
        /// The step.
        step: u64,
    },
    /// A step taken again differs from the record of it.
    #[error(
        "step {step}, taken again from the start, differs from steps.jsonl: the arithmetic of this machine, or of this version of losswalk, is not that of the run (manifest.json: machine, version, commit); verify with those, or run with train.save_iterates = true"
    )]
    NotReplayed {
        /// The step.
        step: u64,
    },
    /// The checkpoint does not fit the network.
    #[error("the newest checkpoint")]
    Checkpoint(#[from] crate::network::StateDictError),
    /// The spectrum of the Hessian.
    #[error(transparent)]
    Spectrum(SpectrumError),
}

impl From<NotFinite> for WalkError {
    fn from(error: NotFinite) -> Self {
        Self::Spectrum(error.into())
    }
}

impl From<SpectrumError> for WalkError {
    fn from(error: SpectrumError) -> Self {
        match error {
            // So that an interruption is one wherever it happens.
            SpectrumError::Objective(error) => Self::Objective(error),
            error => Self::Spectrum(error),
        }
    }
}

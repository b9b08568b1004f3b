//! Exit codes, and which error means which.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::process::ExitCode;

use super::expect::OtherLoss;
use super::init::FileExists;
use super::list::NoRuns;
use super::sweep::SweepError;
use crate::bench::BenchError;
use crate::data::DataError;
use crate::experiment::ExperimentError;
use crate::kernels::InstructionSetError;
use crate::network::{InferError, StateDictError};
use crate::objective::{DeviceError, ObjectiveError};
use crate::parameters::ParameterFileError;
use crate::partial;
use crate::ranks::RanksError;
use crate::run::RunError;
use crate::walk::{MemoryError, PrepareError};
use crate::watch::WatchError;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked for is done.
    Done = 0,
    /// Anything that is no mistake of the caller: a full disk, a broken device.
    Failed = 1,
    /// A mistake in arguments, the experiment or the data.
    Usage = 2,
    /// Training diverged; what was measured is kept.
    Diverged = 3,
    /// Certified decisions are wrong more often than stated.
    Contradicted = 4,
    /// Stopped by a signal; a run goes on with `--resume`.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Shows the error that a command ended with, and says what exit code it means.
pub fn fail(error: &anyhow::Error) -> Exit {
    partial::unless_ending();
    let reader_left = |cause: &(dyn Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == ErrorKind::BrokenPipe)
    };
    if error.chain().any(reader_left) {
        return Exit::Done;
    }
    eprintln!("error: {error:#}");
    exit_of(error)
}

/// True of what the caller can mend.
fn is_mistake(cause: &PrepareError) -> bool {
    match cause {
        PrepareError::Run(cause) => {
            matches!(cause, RunError::Exists { .. } | RunError::NotARun { .. })
        }
        _ => true,
    }
}

fn exit_of(error: &anyhow::Error) -> Exit {
    let is_usage = error.chain().any(|cause| {
        cause.is::<ExperimentError>()
            || cause.is::<DataError>()
            || cause.is::<DeviceError>()
            || cause.is::<InstructionSetError>()
            || cause.is::<StateDictError>()
            || cause.is::<InferError>()
            || cause.is::<ParameterFileError>()
            || cause.is::<MemoryError>()
            || cause.is::<OtherLoss>()
            || cause.is::<WatchError>()
            || cause.is::<FileExists>()
            || cause.is::<NoRuns>()
            || cause.is::<SweepError>()
            || matches!(
                cause.downcast_ref(),
                Some(RunError::Exists { .. } | RunError::NotARun { .. })
            )
            || matches!(cause.downcast_ref(), Some(BenchError::Device(_)))
            || cause.downcast_ref::<PrepareError>().is_some_and(is_mistake)
            || cause.downcast_ref::<RanksError>().is_some_and(|cause| match cause {
                RanksError::Prepare(cause) => is_mistake(cause),
                RanksError::Objective(_) => false,
                _ => true,
            })
    });
    let is_interrupted = |cause: &(dyn Error + 'static)| {
        let shared = cause.downcast_ref::<RanksError>();
        cause.downcast_ref() == Some(&ObjectiveError::Interrupted)
            || matches!(shared, Some(RanksError::Objective(ObjectiveError::Interrupted)))
    };
    if is_usage {
        Exit::Usage
    } else if error.chain().any(is_interrupted) {
        Exit::Interrupted
    } else {
        Exit::Failed
    }
}

//! What this process has to do: all of it, or a part that others wait for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::metered::{Exchange, Metered};
use super::order::Order;
use super::survey::{Survey, compare, fingerprint};
use super::{Launch, RanksError, SharedLoss};
use crate::data::PixelNormalisation;
use crate::experiment::Experiment;
use crate::objective::{BatchNormPolicy, Classification, Crew, Interrupt, ObjectiveError, Ranks};
use crate::run::RunError;
use crate::walk::{PrepareError, Prepared, Setup, prepare};

/// The work of this process, alone or as one of several ranks. When the leading rank drops it, the
/// others stop.
#[derive(Debug)]
pub struct Job {
    /// The ranks, and what they cost one another, if there are several.
    crew: Option<(Crew, Arc<Metered>)>,
    survey: Survey,
    lines: AtomicU64,
}

impl Job {
    /// Joins those that were started together with this process.
    ///
    /// # Errors
    /// If several were, and they cannot work together.
    pub fn join() -> Result<Self, RanksError> {
        match Launch::detect() {
            None => Ok(Self { crew: None, survey: Survey::alone(), lines: AtomicU64::new(0) }),
            #[cfg(feature = "mpi")]
            Some(launch) => Ok(Self::of(super::mpi::join(launch)?)),
            #[cfg(not(feature = "mpi"))]
            Some(launch) => Err(RanksError::WithoutMpi(launch.processes)),
        }
    }

    /// Of ranks that reach one another; all of them call this.
    pub fn of(ranks: Arc<dyn Ranks>) -> Self {
        let metered = Arc::new(Metered::over(ranks));
        let crew = Crew::new(metered.clone());
        let survey = Survey::of(&crew);
        Self { crew: Some((crew, metered)), survey, lines: AtomicU64::new(0) }
    }

    /// The ranks, if there are several.
    pub fn crew(&self) -> Option<&Crew> {
        self.crew.as_ref().map(|(crew, _)| crew)
    }

    /// What this rank spent on the others until now, if there are several.
    pub fn exchange(&self) -> Option<Exchange> {
        self.crew.as_ref().map(|(_, metered)| metered.exchange())
    }

    /// The ranks, if this one does what another orders.
    pub fn follows(&self) -> Option<&Crew> {
        self.crew().filter(|crew| !crew.is_leading())
    }

    /// Where the ranks are.
    pub fn survey(&self) -> Survey {
        self.survey
    }

    /// Prepares an experiment on all ranks; the leading one calls this.
    ///
    /// # Errors
    /// If it cannot be on any rank, or if ranks differ in the program, the data or their arithmetic.
    pub fn prepare(
        &self,
        experiment: &Experiment,
        setup: &Setup,
        interrupt: &Interrupt,
    ) -> Result<Prepared, RanksError> {
        let mut prepared = prepare(experiment, setup, interrupt)?;
        if let Some(crew) = self.crew() {
            let text = experiment.to_toml().map_err(|error| {
                PrepareError::from(RunError::content("run.toml", error.to_string()))
            })?;
            Order::Prepare { experiment: text }.tell(crew, &[])?;
            compare(crew, crew.call(|| fingerprint(&prepared))?)?;
            prepared.objective.share_with(crew);
        }
        Ok(prepared)
    }

    /// A loss that all ranks have prepared.
    pub fn share<'a>(&'a self, loss: &'a Classification) -> SharedLoss<'a> {
        SharedLoss::new(loss, self)
    }

    /// Changes the policy of batch norm on all ranks.
    pub fn set_policy(
        &self,
        loss: &mut Classification,
        policy: BatchNormPolicy,
    ) -> Result<(), RanksError> {
        loss.set_policy(policy);
        Ok(self.tell(&Order::Policy(policy))?)
    }

    /// Changes the normalisation of images on all ranks.
    pub fn set_normalisation(
        &self,
        loss: &mut Classification,
        normalisation: PixelNormalisation,
    ) -> Result<(), RanksError> {
        loss.set_normalisation(normalisation.clone())?;
        Ok(self.tell(&Order::Normalise(normalisation))?)
    }

    /// What the next open line is called.
    pub(super) fn next_line(&self) -> u64 {
        self.lines.fetch_add(1, Ordering::Relaxed)
    }

    fn tell(&self, order: &Order) -> Result<(), ObjectiveError> {
        self.crew().map_or(Ok(()), |crew| order.tell(crew, &[]))
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let Some(crew) = self.crew() else { return };
        if std::thread::panicking() {
            // The others wait for this rank.
            crew.ranks().abort();
        }
        if crew.is_leading() {
            let _ = Order::Stop.tell(crew, &[]);
        }
    }
}
